"""Markdown, with the front matter that may stand above it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.errors import SourceError
from bot.validity import PAST, day_of
from prompts.knowledge.readers.base import Reading, language_code, web_address

_FRONT = re.compile(r"\A---[ \t]*\n(?:(.{0,65536}?)\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_UPDATED = ("updated", "last_updated", "modified", "date")
_UNTIL = ("valid_until", "expires", "expired")
_GONE = ("archived", "superseded", "deprecated", "obsolete", "expired", "withdrawn")
_YES = ("true", "yes", "on", "1")
_PAIR = re.compile(r"^([A-Za-z_][\w-]*):[ \t]+(\S.*)$")


def read_markdown(text: str) -> Reading:
    """`title`, `language` (or `lang`) and `url` of the front matter are honoured, and what it says of time: `updated`
    (or `date`), `valid_until` (or `expires`), `archived: true` and the like. Other keys are left alone.

    Raises `SourceError` when what stands there is not YAML.
    """
    about, body = front_matter(text)
    return Reading(
        markdown=body,
        title=_text(about.get("title")),
        language=language_code(_text(about.get("language") or about.get("lang"))),
        url=web_address(_text(about.get("url"))),
        updated=_day(about, _UPDATED),
        valid_until=_day(about, _UNTIL) or (PAST if _is_past(about) else ""),
    )


def _day(about: Mapping[str, Any], keys: Sequence[str]) -> str:
    return next(filter(None, (day_of(_text(about.get(key))) for key in keys)), "")


def _is_past(about: Mapping[str, Any]) -> bool:
    told = any(_text(about.get(key)).casefold() in _YES for key in _GONE)
    return told or bool(_text(about.get("superseded_by"))) or _text(about.get("status")).casefold() in _GONE


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The mapping between the first two lines of "---", and what follows; an empty one when there is none."""
    match = _FRONT.match(text)
    if not match:
        return {}, text
    import yaml

    body = text[match.end() :]
    try:
        # Every value as the text that stands there: nothing is computed, and no date can be wrong.
        about = _plain(yaml.compose(match.group(1) or "", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        about = _by_lines(match.group(1))
        if about is None:
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 2})" if mark else ""
            message = f"Its front matter is not valid YAML{where}: correct it, or remove the lines of ---."
            raise SourceError(message, why="damaged") from None
    return (about, body) if about is not None else ({}, text)


def _plain(tree: Any) -> dict[str, Any] | None:
    """The keys of a mapping whose values are plain: {} for nothing at all, None for what is no mapping."""
    if tree is None:
        return {}
    pairs = tree.value if tree.id == "mapping" else None
    if pairs is None:
        return {} if tree.id == "scalar" and tree.tag.endswith(":null") else None
    return {
        key.value: "" if value.tag.endswith(":null") else value.value
        for key, value in pairs
        if key.id == value.id == "scalar"
    }


def _by_lines(front: str) -> dict[str, Any] | None:
    """Front matter as people write it: "title: Returns: how they work" is no YAML, but plain enough."""
    pairs = [_PAIR.match(line) for line in front.split("\n") if line.strip()]
    return {pair[1]: pair[2].strip() for pair in pairs if pair} if all(pairs) else None


def _text(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
