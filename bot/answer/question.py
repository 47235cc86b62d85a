"""A question as what it asks about (features, each with a weight) and what it waits for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.answer.expect import IMPLIED, Expectation, expectations
from bot.answer.meaning import DENSE, Meaning, class_spans, dense_class_spans, plain_text
from bot.answer.words import words
from bot.terms import STOP_WORDS, content_runs, terms

STRONG, WEAK, NUMBER, CODE, IMPLICIT = 1.0, 0.25, 0.6, 1.3, 0.5
"""What a word weighs: one that names the subject; one that could be left out; a number; a code; one only implied."""

BY_CLASS, BY_COMPOUND, BY_SPELLING, BY_PAIRS = 0.8, 0.6, 0.8, 0.75
"""What a match is worth beside the very word: a synonym; a part of a compound; one letter off; some characters."""

_COMPOUNDING = frozenset({"de", "nl", "sv", "da", "no", "fi"})
_TOKEN = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W_]+(?:[-'’.,_/&+][^\W_]+)*")
_DENSE = re.compile(r"[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_LONGEST_WORD = 6
_MOST = 40


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a question speaks of: any of its `terms`, its `text` (in characters) or its `classes` says it."""

    terms: frozenset[str]
    classes: frozenset[str]
    weight: float
    text: str = ""

    def match(self, other: Meaning, *, compounds: bool = False) -> float:
        """How well `other` speaks of it, 0 to 1."""
        if self.terms & other.terms or (self.text and self.text in other.plain):
            return 1.0
        best = BY_CLASS if self.classes & other.classes else 0.0
        if self.text and len(self.text) > 2:
            pairs = [self.text[at : at + 2] for at in range(len(self.text) - 1)]
            best = max(best, BY_PAIRS * sum(pair in other.plain for pair in pairs) / len(pairs))
        if compounds and best < BY_COMPOUND and any(_in_compound(mine, other.terms) for mine in self.terms):
            best = BY_COMPOUND
        return best


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood. `wanted` may be empty, `features` too ("and?")."""

    text: str
    language: str
    features: tuple[Feature, ...]
    wanted: tuple[Expectation, ...]

    @property
    def weight(self) -> float:
        return sum(feature.weight for feature in self.features)

    def waits_for(self, kind: str) -> bool:
        return any(expectation.kind == kind for expectation in self.wanted)


def understand(text: str, language: str, languages: Iterable[str], known: Sequence[Meaning]) -> Question:
    """Read a question. `languages` are those of the texts that may answer it, `known` what those texts say.

    Chinese has no spaces: its words are the longest runs that are listed as synonyms or occur in those texts.
    """
    wanted = expectations(text, language)
    features = list(_merged(_features(plain_text(text), language, sorted({language, *languages}), known)))
    for expectation in wanted:
        name = IMPLIED.get(expectation.kind)
        if name and not any(name in feature.classes for feature in features):
            features.append(Feature(frozenset(), frozenset({name}), IMPLICIT))
    return Question(text, language, tuple(features[:_MOST]), wanted)


def _features(plain: str, language: str, languages: Sequence[str], known: Sequence[Meaning]) -> Iterator[Feature]:
    for match in _DENSE.finditer(plain):
        yield from _dense_features(match.group(), known)
    yield from _word_features(_DENSE.sub(" ", plain), language, languages, known)


def _word_features(plain: str, language: str, languages: Sequence[str], known: Sequence[Meaning]) -> Iterator[Feature]:
    own = language if language not in DENSE else "en"
    tokens = [match.group() for match in _TOKEN.finditer(plain)]
    stems = [(terms(token, own) or [token])[0] for token in tokens]
    spans: dict[int, tuple[int, set[str]]] = {}
    for begin, end, name in class_spans(stems, own):
        if end > spans.get(begin, (0, set()))[0]:
            spans[begin] = (end, set())
        if end == spans[begin][0]:
            spans[begin][1].add(name)
    stop, at = STOP_WORDS.get(own, frozenset()), 0
    while at < len(tokens):
        end, classes = spans.get(at, (at, set()))
        if end > at + 1:
            yield Feature(frozenset(), frozenset(classes), STRONG)
        elif tokens[at].replace("’", "'") not in stop:
            yield _word(tokens[at], frozenset(classes), own, languages, known)
        at = max(end, at + 1)


def _word(token: str, classes: frozenset[str], own: str, languages: Sequence[str], known: Sequence[Meaning]) -> Feature:
    found = {term for language in {own, *languages} for term in terms(token, language)[:1]}
    digits = any(character.isdigit() for character in token)
    if digits:
        weight = CODE if any(character.isalpha() for character in token) else NUMBER
    else:
        weight = WEAK if found & _weak(own) and not classes else STRONG
    if not digits and len(token) >= 5 and not any(found & other.terms for other in known):
        found |= _near(token, own, known)
    return Feature(frozenset(found), classes, weight)


def _dense_features(run: str, known: Sequence[Meaning]) -> Iterator[Feature]:
    """The words of a run of Chinese: listed phrases first, then what the known texts write, then what is left."""
    spans: dict[int, tuple[int, set[str]]] = {}
    for begin, end, name in dense_class_spans(run, shortest=1):
        spans.setdefault(begin, (end, set()))[1].add(name)
    weak = _weak("zh")
    rest, at = "", 0
    for word, classes in _segments(run, spans, known):
        at += len(word)
        if not classes and (len(word) == 1 or not any(word in other.plain for other in known)):
            rest += word
            continue
        yield from _leftover(rest)
        rest = ""
        yield Feature(frozenset(), frozenset(classes), WEAK if word in weak and not classes else _size(word), word)
    yield from _leftover(rest)


def _segments(
    run: str, spans: dict[int, tuple[int, set[str]]], known: Sequence[Meaning]
) -> Iterator[tuple[str, set[str]]]:
    at = 0
    while at < len(run):
        end, classes = spans.get(at, (at, set()))
        if end - at >= 2:
            yield run[at:end], classes
            at = end
            continue
        piece = (content_runs(run[at:]) or [""])[0]
        if not piece or not run.startswith(piece, at):
            skip = run.find(piece, at) if piece else len(run)
            at = skip if skip > at else len(run)
            continue
        border = next((begin for begin in sorted(spans) if begin > at and spans[begin][0] - begin >= 2), len(run))
        longest = min(len(piece), border - at, _LONGEST_WORD)
        size = next((n for n in range(longest, 1, -1) if any(run[at : at + n] in m.plain for m in known)), 1)
        yield run[at : at + size], classes if size == 1 else set()
        at += size


def _leftover(rest: str) -> Iterator[Feature]:
    """Characters that nobody wrote: a word that is not known, when there are two or more of them."""
    if rest and rest not in _weak("zh"):
        yield Feature(frozenset(), frozenset(), STRONG if len(rest) > 1 else WEAK, rest)


def _size(word: str) -> float:
    return STRONG if len(word) > 1 else WEAK * 2


def _merged(features: Iterator[Feature]) -> Iterator[Feature]:
    """Each thing once: of features with the same classes or the same terms the first stands for all."""
    seen: set[object] = set()
    for feature in features:
        key = feature.classes or feature.terms or feature.text
        if key not in seen:
            seen.add(key)
            yield feature


@lru_cache(maxsize=16)
def _weak(language: str) -> frozenset[str]:
    listed = words("marks")["weak"].get(language, "").split()
    if language in DENSE:
        return frozenset(listed)
    return frozenset(stem for word in listed for stem in terms(word, language)[:1])


def _in_compound(mine: str, others: frozenset[str]) -> bool:
    """Whether one is the beginning or the end of the other, at least five letters long."""
    return any(
        min(len(mine), len(other)) >= 5
        and (mine.startswith(other) or mine.endswith(other) or other.startswith(mine) or other.endswith(mine))
        for other in others
    )


def compounding(language: str) -> bool:
    """Whether the language writes compounds as one word."""
    return language in _COMPOUNDING


def _near(token: str, language: str, known: Sequence[Meaning]) -> set[str]:
    """Terms of the known texts that are one slip of the keyboard away from a word that nobody wrote."""
    stem = (terms(token, language) or [token])[0]
    every = frozenset().union(*(other.terms for other in known)) if known else frozenset()
    return {term for term in every if abs(len(term) - len(stem)) <= 1 and len(term) >= 5 and _one_slip(stem, term)}


def _one_slip(one: str, other: str) -> bool:
    """One letter more, less or other, or two exchanged (Damerau's four slips); the first letter is right."""
    if one[:1] != other[:1] or not (one.isalpha() and other.isalpha()):
        return False
    short, long = sorted((one, other), key=len)
    at = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    return short[at + 1 :] == long[at + 1 :] or (
        short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
    )
