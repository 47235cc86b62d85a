"""From a source's bytes to what is stored: read, cut, analyse. No I/O; it works in threads."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.events import Passage
from bot.validity import held_until
from prompts.knowledge.aliases import aliases
from prompts.knowledge.analyze import plain, stored_terms
from prompts.knowledge.cut import cut
from prompts.knowledge.readers import one_line, read
from storage.base import Document, StoredPassage

_WAY = "5"
"""Raised when reading, cutting or analysing changes, so that the next `add` renews what was stored in the old way."""

_WRITTEN_BY_HAND = frozenset(("markdown",))
Detect = Callable[..., str]
_BEGINNING = re.compile(r"\s*(?:# [^\n]*\n)?((?:(?!#{1,6} )[^\n]*(?:\n|$))*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source's bytes. `name` is its file's name, `base` the address it came from, `charset` what came with it.

    One that is `attached` was given by a person to a conversation: its name is its title, and it stands for no page.
    """

    raw: bytes
    kind: str
    location: str
    name: str
    base: str = ""
    charset: str = ""
    attached: bool = False

    def digest(self, passage_tokens: int) -> str:
        """Changes when the bytes do, or the way they are read and cut."""
        how = f"{_WAY}\0{self.kind}\0{passage_tokens}\0".encode()
        return hashlib.sha256(how + self.raw).hexdigest()


def prepare(source: Source, *, passage_tokens: int, scope: str, detect: Detect) -> tuple[Document, list[StoredPassage]]:
    """The document and its passages; none for a source without text. Raises `SourceError`."""
    reading = read(source.raw, source.kind, name=source.name, base=source.base, charset=source.charset)
    if source.attached:
        reading = replace(reading, title=one_line(source.name) or source.name, url="")
    pieces = cut(reading.markdown, title=reading.title, budget=passage_tokens)
    language = reading.language
    if not language or source.kind not in _WRITTEN_BY_HAND:
        language = detect(plain(reading.markdown[:4_000]), hint=language)
    until = reading.valid_until or held_until(reading.title, plain(_beginning(reading.markdown)))
    passages = [
        StoredPassage(
            passage=Passage(
                text=piece.text,
                title=reading.title,
                location=source.location,
                score=0.0,
                heading=piece.heading,
                language=language,
                position=position,
                url=reading.url,
                updated=reading.updated,
                valid_until=_held_until(piece.heading, until),
            ),
            title_terms=stored_terms(reading.title, language),
            heading_terms=stored_terms(" ".join(piece.heading), language),
            body_terms=stored_terms(piece.text, language),
        )
        for position, piece in enumerate(pieces)
    ]
    document = Document(
        location=source.location,
        title=reading.title,
        language=language,
        digest=source.digest(passage_tokens),
        passages=len(passages),
        added_at=time.time(),
        scope=scope,
        url=reading.url,
        aliases=tuple(aliases(plain(reading.markdown), language)),
    )
    return document, passages


def _beginning(markdown: str) -> str:
    """What stands between a document's title and its first heading: it speaks for the whole."""
    match = _BEGINNING.match(markdown[:4_000])
    return match.group(1) if match else ""


def _held_until(heading: Sequence[str], whole: str) -> str:
    """Until when a passage holds: by the nearest heading that says so, else as its document."""
    return next(filter(None, map(held_until, reversed(heading))), whole)
