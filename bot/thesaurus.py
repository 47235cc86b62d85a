"""Words of everyday life that stand for one another: one list for search and for answers.

`thesaurus.txt` has those of languages that write spaces, `thesaurus.zh.txt` Chinese ones with the English they meet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.terms import terms

EVERYDAY = "everyday:"
"""What the names of groups begin with."""

_LANGUAGES = ("en", "de", "es")


@dataclass(frozen=True, slots=True)
class Group:
    """Phrases that mean nearly the same, by language. `wider`, mostly empty, is what they are kinds of, by language.

    `english` is what a Chinese group means (its `wider` words, where it has any); no English word is found by it.
    """

    name: str
    phrases: Mapping[str, tuple[str, ...]]
    wider: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    english: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """Every line of the lists, in its order; each has a name of its own."""
    spaced = (_group(number, line) for number, line in enumerate(_lines("thesaurus.txt")))
    chinese = (_chinese_group(number, line) for number, line in enumerate(_lines("thesaurus.zh.txt")))
    return (*spaced, *chinese)


def _lines(name: str) -> Iterator[str]:
    text = (Path(__file__).parent / name).read_text("utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _group(number: int, line: str) -> Group:
    same, _, wider = line.partition("<")
    phrases = _by_language(same)
    return Group(f"{EVERYDAY}{number}:{phrases['en'][0]}", phrases, _by_language(wider) if wider.strip() else {})


def _by_language(listing: str) -> dict[str, tuple[str, ...]]:
    return dict(zip(_LANGUAGES, map(tuple, map(_split, listing.split("|"))), strict=False))


def _chinese_group(number: int, line: str) -> Group:
    both, _, english = line.partition("|")
    same, _, wider = (tuple(_split(listing)) for listing in both.partition("<"))
    return Group(
        f"{EVERYDAY}zh{number}:{next(_split(english), same[0])}",
        {"zh": same},
        {"zh": wider} if wider else {},
        tuple(_split(english)),
    )


def _split(phrases: str) -> Iterator[str]:
    return (phrase.strip() for phrase in phrases.split(",") if phrase.strip())


@dataclass(frozen=True, slots=True)
class Phrase:
    """Where a phrase of the list stands among some terms, and how else it is said: each way a set of terms."""

    begin: int
    end: int
    ways: tuple[frozenset[str], ...]


def spoken(found: Sequence[str], language: str, targets: Collection[str]) -> Iterator[Phrase]:
    """The longest phrase of the list from each place among the terms `found` (of `language`).

    Its ways are those of its groups, in the languages `targets`; what is known under a wider word is looked for there.
    """
    table = _table(language)
    for begin, first in enumerate(found):
        starting = table.get(first, {})
        here = (stems for stems in starting if tuple(found[begin : begin + len(stems)]) == stems)
        longest = max(here, key=len, default=())
        if longest:
            ways = dict.fromkeys(way for number in starting[longest] for way in _ways(number, targets))
            own = frozenset(longest)
            yield Phrase(begin, begin + len(longest), tuple(way for way in ways if way != own))


def spoken_in_chinese(phrase: str, targets: Collection[str]) -> tuple[frozenset[str], ...]:
    """How else a Chinese phrase of the list is said, each way as a set of terms; nothing for other phrases."""
    ways = dict.fromkeys(way for number in _chinese_phrases().get(phrase, ()) for way in _ways(number, targets))
    own = frozenset(terms(phrase, "zh"))
    return tuple(way for way in ways if way != own)


@lru_cache(maxsize=16_384)
def meant_by(phrase: str) -> frozenset[frozenset[str]]:
    """What a Chinese phrase of the list means, as sets of English stems; nothing for other phrases, and for kinds."""
    numbers = (number for number in _chinese_phrases().get(phrase, ()) if not groups()[number].wider)
    return frozenset(way for number in numbers for way in _ways_in(number, "en"))


@lru_cache(maxsize=1)
def _chinese_phrases() -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for number, group in enumerate(groups()):
        for phrase in group.phrases.get("zh", ()):
            found.setdefault(phrase, []).append(number)
    return found


@lru_cache(maxsize=32)
def _table(language: str) -> Mapping[str, Mapping[tuple[str, ...], tuple[int, ...]]]:
    """By its first term each phrase, as terms, with the numbers of its groups."""
    found: dict[str, dict[tuple[str, ...], tuple[int, ...]]] = {}
    for number, group in enumerate(groups()):
        for phrase in group.phrases.get(language, ()):
            stems = tuple(terms(phrase, language))
            if stems:
                known = found.setdefault(stems[0], {})
                known[stems] = (*known.get(stems, ()), number)
    return found


@lru_cache(maxsize=16_384)
def _ways_in(number: int, language: str) -> tuple[frozenset[str], ...]:
    """A kind is looked for as what it is a kind of; brothers among kinds, such as scarf and hat, are not the same."""
    group = groups()[number]
    phrases = (group.wider or group.phrases).get(language, group.english if language == "en" else ())
    return tuple(dict.fromkeys(frozenset(terms(phrase, language)) for phrase in phrases))


def _ways(number: int, targets: Collection[str]) -> Iterator[frozenset[str]]:
    for language in sorted(targets):
        yield from _ways_in(number, language)
