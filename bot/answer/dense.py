"""The words of a Chinese question, found without a dictionary of the language.

Chinese writes no spaces. Its words are what the synonyms, places and days list, then the longest runs that occur in the
texts that may answer; what is left over is a word that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.answer.feature import STRONG, WEAK, Feature, weak_words
from bot.answer.lexicon import NOTHING, Entry, dense_spans
from bot.answer.meaning import Meaning
from bot.terms import content_runs

_LONGEST_WORD = 6
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
    at = 0
    while at < len(run):
        end, entry = listed.get(at, (at, NOTHING))
        if end - at >= 2:
            yield run[at:end], entry
            at = end
            continue
        piece = (content_runs(run[at:]) or [""])[0]
        if not piece or not run.startswith(piece, at):  # a stop word stands here
            skip = run.find(piece, at + 1) if piece else -1
            at = skip if skip > at else len(run)
            continue
        border = next((begin for begin in sorted(listed) if begin > at and listed[begin][0] - begin >= 2), len(run))
        longest = min(len(piece), border - at, _LONGEST_WORD)
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
        yield Feature(weight=STRONG if len(rest) > 1 else WEAK, text=rest)


def _weight(word: str, entry: Entry) -> float:
    if word in weak_words("zh") and entry is NOTHING:
        return WEAK
    return STRONG if len(word) > 1 else 2 * WEAK
