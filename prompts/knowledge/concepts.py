"""Words that mean nearly the same, within a language and across languages, from `concepts.txt`.

A search by words alone finds "What does it cost?" in an article that says "price", and "Garantie" in one that says
"warranty". It is a small list of what customers of any trade ask about, not a dictionary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.terms import content_terms, terms
from bot.thesaurus import spoken, spoken_in_chinese

_MEANS = "="
"""Marks the English meaning of a Chinese word among the terms of a passage, so that it is no word of a text."""

_LANGUAGES = ("en", "de", "es", "fr", "zh", "ar")
COMPOUNDING = frozenset(("de", "nl", "sv", "da", "no", "fi"))
_SHORTEST_PART = 5


@dataclass(frozen=True, slots=True)
class _Concepts:
    """`lines` hold each concept's terms by language; `by_term` and `by_word` find them."""

    lines: Sequence[dict[str, tuple[frozenset[str], ...]]]
    by_term: dict[tuple[str, str], tuple[int, ...]]
    by_word: dict[tuple[str, str], tuple[int, ...]]


def related(word: str, language: str, targets: Collection[str]) -> list[frozenset[str]]:
    """The ways in which the languages `targets` say what `word` (of a language with spaces) means, without itself.

    Each way is a set of terms. A German compound is looked up by its beginning and its end.
    """
    concepts = _concepts()
    own = frozenset(terms(word, language))
    lines = [line for term in own for line in concepts.by_term.get((language or "en", term), ())]
    if not lines and language in COMPOUNDING:
        lines = list(_parts(word.casefold(), language, concepts))
    stems = terms(word, language)
    everyday = (way for phrase in spoken(stems, language or "en", targets) for way in phrase.ways)
    found = [way for way in dict.fromkeys((*_ways(lines, targets), *everyday)) if way != own]
    return [*found, *_in_chinese(stems, lines, language)] if "zh" in targets else found


def _in_chinese(stems: Sequence[str], lines: Sequence[int], language: str) -> Iterator[frozenset[str]]:
    """The ways in which Chinese passages mean a word: by its English equivalents."""
    english = [frozenset(stems)] if language == "en" else []
    english += _ways(lines, ("en",))
    english += (way for phrase in spoken(stems, language or "en", ("en",)) for way in phrase.ways)
    yield from map(meant, dict.fromkeys(english))


def idioms(
    text: str, language: str, targets: Collection[str]
) -> list[tuple[frozenset[str], tuple[frozenset[str], ...]]]:
    """The phrases of several words in a text that the thesaurus knows: their terms, and how else they are said.

    Those without a word that carries a subject ("how many", "how long do I have") only say what is waited for.
    """
    if language == "zh":
        return []
    found, content = terms(text, language), frozenset(content_terms(text, language))
    said = (phrase for phrase in spoken(found, language or "en", targets) if phrase.end > phrase.begin + 1)
    phrases = ((frozenset(found[phrase.begin : phrase.end]), phrase.ways) for phrase in said)
    return [(own, ways) for own, ways in phrases if own & content]


def chinese(word: str, targets: Collection[str]) -> list[frozenset[str]]:
    """The ways in which the languages `targets` say what a Chinese word of the lists means; none for other words."""
    listed = _ways(_concepts().by_word.get(("zh", word), ()), targets)
    return list(dict.fromkeys((*listed, *spoken_in_chinese(word, targets))))


def meant(stems: Collection[str]) -> frozenset[str]:
    """English stems as the way in which a Chinese passage means them."""
    return frozenset(_MEANS + stem for stem in stems)


def _ways(lines: Sequence[int], targets: Collection[str]) -> Iterator[frozenset[str]]:
    concepts = _concepts()
    found = (way for line in lines for target in sorted(targets) for way in concepts.lines[line].get(target, ()))
    yield from dict.fromkeys(found)


def _parts(word: str, language: str, concepts: _Concepts) -> Iterator[int]:
    for length in range(len(word) - 1, _SHORTEST_PART - 1, -1):
        for part in (word[:length], word[-length:]):
            yield from concepts.by_word.get((language, part), ())


@lru_cache(maxsize=1)
def _concepts() -> _Concepts:
    lines: list[dict[str, tuple[frozenset[str], ...]]] = []
    by_term: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_word: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line in (Path(__file__).parent / "concepts.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        entry: dict[str, tuple[frozenset[str], ...]] = {}
        for language, words in zip(_LANGUAGES, line.split("|"), strict=False):
            spelled = [(word, frozenset(terms(word, language))) for word in words.split() if len(word) > 1]
            entry[language] = tuple(dict.fromkeys(found for _, found in spelled))
            for word, found in spelled:
                by_word[language, word.casefold()].append(len(lines))
                if len(found) == 1:
                    by_term[language, next(iter(found))].append(len(lines))
        lines.append(entry)
    return _Concepts(
        lines,
        {key: tuple(dict.fromkeys(value)) for key, value in by_term.items()},
        {key: tuple(dict.fromkeys(value)) for key, value in by_word.items()},
    )
