"""Texts and their entities, measured in UTF-16 units: https://core.telegram.org/bots/api#messageentity. Pure.

Telegram repairs some entities in silence (it drops, cuts or joins them); here they are refused, so that what a reader
sees is what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.fakes.telegram.arguments import Refused

Entity = Mapping[str, Any]

TEXT, CAPTION, ENTITIES = 4_096, 1_024, 100
_STYLES = frozenset({"bold", "italic", "underline", "strikethrough", "spoiler"})
_QUOTES = frozenset({"blockquote", "expandable_blockquote"})
_CODES = frozenset({"code", "pre"})
_NEEDS: Mapping[str, Mapping[str, type]] = {
    "text_link": {"url": str},
    "text_mention": {"user": dict},
    "custom_emoji": {"custom_emoji_id": str},
    "date_time": {"unix_time": int},
}
_MAY = {"pre": {"language"}, "date_time": {"date_time_format"}}
_FOUND = frozenset({"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"})
"""Kinds that Telegram finds by itself, and takes when they are given."""
_KINDS = _STYLES | _QUOTES | _CODES | _FOUND | frozenset(_NEEDS)

_PATTERNS = (
    ("bot_command", re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z]\w{3,31}")),
    ("url", re.compile(r"\bhttps?://[^\s<>]+[^\s<>.,;:!?)\]]")),
    ("hashtag", re.compile(r"(?<!\w)#[^\W\d]\w*")),
)


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def piece(text: str, entity: Entity) -> str:
    """What an entity covers."""
    raw = text.encode("utf-16-le")
    return raw[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")


def found(text: str) -> list[Entity]:
    """The entities that Telegram finds in what people write."""
    hits: list[Entity] = []
    taken = 0
    spans = sorted(
        (match.start(), match.end(), kind) for kind, pattern in _PATTERNS for match in pattern.finditer(text)
    )
    for start, end, kind in spans:
        if start >= taken:
            hits.append({"type": kind, "offset": units(text[:start]), "length": units(text[start:end])})
            taken = end
    return hits


def checked(
    text: str,
    entities: Sequence[Any] | None,
    *,
    most: int = TEXT,
    empty: bool = False,
    long: str = "message is too long",
) -> tuple[str, list[Entity]]:
    """The text and the entities as they will stand. Raises `Refused` for what may not be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("strings must be encoded in UTF-8", blame=True) from None
    if not text.strip() and not empty:
        raise Refused("message text is empty", blame=True)
    length = units(text)
    if length > most:
        raise Refused(long, blame=True)
    given = list(entities or ())
    check_entities(text, given, length)
    return _trimmed(text, given or found(text))


def check_entities(text: str, entities: Sequence[Any], length: int) -> None:
    """Refuse entities that are none, too many, lie outside, cut a character in two, or are nested against the rules."""
    if len(entities) > ENTITIES:
        raise _wrong(f"ENTITIES_TOO_LONG: {len(entities)}")
    edges = {0}
    at = 0
    for character in text if entities else "":
        at += 1 + (ord(character) > 0xFFFF)
        edges.add(at)
    for entity in entities:
        _check(entity, length)
        if not {entity["offset"], entity["offset"] + entity["length"]} <= edges:
            raise _wrong(f"ENTITY_BOUNDS_INVALID: a surrogate pair is split by {entity}")
    _check_nesting(entities)


def _check(entity: Any, length: int) -> None:
    if not isinstance(entity, Mapping) or entity.get("type") not in _KINDS:
        raise _wrong(f"can't parse MessageEntity: unknown type in {entity}")
    kind = entity["type"]
    needs = _NEEDS.get(kind, {})
    for name in ("offset", "length"):
        if not isinstance(entity.get(name), int) or isinstance(entity[name], bool):
            raise _wrong(f"can't parse MessageEntity: {name} in {entity}")
    if any(not isinstance(entity.get(name), right) or not entity[name] for name, right in needs.items()):
        raise _wrong(f"can't parse MessageEntity: {sorted(needs)} needed in {entity}")
    if unknown := set(entity) - {"type", "offset", "length"} - set(needs) - _MAY.get(kind, set()):
        raise _wrong(f"can't parse MessageEntity: {sorted(unknown)} in {entity}")
    if entity["offset"] < 0 or entity["length"] < 1 or entity["offset"] + entity["length"] > length:
        raise _wrong(f"ENTITY_BOUNDS_INVALID: {entity} in a text of {length}")


def _check_nesting(entities: Sequence[Entity]) -> None:
    """Who begins first and ends last is outside; of two that cover the same, each is inside the other."""
    ordered = sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))
    open_: list[Entity] = []
    for entity in ordered:
        while open_ and _end(open_[-1]) <= entity["offset"]:
            open_.pop()
        for outer in open_:
            if _end(outer) < _end(entity):
                raise _wrong(f"entities overlap: {outer} and {entity}")
            _check_pair(outer, entity)
        open_.append(entity)


def _check_pair(outer: Entity, inner: Entity) -> None:
    kinds = {outer["type"], inner["type"]}
    if outer["type"] in _QUOTES:
        if inner["type"] in _QUOTES:
            raise _wrong(f"quotations are nested: {outer} and {inner}")
        return
    if inner["type"] in _QUOTES and _end(inner) - inner["offset"] == outer["length"]:
        return
    if kinds & _CODES:
        raise _wrong(f"code is nested with another entity: {outer} and {inner}")
    if not kinds & _STYLES:
        raise _wrong(f"entities of these kinds can't be nested: {outer} and {inner}")


def _end(entity: Entity) -> int:
    return int(entity["offset"]) + int(entity["length"])


def _trimmed(text: str, entities: Sequence[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at the ends, as Telegram shows it; at the beginning it stays where an entity covers it."""
    kept = text.rstrip()
    ahead = len(kept) - len(kept.lstrip())
    if any(entity["offset"] < units(kept[:ahead]) for entity in entities):
        ahead = 0
    shift, kept = units(kept[:ahead]), kept[ahead:]
    length = units(kept)
    moved = [{**entity, "offset": entity["offset"] - shift} for entity in entities]
    return kept, list(_cut(moved, length))


def _cut(entities: Sequence[dict[str, Any]], length: int) -> Iterator[Entity]:
    for entity in entities:
        if entity["offset"] < length:
            yield {**entity, "length": min(entity["length"], length - entity["offset"])}


def _wrong(description: str) -> Refused:
    return Refused(description, blame=True)
