"""Which of the candidates come first. Pure: what was found goes in, passages come out.

1. By words: the share of the question that a passage covers (one that has all of the words once beats one that
   repeats a single one), three quarters as much again for what its title and headings cover, half as much for BM25,
   divided by the best one's, and a fifth for what all that was found of its document covers.
2. By meaning, where there are vectors: cosine similarity.
3. Both are added: what a passage has by words as a share of the most that it could have, and what its similarity says.
   S. Bruch, S. Gai, A. Ingber, "An analysis of fusion functions for hybrid retrieval", TOIS 42 (2023), found that to
   keep more than the ranks alone; so it is here.
4. Passages in the question's language come before others that answer no better, then those in English; what holds
   no longer comes after what does; and what nearly repeats something better is left out (see `arrange`).

`score` says how much a passage has to do with the question, from 0 to 1 and comparable between questions: the share of
the question's words, weighted by rarity, that it covers; or, when that is more, how far its similarity stands above
what unrelated texts have. It says whether to answer at all; the order is that of the fusion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.events import Passage
from bot.explanation import Why
from prompts.knowledge.analyze import Asked
from prompts.knowledge.arrange import current_first, prefer, thin
from prompts.knowledge.counted import counted
from prompts.knowledge.coverage import Covering, coverage
from storage.base import StoredPassage

_BM25_SHARE, _HEADING_SHARE, _DOCUMENT_SHARE, _MEANING_SHARE = 0.5, 0.75, 0.2, 1.0
_MOST_BY_WORDS = 1 + _BM25_SHARE + _HEADING_SHARE + _DOCUMENT_SHARE


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with what placed it: `shares` are figures by their names, `notes` what else happened to it."""

    stored: StoredPassage
    terms: frozenset[str]
    words: float
    score: float
    shares: Mapping[str, float]
    fused: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def passage(self) -> Passage:
        return replace(self.stored.passage, score=round(self.score, 4))

    def noted(self, note: str) -> Ranked:
        return replace(self, notes=(*self.notes, note))


def rank(
    words: Sequence[Asked],
    matched: Sequence[StoredPassage],
    near: Sequence[tuple[StoredPassage, float]],
    *,
    language: str,
    limit: int,
    today: str = "",
) -> tuple[list[Ranked], list[Ranked]]:
    """The best, in their order, and those that were left out since they repeat one of them.

    `matched` come from the full-text search, `near` from the vectors with their evidence (0 to 1), best first. What
    held before `today` comes after what answers as well and holds now; "" leaves it where it is.
    """
    evidence = {stored.number: value for stored, value in near}
    best = max((stored.passage.score for stored in matched), default=0.0)
    scores = {stored.number: stored.passage.score / best for stored in matched} if best > 0 else {}
    every = {stored.number: stored for stored in (*matched, *(stored for stored, _ in near))}
    asked = Covering(words)
    around = _documents(every.values(), asked)
    found = {number: _candidate(stored, asked, scores, evidence, around) for number, stored in every.items()}
    ordered = sorted(found.values(), key=lambda one: (-one.fused, -one.words, *_place(one.stored.passage)))
    return thin(current_first(prefer(ordered, language), today), limit)


def _place(passage: Passage) -> tuple[str, int]:
    """Where a passage stands: among equals that decides, and not what was read first."""
    return passage.location, passage.position


def reasons(words: Sequence[Asked], kept: Sequence[Ranked], left_out: Sequence[Ranked]) -> list[tuple[Passage, Why]]:
    """What `rank` gave for `words`, and why, for people who ask; of what was left out no more than of what was kept."""
    told = [(one.passage, _why(one, words, kept=True)) for one in kept]
    return told + [(one.passage, _why(one, words, kept=False)) for one in left_out[: len(kept)]]


def _why(one: Ranked, words: Sequence[Asked], *, kept: bool) -> Why:
    covered = {" ".join(sorted(word.ways[0])): word.weight * coverage([word], one.terms) for word in words if word.ways}
    return Why(
        shares={name: round(share, 4) for name, share in (*one.shares.items(), ("fused", one.fused)) if share},
        words={word: round(weight, 2) for word, weight in covered.items() if weight},
        notes=one.notes,
        kept=kept,
    )


def _documents(found: Iterable[StoredPassage], asked: Covering) -> Mapping[str, float]:
    """What all that was found of a document covers of the question, by location."""
    terms: dict[str, frozenset[str]] = {}
    for stored in found:
        location = stored.passage.location
        terms[location] = terms.get(location, frozenset()) | counted(stored).present
    return {location: asked.of(present) for location, present in terms.items()}


def _candidate(
    stored: StoredPassage,
    asked: Covering,
    scores: Mapping[int, float],
    evidence: Mapping[int, float],
    around: Mapping[str, float],
) -> Ranked:
    here = counted(stored)
    shares = {"words": asked.of(here.present), "heading": asked.of(here.heading)}
    shares["bm25"], shares["meaning"] = scores.get(stored.number, 0.0), evidence.get(stored.number, 0.0)
    shares["document"] = around[stored.passage.location]
    by_words = shares["words"] + _HEADING_SHARE * shares["heading"] + _BM25_SHARE * shares["bm25"]
    by_words += _DOCUMENT_SHARE * shares["document"]
    return Ranked(
        stored=stored,
        terms=here.present,
        words=by_words,
        score=max(shares["words"], shares["meaning"]),
        shares=shares,
        fused=by_words / _MOST_BY_WORDS + _MEANING_SHARE * shares["meaning"],
    )


def reranked(found: Sequence[Ranked], scores: Sequence[float], *, language: str, today: str) -> list[Ranked]:
    """`found` in the order of a cross-encoder's `scores` of the first of them; the visitor's language and what holds
    today still come first."""
    scored = sorted(zip(found, scores, strict=False), key=lambda pair: -pair[1])
    first = [replace(one, shares={**one.shares, "rerank": score}) for one, score in scored]
    return current_first(prefer([*first, *found[len(scores) :]], language), today)
