"""The words of a Chinese question, found without a dictionary of the language.

Chinese writes no spaces. Its words are what the synonyms, places and days list, then the longest runs that occur in the
texts that may answer; what is left over is a word that nobody wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from bot.answer.feature import STRONG, WEAK, Feature, weak_words
from bot.answer.lexicon import NOTHING, Entry, dense_spans
from bot.answer.meaning import Meaning
from bot.terms import content_from

_LONGEST_WORD = 6
_LONGEST_UNKNOWN = 64
"""So much of what nobody wrote is looked for: more would only cost time, as many characters as it has in each text."""
_Listed = Mapping[int, tuple[int, Entry]]


def dense_features(run: str, known: Sequence[Meaning]) -> Iterator[Feature]:
    """The features of one run of Chinese characters."""
    listed = {begin: (end, entry) for begin, end, entry in dense_spans(run, shortest=1)}
    rest = ""
    for word, entry in _segments(run, listed, known):
        if entry is NOTHING and (len(word) == 1 or not _written(word, known)):
            rest += word
            continue
        yield from _leftover(rest)
        rest = ""
        yield Feature(classes=entry.classes, near=entry.near, wider=entry.wider, weight=_weight(word, entry), text=word)
    yield from _leftover(rest)


def _segments(run: str, listed: _Listed, known: Sequence[Meaning]) -> Iterator[tuple[str, Entry]]:
    borders = sorted(begin for begin, (end, _) in listed.items() if end - begin >= 2)
    at = 0
    while at < len(run):
        end, entry = listed.get(at, (at, NOTHING))
        if end - at >= 2:
            yield run[at:end], entry
            at = end
            continue
        begin, end_of_piece = content_from(run, at)
        if begin > at:  # a stop word stands here
            at = begin
            continue
        after = bisect_right(borders, at)
        border = borders[after] if after < len(borders) else len(run)
        longest = min(end_of_piece - at, border - at, _LONGEST_WORD)
        size = next((size for size in range(longest, 1, -1) if _written(run[at : at + size], known)), 1)
        yield run[at : at + size], entry if size == 1 else NOTHING
        at += size


def _written(word: str, known: Sequence[Meaning]) -> bool:
    return any(word in other.plain for other in known)


def _leftover(rest: str) -> Iterator[Feature]:
    """Characters that nobody wrote: two or more of them are an unknown word, but for weak ones at the ends."""
    weak = weak_words("zh")
    while rest and rest[0] in weak:
        rest = rest[1:]
    while rest and rest[-1] in weak:
        rest = rest[:-1]
    if rest and rest not in weak:
        yield Feature(weight=STRONG if len(rest) > 1 else WEAK, text=rest[:_LONGEST_UNKNOWN])


def _weight(word: str, entry: Entry) -> float:
    if word in weak_words("zh") and entry is NOTHING:
        return WEAK
    return STRONG if len(word) > 1 else 2 * WEAK
