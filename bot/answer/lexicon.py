"""Words and phrases that mean the same, or lie in something: synonyms, places, days, from `words/` and the thesaurus.

A class is what phrases of the same meaning share; a phrase may also lie in wider classes (Vienna in Austria, Austria in
the European Union). Phrases are found as stems in languages that write spaces, as characters in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from bot.answer.words import words
from bot.chinese import words as dictionary
from bot.glosses import Gloss
from bot.terms import content_terms, terms
from bot.thesaurus import EVERYDAY, groups

DENSE = frozenset({"zh", "ja"})
"""Languages whose words are looked for as characters."""

COMPOUNDING = frozenset({"de", "nl", "sv", "da", "no", "fi"})
"""Languages that write compounds as one word."""

EXACT = ("place:", "day:")
"""Beginnings of the names of classes whose phrases are names of one thing, so that a match is as good as the word."""

_SHORTEST_PART = 5
_HAN_RUN = re.compile("[\u3400-\u9fff]+")
_LOOSE = 2
"""Everyday phrases of so many characters are also found by chance, where two words meet."""

_DENSE_RUN = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase means: its classes, the ones it lies in itself (Tenerife, the Canaries) and those around these."""

    classes: frozenset[str]
    near: frozenset[str] = frozenset()
    wider: frozenset[str] = frozenset()

    @property
    def everyday(self) -> bool:
        """Whether the thesaurus alone has it, or nothing."""
        return all(name.startswith(EVERYDAY) for name in (*self.classes, *self.near, *self.wider))

    def __or__(self, other: Entry) -> Entry:
        return Entry(self.classes | other.classes, self.near | other.near, self.wider | other.wider)


NOTHING = Entry(frozenset())
_Table = Mapping[str, Sequence[tuple[tuple[str, ...], Entry]]]


def spans(stems: Sequence[str], language: str) -> Iterator[tuple[int, int, Entry]]:
    """(begin, end, entry) for the longest phrase from each place among `stems`.

    Words that the language's own list does not have are looked up as English.
    """
    tables = [_table(language)] if language == "en" else [_table(language), _table("en")]
    for begin, stem in enumerate(stems):
        for table in tables:
            hit = next(
                (
                    (begin, begin + len(phrase), entry)
                    for phrase, entry in table.get(stem, ())
                    if tuple(stems[begin : begin + len(phrase)]) == phrase
                ),
                None,
            )
            if hit:
                yield hit
                break


def dense_spans(plain: str, *, shortest: int = 2) -> Iterator[tuple[int, int, Entry]]:
    """(begin, end, entry) in a text's Chinese characters: the longest listed phrase from each place.

    One character alone says little inside a longer text; `shortest=1` is for questions.
    """
    if not _DENSE_RUN.search(plain):
        return
    table, sizes = _dense_table()
    for begin, first in enumerate(plain):
        for size in sizes.get(first, ()):
            end = begin + size
            entry = table.get(plain[begin:end], NOTHING) if shortest <= size and end <= len(plain) else NOTHING
            if entry is not NOTHING and (size != _LOOSE or not entry.everyday or {begin, end} <= _borders(plain)):
                yield (begin, end, entry)
                break


def listed_as(word: str) -> Entry:
    """What the lists say of a Chinese word."""
    return _dense_table()[0].get(word, NOTHING)


@lru_cache(maxsize=1_024)
def _borders(plain: str) -> frozenset[int]:
    """Where words of the dictionary begin or end: 出国 is none in 输出|国产."""
    found: set[int] = set()
    for run in _HAN_RUN.finditer(plain):
        found.update(accumulate((len(word.text) for word in dictionary(run.group())), initial=run.start()))
    return frozenset(found)


def _phrases() -> Iterator[tuple[str, str, Entry]]:
    """(language, phrase, entry); the language is "" for names, which are the same in all of them."""
    for name, spoken in words("synonyms").items():
        for language, phrases in spoken.items():
            for phrase in phrases.split("|"):
                yield language, phrase, Entry(frozenset({name}))
    yield from _everyday()
    for group in words("places").values():
        for name, place in group.items():
            wider = frozenset({"country", *(f"place:{outer}" for outer in place.get("in", ()))})
            own = frozenset({f"place:{name}"})
            yield from (("", phrase, Entry(own, wider=wider)) for phrase in place["names"].split("|"))
            yield from (("", phrase, Entry(frozenset(), own, wider)) for phrase in place.get("parts", "").split("|"))
    for name, day in words("calendar").items():
        entry = Entry(frozenset({f"day:{name}"}), wider=frozenset(f"day:{outer}" for outer in day.get("in", ())))
        yield from (("", phrase, entry) for phrase in day["names"].split("|"))


def _everyday() -> Iterator[tuple[str, str, Entry]]:
    """The thesaurus: each word that others are kinds of has a class of its own, as such words may differ."""
    outer: dict[str, Entry] = {}
    for group in groups():
        wider = [(language, phrase) for language, listing in group.wider.items() for phrase in listing]
        outer |= {phrase: Entry(frozenset({f"{EVERYDAY}kinds of {phrase}"})) for _, phrase in wider}
        around = frozenset(name for _, phrase in wider for name in outer[phrase].classes)
        entry = Entry(frozenset(), wider=around) if wider else Entry(frozenset({group.name}))
        yield from ((language, phrase, entry) for language, listing in group.phrases.items() for phrase in listing)
        yield from ((language, phrase, outer[phrase]) for language, phrase in wider)


def parts(word: str, language: str) -> Entry:
    """What the listed words mean that a compound begins and ends with (Garantie, Verlängerung); they are around it."""
    single = _words(language)
    cuts = range(len(word) - 1, _SHORTEST_PART - 1, -1)
    first = next((single[word[:at]] for at in cuts if word[:at] in single), NOTHING)
    last = next((single[word[-at:]] for at in cuts if word[-at:] in single), NOTHING)
    return Entry(frozenset(), wider=first.classes | last.classes)


@lru_cache(maxsize=8_192)
def english(classes: frozenset[str]) -> frozenset[Gloss]:
    """The English words of some classes, by which what they name is known to the dictionary of Chinese."""
    phrases = {phrase for name in classes for phrase in _english().get(name, ())}
    return frozenset(stems for phrase in phrases if 0 < len(stems := frozenset(content_terms(phrase, "en"))) <= 2)


@lru_cache(maxsize=1)
def _english() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for language, phrase, entry in _phrases():
        for name in entry.classes if language == "en" else ():
            found.setdefault(name, []).append(phrase)
    return found


@lru_cache(maxsize=16)
def _words(language: str) -> Mapping[str, Entry]:
    """What single words of some length mean, by themselves as they are listed."""
    found: dict[str, Entry] = {}
    for owner, phrase, entry in _phrases():
        if owner == language and len(phrase) >= _SHORTEST_PART and phrase.isalpha():
            found[phrase.casefold()] = found.get(phrase.casefold(), NOTHING) | entry
    return found


@lru_cache(maxsize=32)
def listed(language: str) -> frozenset[str]:
    """The phrases of a language's lists, and names, as they are written there."""
    return frozenset(phrase.casefold() for owner, phrase, _ in _phrases() if owner in ("", language))


@lru_cache(maxsize=32)
def _table(language: str) -> _Table:
    """A language's phrases by their first stem, the longest first."""
    found: dict[tuple[str, ...], Entry] = {}
    for owner, phrase, entry in _phrases():
        if owner in ("", language) and phrase and not _DENSE_RUN.search(phrase):
            stems = tuple(terms(phrase, language))
            if stems:
                found[stems] = found.get(stems, NOTHING) | entry
    table: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    for stems in sorted(found, key=len, reverse=True):
        table.setdefault(stems[0], []).append((stems, found[stems]))
    return table


@lru_cache(maxsize=1)
def _dense_table() -> tuple[Mapping[str, Entry], Mapping[str, Sequence[int]]]:
    """Phrases of characters, and by its first character how long they are, the longest first."""
    table: dict[str, Entry] = {}
    for _, phrase, entry in _phrases():
        if _DENSE_RUN.search(phrase):
            table[phrase.casefold()] = table.get(phrase.casefold(), NOTHING) | entry
    sizes: dict[str, set[int]] = {}
    for phrase in table:
        sizes.setdefault(phrase[0], set()).add(len(phrase))
    return table, {first: sorted(found, reverse=True) for first, found in sizes.items()}
