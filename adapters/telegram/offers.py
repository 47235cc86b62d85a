"""Inline mode: somebody writes the bot's name and a question in any chat, and is offered an answer to send there.

It is looked up while they type and forgotten at once: nothing of it is stored, and who has typed on meanwhile gets no
answer to what they typed before. https://core.telegram.org/bots/inline
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from adapters.base import Quick
from adapters.telegram import rules
from adapters.telegram.commands import link
from adapters.telegram.heard import Asked
from adapters.telegram.keyboards import NONE
from adapters.telegram.markdown import render
from adapters.telegram.outgoing import body
from adapters.telegram.receiving import Receiving
from bot.errors import FrontdeskError
from bot.events import Reply

_LEAST_CHARACTERS = 3
_CACHE_SECONDS = 60
_TITLE, _SHOWN = 80, 160
_REMEMBERED = 1_000


class Offers:
    """`quick` looks answers up; without it there is only the way into the private chat."""

    def __init__(self, at: Receiving, quick: Quick | None) -> None:
        self._at, self._quick = at, quick
        self._newest: OrderedDict[int, str] = OrderedDict()

    def answer(self, asked: Asked) -> None:
        """Offer what there is, soon or not at all."""
        self._newest[asked.who.id] = asked.query
        self._newest.move_to_end(asked.who.id)
        while len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)
        self._at.courtesies.offer(lambda: self._answer(asked))

    async def _answer(self, asked: Asked) -> None:
        config = self._at.config
        served = config.telegram.inline and rules.may_ask(asked.who, config.telegram)
        results = await self._results(asked) if served else []
        if self._newest.get(asked.who.id) != asked.query:
            return
        more: dict[str, Any] = {}
        if served:
            text = self._at.word("inline_private", asked.who)
            more["button"] = {"text": text, "start_parameter": link(asked.text)}
        await self._at.api.call(
            "answerInlineQuery",
            inline_query_id=asked.query,
            results=results,
            cache_time=_CACHE_SECONDS if results else 0,
            is_personal=True,
            **more,
        )

    async def _results(self, asked: Asked) -> list[Mapping[str, Any]]:
        if self._quick is None or len(asked.text) < _LEAST_CHARACTERS:
            return []
        try:
            reply = await self._quick(asked.text, asked.who.language)
        except FrontdeskError:
            return []
        known = reply.finish_reason != "declined" and reply.text.strip()
        return [article(asked.text, reply, self._at)] if known else []


def article(question: str, reply: Reply, at: Receiving) -> Mapping[str, Any]:
    """What is offered: https://core.telegram.org/bots/api#inlinequeryresultarticle."""
    root = at.config.server.public_url.rstrip("/")
    heading = at.spoken("sources", reply.language)
    shown = render(reply.text, reply.citations, root, heading=heading, pages=at.config.web.enabled)[0]
    content = dict(body(shown, NONE).arguments)
    content["message_text"] = content.pop("text")
    return {
        "type": "article",
        "id": hashlib.blake2b(f"{question}\n{reply.text}".encode("utf-8", "replace"), digest_size=16).hexdigest(),
        "title": _short(question, _TITLE),
        "description": _short(shown.text, _SHOWN),
        "input_message_content": content,
    }


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
