"""A summary without a model: the sentences that the others of a text have most in common with.

TextRank (Mihalcea and Tarau, "TextRank: Bringing Order into Text", EMNLP 2004): sentences are nodes; two are joined by
the terms that they share, over the logarithms of how many each has; a sentence weighs what its neighbours lend it.
Ranking takes time with the square of the sentences, so of a long text only those take part whose terms are common in
it; everything before that is linear.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bot.answer.blocks import Block, Listing, Paragraph, Table, blocks
from bot.answer.lexicon import DENSE
from bot.answer.markdown import quoted
from bot.answer.sentences import sentences
from bot.terms import content_terms

_LONGEST_TEXT = 200_000
_RANKED = 200
"""Sentences that are compared with each other: a fifth of a second's work."""
_DAMPING, _ROUNDS = 0.85, 25
_FEWEST_TERMS = 3
"""A sentence with fewer says little by itself ("Thanks!", "See below.")."""
_REPEATS = 0.5
"""Two sentences that have so large a share of their terms in common (Jaccard) say the same."""
_LONGEST_SENTENCE = 400
_SPOKEN = re.compile(r"(?P<name>[^\s:：][^:：\n]{0,59})(?::\s+|：\s*)(?P<rest>\S.*)")
_MARKS = re.compile(r"^(?:[-*+•>#|]+\s+|\d{1,3}[.)]\s+)+")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """`line` is the number of what it was said in, `speaker` who said it ("" where nobody is named)."""

    text: str
    terms: frozenset[str]
    line: int
    speaker: str = ""


def summary(text: str, language: str, *, speakers: bool = False, most: int = 0) -> str:
    """At most `most` sentences of `text` (0: three to five), in its order, as a Markdown list; "" when it has none.

    `language` is the text's. With `speakers` each line is "Name: what was said", and the names stay.
    """
    lines = _spoken(text[:_LONGEST_TEXT]) if speakers else _written(text[:_LONGEST_TEXT])
    found = [
        _Sentence(said, frozenset(content_terms(said, language)), line, speaker)
        for line, speaker, said in lines
        if said
    ]
    telling = [sentence for sentence in found if len(sentence.terms) >= _FEWEST_TERMS] or found
    return "\n".join(f"- {line}" for line in _told(_chosen(telling, most), language))


def _spoken(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, speaker, sentence); a line without a name goes on with what was said before it."""
    speaker, number = "", -1
    for line in text.splitlines():
        match = _SPOKEN.fullmatch(line.strip())
        if match:
            speaker, number = match["name"].strip(), number + 1
        for sentence in sentences(match["rest"] if match else line):
            yield max(0, number), speaker, _plain(sentence)


def _written(text: str) -> Iterator[tuple[int, str, str]]:
    """Paragraphs and items; of a text that is nothing but tables, their rows."""
    read = blocks(text)
    prose = [sentence for block in read for sentence in _prose(block)]
    for number, sentence in enumerate(prose or [row for block in read for row in _rows(block)]):
        yield number, "", _plain(sentence)


def _prose(block: Block) -> Iterator[str]:
    if isinstance(block, Listing):
        for item in block.items:
            yield from sentences(" ".join(item.split()))
    elif isinstance(block, Paragraph):
        yield from (sentence for sentence in block.sentences if not re.fullmatch(r"`[^`]*`", sentence))  # no code


def _rows(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        for row in block.rows:
            yield "; ".join(f"{name}: {value}" for name, value in zip(block.header, row, strict=True) if value.strip())


def _plain(sentence: str) -> str:
    text = _MARKS.sub("", " ".join(quoted(sentence).split()))
    if len(text) <= _LONGEST_SENTENCE:
        return text
    return f"{text[: text.rfind(' ', _LONGEST_SENTENCE // 2, _LONGEST_SENTENCE)].rstrip()} …"


def _chosen(found: Sequence[_Sentence], most: int) -> list[_Sentence]:
    """The sentences that weigh most and do not repeat each other, in the order of the text."""
    candidates = _commonest(found)
    weights = _weights(candidates)
    most = most or (3 if len(found) <= 8 else 4 if len(found) <= 20 else 5)
    kept: list[int] = []
    for number in sorted(range(len(candidates)), key=lambda number: (-weights[number], number)):
        if len(kept) < most and not any(_repeats(candidates[number], candidates[other]) for other in kept):
            kept.append(number)
    return [candidates[number] for number in sorted(kept)]


def _commonest(found: Sequence[_Sentence]) -> list[_Sentence]:
    """Those whose terms occur in most sentences, when there are too many to compare all."""
    if len(found) <= _RANKED:
        return list(found)
    count = Counter(term for sentence in found for term in sentence.terms)

    def common(number: int) -> float:
        terms = found[number].terms
        return sum(count[term] - 1 for term in terms) / math.sqrt(1 + len(terms))

    best = sorted(range(len(found)), key=lambda number: (-common(number), number))[:_RANKED]
    return [found[number] for number in sorted(best)]


def _weights(found: Sequence[_Sentence]) -> list[float]:
    joined: list[list[tuple[int, float]]] = [[] for _ in found]
    for one, other in combinations(range(len(found)), 2):
        if alike := _alike(found[one].terms, found[other].terms):
            joined[one].append((other, alike))
            joined[other].append((one, alike))
    lent = [sum(alike for _, alike in edges) for edges in joined]
    weights = [1.0] * len(found)
    for _ in range(_ROUNDS):
        weights = [
            1 - _DAMPING + _DAMPING * sum(alike / lent[other] * weights[other] for other, alike in edges)
            for edges in joined
        ]
    return weights


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    return shared / (math.log(1 + len(one)) + math.log(1 + len(other))) if shared else 0.0


def _repeats(one: _Sentence, other: _Sentence) -> bool:
    """An answer repeats its question's words and says something else: only who speaks can repeat themselves."""
    if one.text == other.text:
        return True
    shared = len(one.terms & other.terms)
    return one.speaker == other.speaker and shared > _REPEATS * (len(one.terms) + len(other.terms) - shared)


def _told(chosen: Sequence[_Sentence], language: str) -> Iterator[str]:
    """One text for each thing that somebody said; sentences of a text stand alone."""
    between = "" if language in DENSE else " "
    for number, sentence in enumerate(chosen):
        if number and sentence.line == chosen[number - 1].line:
            continue
        said = between.join(other.text for other in chosen[number:] if other.line == sentence.line)
        yield f"{sentence.speaker}: {said}" if sentence.speaker else said
