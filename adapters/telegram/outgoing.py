"""What an event of the house looks like in Telegram: messages with what stands below them. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.graphemes import may_cut
from adapters.telegram import keyboards
from adapters.telegram.cards import card, named, noticed
from adapters.telegram.entities import Rendered
from adapters.telegram.keyboards import Keyboard
from adapters.telegram.markdown import preview, render
from adapters.telegram.rich import rich
from adapters.telegram.words import said
from bot.config import Config
from bot.events import Failed, Post, Reply

RANKS = {"waiting": 0, "taken": 1, "resolved": 2, "returned": 2}
_BEGINNING = 120
_LAST_WORD = re.compile(r"\s+\S*\Z")


@dataclass(frozen=True, slots=True)
class Body:
    """What one message shows, as arguments of `editMessageText`; `beginning` is what stands there before."""

    arguments: Mapping[str, Any]
    beginning: str

    @property
    def digest(self) -> str:
        """A short name for what is shown."""
        encoded = json.dumps(self.arguments, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
        return hashlib.blake2b(encoded, digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is to be shown, in messages. `rich` says the same in one ("" when it cannot); `keyboard` stands below the
    last. `message` is what it answers, `note` what is kept with it."""

    message: str
    pieces: Sequence[Rendered] = ()
    rich: str = ""
    keyboard: Keyboard = field(default_factory=lambda: keyboards.NONE)
    note: Mapping[str, Any] = field(default_factory=dict)

    def bodies(self, *, enriched: bool, plain: bool = False) -> list[Body]:
        """One for each message: a single rich one, or texts with their entities, or (`plain`) without."""
        if enriched and self.rich:
            arguments = {"rich_message": {"markdown": self.rich, "skip_entity_detection": True}}
            return [Body(arguments | _below(self.keyboard), beginning(self.pieces[0].text))]
        last = len(self.pieces) - 1
        return [
            body(piece, self.keyboard if number == last else keyboards.NONE, plain=plain)
            for number, piece in enumerate(self.pieces)
        ]


class Outgoing:
    """Makes `Content` of events. `desk`: it is shown at the support desk, where nobody needs buttons for visitors."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.server.public_url.rstrip("/")

    def growing(self, reply: Reply, *, group: bool, stop: bool) -> Body | None:
        """A reply that is still being written, with (`stop`) a button to end that; None while there is nothing to
        show."""
        shown = preview(reply.text, quiet=group)
        keyboard = keyboards.running(self.language(reply.language)) if stop else keyboards.NONE
        return body(shown, keyboard) if shown.text.strip() else None

    def finished(self, reply: Reply, *, group: bool, desk: bool, business: bool) -> Content:
        language = self.language(reply.language)
        shown: dict[str, Any] = {"heading": said("sources", language), "pages": self._config.web.enabled}
        pieces = render(reply.text, reply.citations, self._root, quiet=group, **shown)
        long = len(pieces) > 1 and self._config.telegram.rich
        buttons = not (desk or business or reply.finish_reason == "human")
        human = buttons and bool(self._config.handover.channel)
        opinions = buttons and reply.finish_reason != "remark"
        return Content(
            message=reply.message_id,
            pieces=pieces,
            rich=rich(reply.text, reply.citations, self._root, **shown) if long else "",
            keyboard=keyboards.answered(language, human=human, feedback=opinions) if buttons else keyboards.NONE,
            note={"language": language, "human": human} if opinions else {},
        )

    def failed(self, failed: Failed, *, group: bool, desk: bool, business: bool) -> Content:
        human = not (desk or business) and bool(self._config.handover.channel)
        keyboard = keyboards.answered(self.language(""), human=human, feedback=False)
        pieces = render(failed.said, quiet=group)
        return Content(message=failed.message_id, pieces=pieces, keyboard=keyboard)

    def post(self, post: Post) -> Content:
        if post.kind == "said":
            return Content(message=post.id, pieces=render(named(post.name, post.text)))
        if post.kind == "notice":
            return Content(message=post.id, pieces=render(noticed(post.text)))
        language = self.language("")
        return Content(
            message=post.id,
            pieces=[card(post, language)],
            keyboard=keyboards.case(post.case.state, language),
            note={"case": post.case.state},
        )

    def language(self, language: str) -> str:
        return self._config.language.fixed or language or self._config.language.default


def body(shown: Rendered, keyboard: Keyboard, *, plain: bool = False) -> Body:
    arguments: dict[str, Any] = {"text": shown.text, "link_preview_options": {"is_disabled": True}}
    if shown.entities and not plain:
        arguments["entities"] = entities(shown)
    return Body(arguments | _below(keyboard), beginning(shown.text))


def entities(shown: Rendered) -> list[dict[str, Any]]:
    """As Telegram takes them: https://core.telegram.org/bots/api#messageentity."""
    return [
        {"type": entity.type, "offset": entity.offset, "length": entity.length}
        | ({"url": entity.url} if entity.url else {})
        | ({"language": entity.language} if entity.language else {})
        for entity in shown.entities
    ]


def beginning(text: str) -> str:
    """What stands where `text` will be: less than half of it, so that it is never taken for the whole."""
    line = " ".join(text[: 4 * _BEGINNING].split())
    stop = min(_BEGINNING, len(line) // 2)
    while stop and not may_cut(line, stop):
        stop -= 1
    first = line[:stop]
    if not line[stop : stop + 1].isspace():  # in the middle of a word, where words are apart
        first = _LAST_WORD.sub("", first) if " " in first else "" if first.isascii() else first
    return f"{first} …".lstrip()


def _below(keyboard: Keyboard) -> dict[str, Any]:
    return {"reply_markup": keyboard} if keyboard["inline_keyboard"] else {}
