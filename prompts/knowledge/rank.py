"""Which of the candidates come first. Pure: what was found goes in, passages come out.

1. By words: the share of the question that a passage covers (one that has all of the words once beats one that
   repeats a single one), three quarters as much again for what its title and headings cover, and half as much for
   BM25, as the store gives it, divided by the best one's.
2. By meaning, where there are vectors: cosine similarity.
3. Both lists are fused by reciprocal rank, sum of 1 / (60 + rank): Cormack, Clarke and Büttcher, "Reciprocal rank
   fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
4. Passages in the question's language come before others that answer no better, then those in English; a passage that
   nearly repeats a better one of the same document is left out.

`score` says how much a passage has to do with the question, from 0 to 1 and comparable between questions: the share of
the question's words, weighted by rarity, that it covers; or, when that is more, how far its similarity stands above
what unrelated texts have. It says whether to answer at all; the order is that of the fusion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.events import Passage
from prompts.knowledge.analyze import Asked, coverage
from storage.base import StoredPassage

_FUSION = 60
_BM25_SHARE = 0.5
_HEADING_SHARE = 0.75
_CLEARLY_BETTER = 2.0
_HALF_AS_GOOD = 0.5
_REPEATS = 0.8
_COMMON_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class _Candidate:
    stored: StoredPassage
    terms: frozenset[str]
    words: float
    score: float
    fused: float = 0.0


def rank(
    words: Sequence[Asked],
    matched: Sequence[StoredPassage],
    near: Sequence[tuple[StoredPassage, float]],
    *,
    language: str,
    limit: int,
) -> list[Passage]:
    """`matched` come from the full-text search, `near` from the vectors with their evidence (0 to 1), best first."""
    evidence = {stored.number: value for stored, value in near}
    best = max((stored.passage.score for stored in matched), default=0.0)
    scores = {stored.number: stored.passage.score / best for stored in matched} if best > 0 else {}
    every = {stored.number: stored for stored in (*matched, *(stored for stored, _ in near))}
    found = {number: _candidate(stored, words, scores, evidence) for number, stored in every.items()}
    by_words = sorted((number for number in scores), key=lambda number: -found[number].words)
    fused = _fuse([by_words, [stored.number for stored, _ in near]] if near else [by_words])
    ordered = sorted(
        (replace(candidate, fused=fused.get(number, 0.0)) for number, candidate in found.items()),
        key=lambda candidate: (-candidate.fused, -candidate.words, candidate.stored.number),
    )
    chosen = _thin(_prefer(ordered, language))[:limit]
    return [replace(candidate.stored.passage, score=round(candidate.score, 4)) for candidate in chosen]


def _candidate(
    stored: StoredPassage, words: Sequence[Asked], scores: Mapping[int, float], evidence: Mapping[int, float]
) -> _Candidate:
    heading = frozenset(f"{stored.title_terms} {stored.heading_terms}".split())
    present = heading.union(stored.body_terms.split())
    covered = coverage(words, present)
    bm25 = scores.get(stored.number, 0.0)
    by_words = covered + _HEADING_SHARE * coverage(words, heading) + _BM25_SHARE * bm25
    return _Candidate(
        stored=stored, terms=present, words=by_words, score=max(covered, evidence.get(stored.number, 0.0))
    )


def _fuse(lists: Sequence[Sequence[int]]) -> dict[int, float]:
    fused: dict[int, float] = {}
    for ordered in lists:
        for place, number in enumerate(ordered, 1):
            fused[number] = fused.get(number, 0.0) + 1 / (_FUSION + place)
    return fused


def _prefer(ordered: list[_Candidate], language: str) -> list[_Candidate]:
    for preferred in dict.fromkeys((_COMMON_LANGUAGE, language) if language else ()):
        ordered = _language_first(ordered, preferred)
    return ordered


def _language_first(ordered: list[_Candidate], language: str) -> list[_Candidate]:
    """Moves passages in other languages behind those in `language`, save where they are clearly better.

    The order within the language stays as it is, and its weak passages gain nothing.
    """
    own = [candidate for candidate in ordered if candidate.stored.passage.language == language]
    best, best_own = (max((candidate.score for candidate in some), default=0.0) for some in (ordered, own))
    strong = [candidate for candidate in own if candidate.score >= _HALF_AS_GOOD * best]
    if not strong:
        return ordered
    last = ordered.index(strong[-1]) + 1

    def stays(candidate: _Candidate) -> bool:
        return candidate.stored.passage.language == language or candidate.score > _CLEARLY_BETTER * best_own

    return [*filter(stays, ordered[:last]), *(one for one in ordered[:last] if not stays(one)), *ordered[last:]]


def _thin(ordered: Sequence[_Candidate]) -> list[_Candidate]:
    kept: list[_Candidate] = []
    for candidate in ordered:
        if not any(_repeats(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def _repeats(one: _Candidate, other: _Candidate) -> bool:
    """Whether two passages of one document have nearly the same words (Jaccard)."""
    if one.stored.passage.location != other.stored.passage.location:
        return False
    both = len(one.terms & other.terms)
    return both >= _REPEATS * (len(one.terms) + len(other.terms) - both)
