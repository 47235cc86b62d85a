"""The order of what was ranked, put right: the visitor's language, what holds today, and everything once."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompts.knowledge.rank import Ranked

_CLEARLY_BETTER = 2.0
_HALF_AS_GOOD = 0.5
_AS_GOOD = 0.8
_REPEATS = 0.8
_SAME = 0.85
_COMMON_LANGUAGE = "en"
_MOVED = "moved down behind passages in a better language"
_OVER = "moved down behind what holds now"


def prefer(ordered: list[Ranked], language: str) -> list[Ranked]:
    places = {one.stored.number: place for place, one in enumerate(ordered, 1)}
    for preferred in dict.fromkeys((_COMMON_LANGUAGE, language) if language else ()):
        ordered = _language_first(ordered, preferred)
    moved = ((one, places[one.stored.number], place) for place, one in enumerate(ordered, 1))
    return [one.noted(f"{_MOVED} (it was {was})") if was < place else one for one, was, place in moved]


def _language_first(ordered: list[Ranked], language: str) -> list[Ranked]:
    """Moves passages in other languages behind those in `language`, save where they are clearly better.

    The order within the language stays as it is, and its weak passages gain nothing.
    """
    own = [candidate for candidate in ordered if candidate.stored.passage.language == language]
    best, best_own = (max((candidate.score for candidate in some), default=0.0) for some in (ordered, own))
    strong = [candidate for candidate in own if candidate.score >= _HALF_AS_GOOD * best]
    if not strong:
        return ordered
    last = ordered.index(strong[-1]) + 1

    def stays(candidate: Ranked) -> bool:
        return candidate.stored.passage.language == language or candidate.score > _CLEARLY_BETTER * best_own

    return [*filter(stays, ordered[:last]), *(one for one in ordered[:last] if not stays(one)), *ordered[last:]]


def current_first(ordered: Sequence[Ranked], today: str) -> list[Ranked]:
    """Moves what held before `today` behind the first passage that holds now and answers nearly as well."""
    placed: list[Ranked] = []
    waiting: list[Ranked] = []
    for at, one in enumerate(ordered):
        if _is_over(one, today):
            better = any(not _is_over(other, today) and _as_good(other, one) for other in ordered[at + 1 :])
            (waiting if better else placed).append(one.noted(_OVER) if better else one)
            continue
        placed += [one, *(over for over in waiting if _as_good(one, over))]
        waiting = [over for over in waiting if not _as_good(one, over)]
    return placed


def thin(ordered: Sequence[Ranked], limit: int) -> tuple[list[Ranked], list[Ranked]]:
    """The first `limit`, and what was left out since it repeats one of them; of two sources the newer one stays."""
    kept: list[Ranked] = []
    left_out: list[Ranked] = []
    for candidate in ordered:
        if len(kept) == limit:
            break
        place = next((place for place, other in enumerate(kept) if _repeats(candidate, other)), -1)
        if place < 0:
            kept.append(candidate)
            continue
        newer = candidate.passage.updated > kept[place].passage.updated != ""
        left_out.append((kept[place] if newer else candidate).noted(f"repeats passage {place + 1}"))
        kept[place] = candidate if newer else kept[place]
    return kept, left_out


def _is_over(one: Ranked, today: str) -> bool:
    until = one.stored.passage.valid_until
    return bool(until) and until < today


def _as_good(one: Ranked, other: Ranked) -> bool:
    return one.score >= _AS_GOOD * other.score


def _repeats(one: Ranked, other: Ranked) -> bool:
    """Whether two passages have nearly the same words (Jaccard); of two documents also the same figures and order.

    Plans and devices are told in the same words, with other figures: those are no repetitions.
    """
    if not _alike(one.terms, other.terms, _REPEATS):
        return False
    if one.stored.passage.location == other.stored.passage.location:
        return True
    return _figures(one) == _figures(other) and _alike(_shingles(one), _shingles(other), _SAME)


def _alike(one: Set[object], other: Set[object], share: float) -> bool:
    both = len(one & other)
    return both >= share * (len(one) + len(other) - both)


def _figures(one: Ranked) -> frozenset[str]:
    return frozenset(term for term in one.terms if not term.isalpha())


def _shingles(one: Ranked) -> frozenset[tuple[str, str]]:
    """Every two neighbouring terms of the text (Broder, "On the resemblance and containment of documents", 1997)."""
    return frozenset(pairwise(one.stored.body_terms.split()))
