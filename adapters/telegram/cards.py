"""What people see of each other in a conversation that was handed over: cards, words, notices, as Markdown. Pure."""

from __future__ import annotations

import re

from adapters.split import utf16
from adapters.telegram.entities import LIMIT, Rendered
from adapters.telegram.markdown import render
from adapters.telegram.words import said
from bot.events import Case, Post
from bot.phrases import language_name
from bot.phrases import said as phrase

_SIGN = re.compile(r"([!-/:-@\[-`{-~])")
_BLOCK = re.compile(r"\s{0,3}(?:[-*+>#|]|\d{1,9}[.)]\s|```|~~~)|\s{4}|[^\n]*\|[^\n]*\n[ :|-]+(?:\n|\Z)")
_MORE = "\n…"
_NAME, _REASON = 200, 1_000


def card(post: Post, language: str) -> Rendered:
    """A case at the support desk: who waits, why, and what was said. What does not fit in a message is left out."""
    case = post.case
    name = case.name or phrase("visitor", language)
    parts = [f"**{plain(said('case', language, name=name[:_NAME]))}**", _fields(case, language)]
    if reason := case.reason.strip()[:_REASON]:
        parts.append("\n".join(f"> {plain(line)}" for line in reason.splitlines()))
    if post.text.strip():
        parts.append(f"---\n\n{post.text.strip()}")
    pieces = render("\n\n".join(parts))
    first = pieces[0]
    if len(pieces) > 1 and utf16(first.text) + utf16(_MORE) <= LIMIT:
        return Rendered(first.text + _MORE, first.entities)
    return first


def named(name: str, text: str) -> str:
    """What a person said, with their name before it."""
    if not name:
        return text
    return f"**{plain(name)}:**{_between(text)}{text}"


def noticed(text: str) -> str:
    """What the house tells."""
    return "\n\n".join(f"*{plain(part)}*" for part in text.split("\n\n") if part.strip())


def plain(text: str) -> str:
    """A line of somebody's as it is: nothing in it is a mark."""
    return _SIGN.sub(r"\\\1", " ".join(text.split()))


def _between(text: str) -> str:
    return "\n\n" if _BLOCK.match(text) else " "


def _fields(case: Case, language: str) -> str:
    agent = case.agent_name or phrase("colleague", language)
    known = {
        "state": said(case.state, language, agent=agent),
        "where": case.visitor.channel,
        "language": language_name(case.language, language) if case.language else "",
    }
    return "  \n".join(
        f"{plain(said(key, language))}: **{plain(value[:_NAME])}**" for key, value in known.items() if value
    )
