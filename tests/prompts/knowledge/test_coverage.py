"""How much of a question stands in a passage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.events import Passage
from prompts.knowledge.analyze import AKIN, NEAR, RELATED, Asked
from prompts.knowledge.counted import counted
from prompts.knowledge.coverage import Covering
from storage.base import StoredPassage

TERMS = st.text("ab寄", min_size=1, max_size=2)
WAYS = st.lists(st.frozensets(TERMS | st.sampled_from(["a*", "寄*"]), min_size=1, max_size=2), max_size=3).map(tuple)
WORDS = st.builds(Asked, ways=WAYS, near=WAYS, related=WAYS, akin=WAYS, weight=st.floats(0.1, 5))


def stands(way: frozenset[str], present: frozenset[str]) -> bool:
    return all(any(term[0] in one for one in present) if term[1:] == "*" else term in present for term in way)


def worth(word: Asked, present: frozenset[str]) -> float:
    kinds = ((1.0, word.ways), (NEAR, word.near), (RELATED, word.related), (AKIN, word.akin))
    return next((share for share, ways in kinds if any(stands(way, present) for way in ways)), 0.0)


@given(st.lists(WORDS, max_size=4), st.frozensets(TERMS, max_size=5))
def test_a_word_is_worth_the_surest_of_its_ways_that_stands_there_whole(
    words: list[Asked], present: frozenset[str]
) -> None:
    """A way stands where all of its terms do; one that ends in "*" does where any term has its character."""
    whole = sum(word.weight for word in words)
    expected = sum(word.weight * worth(word, present) for word in words) / whole if words else 0.0
    assert Covering(words).of(present) == pytest.approx(expected)


FIELD = st.lists(st.sampled_from(["price", "plan", "5gb", "12", "寄到"]), max_size=6)


@given(FIELD, FIELD, FIELD)
def test_a_title_counts_three_times_and_a_heading_twice(title: list[str], heading: list[str], body: list[str]) -> None:
    """Amounts are found like any term, and add nothing to the length."""
    passage = Passage(text="", title="", location="a.md", score=0.0)
    found = counted(
        StoredPassage(
            passage=passage,
            title_terms=" ".join(title),
            heading_terms=" ".join(heading),
            body_terms=" ".join(body),
        )
    )
    every = [*title, *heading, *body]
    assert found.times == {term: 3 * title.count(term) + 2 * heading.count(term) + body.count(term) for term in every}
    assert found.length == len(every) - every.count("5gb")
    assert found.heading == {*title, *heading}
    assert found.present == set(every)
    assert found.beginnings.get("p", 0) == found.times.get("price", 0) + found.times.get("plan", 0)
