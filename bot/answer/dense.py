"""The words of a Chinese question.

Chinese writes no spaces. Its words are what the synonyms, places and days list, then what a dictionary has, then the
longest runs of what that leaves that occur in the texts which may answer; what is left over is a word that nobody
wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.answer.feature import STRONG, WEAK, Feature, weak_words
from bot.answer.lexicon import NOTHING, Entry, dense_spans, listed_as
from bot.answer.meaning import Meaning
from bot.chinese import Word, words
from bot.glosses import glosses
from bot.terms import content_from, content_runs
from bot.thesaurus import meant_by

DONE = 0.6
"""What a verb weighs, beside its usual weight, that nobody wrote: the same may be said in other words."""

_LONGEST_WORD = 6
_LONGEST_UNKNOWN = 64
"""So much of what nobody wrote is looked for: more would only cost time, as many characters as it has in each text."""
_Listed = Mapping[int, tuple[int, Entry]]


def dense_features(run: str, known: Sequence[Meaning]) -> Iterator[Feature]:
    """The features of one run of Chinese characters."""
    listed = {begin: (end, entry) for begin, end, entry in dense_spans(run, shortest=1)}
    rest = ""
    for word, entry in _segments(run, listed, known):
        if entry is NOTHING and len(word.text) == 1 and not _said(word, known):
            rest += word.text
            continue
        yield from _leftover(rest)
        rest = ""
        yield _feature(word, entry, known)
    yield from _leftover(rest)


def _feature(word: Word, entry: Entry, known: Sequence[Meaning]) -> Feature:
    weight = _weight(word.text, entry)
    if entry is NOTHING and word.verb and not _written(word.text, known):
        weight *= DONE
    return Feature(
        classes=entry.classes,
        near=entry.near,
        wider=entry.wider,
        weight=weight,
        text=word.text[:_LONGEST_UNKNOWN],
        glosses=glosses(word) | meant_by(word.text),
    )


def _segments(run: str, listed: _Listed, known: Sequence[Meaning]) -> Iterator[tuple[Word, Entry]]:
    """The words of a run without its stop words, each with what the lists say of it."""
    at = 0
    while at < len(run):
        end, entry = listed.get(at, (at, NOTHING))
        if end - at >= 2:
            yield _word(run[at:end]), entry
            yield from _inner(run[at:end], entry, known)
            at = end
            continue
        begin, end_of_piece = content_from(run, at)
        if begin > at:  # a stop word stands here
            at = begin
            continue
        border = next((place for place in range(at + 1, end_of_piece) if _long(listed, place)), end_of_piece)
        for word in _joined(words(run[at:border]), known):
            _, entry = listed.get(at, (at, NOTHING))
            yield word, entry if len(word.text) == 1 else NOTHING
            at += len(word.text)


def _inner(phrase: str, entry: Entry, known: Sequence[Meaning]) -> Iterator[tuple[Word, Entry]]:
    """The words in an everyday phrase that the texts have, which they may use in other phrases: 包裹 of 寄包裹."""
    if not entry.everyday or len(phrase) == 2 or _written(phrase, known):
        return
    for word in words(phrase):
        if 2 <= len(word.text) < len(phrase) and content_runs(word.text) and _written(word.text, known):
            yield word, listed_as(word.text)


def _long(listed: _Listed, at: int) -> bool:
    return at in listed and listed[at][0] - at >= 2


def _word(text: str) -> Word:
    """A listed word as the dictionary has it, if it does."""
    found = words(text)
    return found[0] if len(found) == 1 else Word(text)


def _joined(found: Sequence[Word], known: Sequence[Meaning]) -> Iterator[Word]:
    """Words with their neighbours where the texts write them together, and one of them is a single character: the
    dictionary does not know what things are called here."""
    at = 0
    while at < len(found):
        text, end = found[at].text, at + 1
        while end < len(found) and min(len(found[end - 1].text), len(found[end].text)) == 1:
            longer = text + found[end].text
            if len(longer) > _LONGEST_WORD or not _written(longer, known):
                break
            text, end = longer, end + 1
        yield found[at] if end == at + 1 else Word(text)
        at = end


def _written(word: str, known: Sequence[Meaning]) -> bool:
    return any(word in other.plain for other in known)


def _said(word: Word, known: Sequence[Meaning]) -> bool:
    """Whether somebody wrote a single character that says something."""
    return bool(word.meanings) and _written(word.text, known)


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
    if word in weak_words("zh") and entry.everyday:
        return WEAK
    return STRONG if len(word) > 1 else 2 * WEAK
