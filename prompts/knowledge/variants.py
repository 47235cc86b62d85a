"""What a word of a question may have been meant as: slips, compounds and their parts, words parted or joined, amounts.

Only what somebody wrote is proposed, and a slip only for a word that nobody wrote and that the list of concepts does
not know: most words that are missing are no slips, but about something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from bot.measures import measured, parted_codes, unit_code
from bot.terms import terms
from prompts.knowledge.concepts import COMPOUNDING
from prompts.knowledge.vocabulary import Vocabulary, frequency

_MOST_AMOUNTS = 8
_LONG = 8
_HEARD = re.compile(r"(?P<before>\w[^\W_aeiou])(?P<end>d|in)\Z")
_ENDINGS = {"d": "ed", "in": "ing"}


def variants(
    stems: Mapping[str, str],
    written: str,
    ways: Sequence[frozenset[str]],
    around: Sequence[str],
    vocabulary: Vocabulary,
    *,
    listed: bool,
) -> list[frozenset[str]]:
    """Other ways for one word, given its stem in each language, how it is `written` and the `ways` that it has already.

    `around` are the word and its neighbours as they were written; `listed` says that its meaning is known.
    """
    missing = not any(all(frequency(term, vocabulary) for term in way) for way in ways)
    found = list(_compounds(stems, vocabulary))
    if missing:
        found += _joined(around, vocabulary)
        found += (frozenset(parts) for parts in map(vocabulary.spelling.parts, stems.values()) if parts)
    if missing and not found:
        found += _corrected(stems, written, vocabulary, listed=listed)
    return [way for way in dict.fromkeys(found) if way not in ways]


def units(word: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The code of a unit's name, where amounts with it are known."""
    code = unit_code(word.strip(".,;:!?()"))
    return (code,) if code in vocabulary.frequency else ()


def amounts(question: str, vocabulary: Vocabulary) -> list[str]:
    """Amounts and codes in two parts that the question names and somebody wrote."""
    named = (*measured(question), *parted_codes(question, capitals=False))
    known = (term for term in named if term[-1:].isdigit() or term[:1].isdigit())
    return [term for term in dict.fromkeys(known) if term in vocabulary.frequency][:_MOST_AMOUNTS]


def _corrected(
    stems: Mapping[str, str], written: str, vocabulary: Vocabulary, *, listed: bool
) -> Iterator[frozenset[str]]:
    """What is one or two slips away, or written short; a word with a known meaning has to be long to be a slip of
    another."""
    if listed and len(written) < _LONG:
        return
    spelling = vocabulary.spelling
    if short := list(_short(stems, written, vocabulary)):
        yield from short
        return
    near = [term for stem in dict.fromkeys(stems.values()) for term in spelling.near(stem)]
    yield from (frozenset((term,)) for term in near or spelling.forms(written))


def _short(stems: Mapping[str, str], written: str, vocabulary: Vocabulary) -> Iterator[frozenset[str]]:
    """A word that is written short: without its vowels, or with an ending as it is heard ("lockd", "comin")."""
    found = [term for one in dict.fromkeys((*stems.values(), written)) for term in vocabulary.spelling.shortened(one)]
    heard = _HEARD.sub(lambda match: match["before"] + _ENDINGS[match["end"]], written)
    if heard != written:
        found += [term for language in stems for term in terms(heard, language)[:1] if term in vocabulary.frequency]
    yield from (frozenset((term,)) for term in dict.fromkeys(found))


def _compounds(stems: Mapping[str, str], vocabulary: Vocabulary) -> Iterator[frozenset[str]]:
    """In languages that write compounds as one word: those with this one in them, and its own two parts."""
    for language in sorted(COMPOUNDING & vocabulary.languages & stems.keys()):
        stem = stems[language]
        if parts := vocabulary.spelling.parts(stem):
            yield frozenset(parts)
        yield from (frozenset((term,)) for term in vocabulary.spelling.compounds(stem))


def _joined(around: Sequence[str], vocabulary: Vocabulary) -> Iterator[frozenset[str]]:
    """A word that is written in two here and in one there."""
    for one, other in pairwise(around):
        found = [terms(one + other, language)[:1] for language in sorted(vocabulary.languages)]
        yield from (frozenset(term) for term in found if term and term[0] in vocabulary.frequency)
