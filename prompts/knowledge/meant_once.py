"""Words of a question that say one thing together: each thing counts once, however many words it took to say it.

"Never turned up" is a phrase that the thesaurus knows, and says nothing of turning; "how long does it take" says twice
what one word of it says. Without this a long question is found where its small words stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompts.knowledge.analyze import Asked

WITHIN = 0.3
"""What a word counts within a phrase that is looked for as a whole."""

_SAME = 0.5
"""The share of the other ways to say them from which on two words say the same."""


def within_phrases(words: Iterable[Asked], phrases: Sequence[frozenset[str]]) -> list[Asked]:
    """The words, where those of a phrase count less and mean nothing else by themselves."""
    return [_within(word) if _is_part(word, phrases) else word for word in words]


def together(words: Iterable[Asked]) -> list[Asked]:
    """The words, those that say the same as one: found where any of them is."""
    found: list[Asked] = []
    for word in words:
        at = next((at for at, other in enumerate(found) if _say_the_same(word, other)), -1)
        if at < 0:
            found.append(word)
        else:
            found[at] = _both(found[at], word)
    return found


def _within(word: Asked) -> Asked:
    return replace(word, related=(), near=(), counts=word.counts * WITHIN)


def _is_part(word: Asked, phrases: Sequence[frozenset[str]]) -> bool:
    return any(way < phrase for way in word.ways for phrase in phrases)


def _say_the_same(one: Asked, other: Asked) -> bool:
    few = min(len(one.related), len(other.related))
    return few > 0 and len({*one.related} & {*other.related}) >= _SAME * few


def _both(one: Asked, other: Asked) -> Asked:
    return replace(
        one,
        ways=tuple(dict.fromkeys((*one.ways, *other.ways))),
        near=tuple(dict.fromkeys((*one.near, *other.near))),
        related=tuple(dict.fromkeys((*one.related, *other.related))),
        akin=tuple(dict.fromkeys((*one.akin, *other.akin))),
        counts=max(one.counts, other.counts),
    )
