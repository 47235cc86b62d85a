"""From passages and questions to terms that meet. The analysis itself is the house's own (`bot.terms`).

A passage is indexed with the stemmer of its language. A question does not know which languages the passages have, so
each of its words is looked for in every way that some language of the knowledge would have stemmed it; that is how a
German question still finds an English article through the words that they share. Stop words leave questions only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.chinese import simplified
from bot.colloquial import written
from bot.homophones import corrected
from bot.measures import measured, parted_codes
from bot.terms import bare_form, content_terms, is_dense, terms
from prompts.knowledge.concepts import idioms, related
from prompts.knowledge.han import MEASURE, RUN, asked_for, meanings
from prompts.knowledge.meant_once import together, within_phrases
from prompts.knowledge.variants import amounts, units, variants
from prompts.knowledge.vocabulary import Vocabulary, frequency

_LINK_TARGET = re.compile(r"\]\((?:<[^<>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"\n]*\")?\)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ESCAPE = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_MIXED = re.compile(r"\d+|[^\W\d_]+")
_MARKS = re.compile(r"^\W+|\W+$")
_MOST_TERMS = 48
NEAR, RELATED, AKIN = 0.8, 0.7, 0.3
ABOUT = 0.3
"""What a word counts that the conversation was about, beside a question that may be about something new."""
"""What is worth, beside the very word, what it may have been meant as, what says nearly the same, and what is akin."""
_CHUNK = re.compile(r"\S+")

Ways = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One word of a question. It is found where all terms of any of its `ways` stand; a term may end in "*".

    `near` are ways that it may have been meant in (see `variants`), `related` ways to say nearly the same (see
    `concepts`), `akin` those that share a character with it: they count less. `weight` is the word's rarity:
    ln((N + 1) / (n + 1/2)) with n of N passages that have it, and never more than for n = 1, so that a word that nobody
    wrote (which is as often chatter as a subject) does not outweigh all others. `counts` (0 to 1) says how much of that
    it has: a word within a phrase has less, and so has one that the question may be about, too.
    """

    ways: tuple[frozenset[str], ...]
    related: tuple[frozenset[str], ...] = ()
    weight: float = 0.0
    near: tuple[frozenset[str], ...] = ()
    akin: tuple[frozenset[str], ...] = ()
    counts: float = 1.0

    @property
    def every(self) -> tuple[frozenset[str], ...]:
        """All ways, the surest first."""
        return tuple(dict.fromkeys((*self.ways, *self.near, *self.related)))


def indexed(text: str, language: str) -> str:
    """Markdown as the terms it is indexed by, parted by spaces. A code such as "5GB" also gives "5" and "gb".

    Amounts and codes in two parts stand at the end once more, in their one spelling, each once.
    """
    text = _read(text, language)
    found = [term for word in terms(text, language) for term in (word, *_split(word))]
    one_spelling = dict.fromkeys((*measured(text), *parted_codes(text)))
    known = frozenset(found)
    return " ".join((*found, *(term for term in one_spelling if term not in known)))


def stored_terms(text: str, language: str) -> str:
    """What a passage is indexed by: its terms, and for Chinese what its words mean."""
    return f"{indexed(text, language)} {meanings(_read(text, language), language)}".strip()


def _read(markdown: str, language: str) -> str:
    """What is read of a passage; Chinese is written simply, as questions are."""
    return simplified(plain(markdown)) if language == "zh" else plain(markdown)


def plain(markdown: str) -> str:
    """Markdown without what nobody searches for: the targets of links, tags, escapes."""
    return _ESCAPE.sub("", _TAG.sub(" ", _LINK_TARGET.sub("]", markdown)))


def asked(question: str, language: str, vocabulary: Vocabulary, about: str = "") -> list[Asked]:
    """The words of a question that carry its subject, weightiest first, at most 48 of them.

    `about` are words that it may be about, too.
    """
    found = _asked(question, language, vocabulary)
    if about:
        known = {way for word in found for way in word.every}
        others = (word for word in _asked(about, language, vocabulary) if known.isdisjoint(word.ways))
        found += [replace(word, related=(), near=(), counts=ABOUT * word.counts) for word in others]
    weighed = [replace(word, weight=word.counts * _rarity(word, vocabulary)) for word in found]
    return sorted(weighed, key=lambda word: -word.weight)[:_MOST_TERMS]


def _asked(question: str, language: str, vocabulary: Vocabulary) -> list[Asked]:
    """The words, not weighed yet."""
    question = corrected(written(question), vocabulary.sounds) if language == "zh" else question
    found: dict[Ways, Asked] = {word.ways: word for word in _chinese(question, language, vocabulary)}
    chunks = _CHUNK.findall(RUN.sub(" ", question) if found else question)
    for at, chunk in enumerate(chunks):
        for word in _words_of(chunk, language, vocabulary, chunks[max(0, at - 1) : at + 2]):
            found.setdefault(word.ways, word)
    phrases = idioms(question, language, vocabulary.languages)
    for said, means in phrases:
        found.setdefault((said,), Asked(ways=(said,), related=means))
    for term in amounts(question, vocabulary):
        found.setdefault((frozenset((term,)),), Asked(ways=(frozenset((term,)),)))
    _add_synonyms(found, question, language, vocabulary)
    return together(within_phrases(found.values(), [said for said, _ in phrases]))


def _add_synonyms(found: dict[Ways, Asked], question: str, language: str, vocabulary: Vocabulary) -> None:
    """Each word of a group, and of its phrases, is found where another one of the group stands."""
    for own, others in vocabulary.synonyms.said(question, language, vocabulary.languages):
        within = [key for key, word in found.items() if any(way <= own for way in word.ways)]
        for key in within:
            found[key] = replace(found[key], related=tuple(dict.fromkeys((*found[key].related, *others))))
        if not within:
            found[own,] = Asked(ways=(own,), related=others)


def _chinese(question: str, language: str, vocabulary: Vocabulary) -> Iterator[Asked]:
    if language == "ja":
        return
    for run in RUN.findall(MEASURE.sub(" ", question)):
        for ways, other, akin in asked_for(run, vocabulary):
            yield Asked(ways=ways, related=other, akin=akin)


def _words_of(chunk: str, language: str, vocabulary: Vocabulary, around: Sequence[str]) -> Iterator[Asked]:
    """The words of what stands between two spaces: usually one, more where a script writes no spaces.

    `around` is the chunk with its neighbours.
    """
    content = content_terms(chunk, language)
    words = [term for term in content if not is_dense(term)]
    if words:
        others = sorted(vocabulary.languages - {language})
        spelled = {language: words} | {other: _spelled(chunk, other, len(words)) for other in others}
        whole = [frozenset(found[:1]) for found in spelled.values() if found]
        parts = [frozenset(found[1:]) for found in spelled.values() if len(found) > 1]
        codes = [frozenset(found) for found in (_split(words[0]), units(chunk, vocabulary)) if found]
        ways = tuple(dict.fromkeys((*whole, *parts, *codes)))
        bare = _MARKS.sub("", chunk)
        means = tuple(related(bare, language, vocabulary.languages))
        stems = {other: found[0] for other, found in spelled.items() if len(found) == 1}
        near = () if codes else variants(stems, bare_form(chunk), ways, around, vocabulary, listed=bool(means))
        yield Asked(ways=ways, related=means, near=tuple(near))
    pairs = [term for term in content if is_dense(term)]
    for at, pair in enumerate(pairs):
        if not _between_words(pairs, at, vocabulary):
            yield _pair(pair, vocabulary)


def _pair(pair: str, vocabulary: Vocabulary) -> Asked:
    """A pair that nobody wrote may still share a character with what somebody did: 寄过 with 寄到."""
    if len(pair) == 1:
        return Asked(ways=(frozenset((f"{pair}*",)),))
    characters = () if pair in vocabulary.frequency else tuple(frozenset((f"{one}*",)) for one in pair)
    return Asked(ways=(frozenset((pair,)),), related=characters)


def _spelled(chunk: str, language: str, number: int) -> list[str]:
    """The same words as another language's stemmer leaves them; its stop words are words here."""
    found = [term for term in terms(chunk, language) if not is_dense(term)]
    return found if len(found) == number else []


def _between_words(pairs: Sequence[str], at: int, vocabulary: Vocabulary) -> bool:
    """Whether a pair that nobody wrote only bridges two that somebody did: 货运 in 退货|运费 is no word."""
    known = vocabulary.frequency
    if pairs[at] in known or not 0 < at < len(pairs) - 1 or len(pairs[at]) == 1:
        return False
    before, after = pairs[at - 1], pairs[at + 1]
    return before[-1:] == pairs[at][0] and after[:1] == pairs[at][1] and before in known and after in known


def _split(term: str) -> list[str]:
    """The letters and the digits of a code apart; nothing for a plain word or number."""
    if term.isalpha() or term.isdecimal():
        return []
    parts = _MIXED.findall(term)
    return parts if len(parts) > 1 else []


def _rarity(word: Asked, vocabulary: Vocabulary) -> float:
    """By the way it is said most, else, when nobody wrote it, by what it was meant as, or by its relatives."""
    common = next(filter(None, (_commonest(kind, vocabulary) for kind in (word.ways, word.near, word.related))), 0)
    return math.log((vocabulary.passages + 1) / (max(1, common) + 0.5)) + 0.1


def _commonest(ways: Sequence[frozenset[str]], vocabulary: Vocabulary) -> int:
    return max((min(frequency(term, vocabulary) for term in way) for way in ways), default=0)
