"""What an event of the house looks like in Slack. Pure, but for the configuration."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack import blocks, markdown
from adapters.slack.blocks import Block
from adapters.slack.showing import Content
from adapters.split import grow, split, utf16
from bot.config import Config
from bot.events import Failed, Post, Reply

_RANKS = {"waiting": 0, "taken": 1, "resolved": 2, "returned": 2}


class Contents:
    """Makes `Content` of events. `desk`: it is shown at the support desk, where nobody needs buttons for visitors."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.server.public_url.rstrip("/")

    def growing(self, reply: Reply) -> Content:
        """A reply that is still being written."""
        links = markdown.linked(reply.citations, self._root, pages=self._config.web.enabled)
        written = markdown.body(reply.text, links)
        return Content(message=reply.message_id, pieces=lambda limit: [p.shown for p in grow(written, limit, utf16)])

    def finished(self, reply: Reply, *, desk: bool) -> Content:
        links = markdown.linked(reply.citations, self._root, pages=self._config.web.enabled)
        written = markdown.answer(reply.text, reply.citations, links, self._language(reply.language))
        extras: list[Block] = []
        if not desk and reply.finish_reason != "human":
            language = self._language(reply.language)
            opinion = [] if reply.finish_reason == "remark" else [blocks.feedback(reply.message_id, language)]
            extras = [*opinion, *self._human(reply.message_id, language)]
        return _content(reply.message_id, written, extras)

    def failed(self, failed: Failed, *, desk: bool) -> Content:
        extras = [] if desk else self._human(failed.message_id, self._language(""))
        return _content(failed.message_id, markdown.body(failed.said), extras)

    def post(self, post: Post) -> Content:
        if post.kind == "said":
            return _content(post.id, markdown.said(post.name, post.text))
        if post.kind == "notice":
            shown = markdown.body(post.text)
            return Content(message=post.id, pieces=lambda _: [shown] if shown else [], whole=blocks.notice(post.text))
        card = blocks.card(post, self._language(""))
        title = str(card[0]["text"]["text"])
        return Content(message=post.id, pieces=lambda _: [title], whole=card, note={"case": post.case.state})

    def overtaken(self, post: Post, state: str) -> bool:
        """Whether a card shows a later `state` of its case than `post` knows."""
        return _RANKS.get(state, -1) > _RANKS[post.case.state]

    def _human(self, message_id: str, language: str) -> list[Block]:
        return [blocks.human(message_id, language)] if self._config.handover.channel else []

    def _language(self, language: str) -> str:
        return self._config.language.fixed or language or self._config.language.default


def _content(message: str, written: str, extras: Sequence[Block] = ()) -> Content:
    def pieces(limit: int) -> list[str]:
        return [piece.shown for piece in split(written, limit, utf16) if piece.shown]

    return Content(message=message, pieces=pieces, extras=tuple(extras))
