"""Clusters of questions: each stands in one, whatever the order; and those that ask the same stand together."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.learning.clusters import CANDIDATES, clusters
from bot.learning.likeness import ALIKE_BY_MEANING, ALIKE_BY_WORDS, vectors

WORDS = ["kayak", "rent", "return", "tea", "kettle", "price", "iceland", "ship", "student", "discount", "wrap", "gift"]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=25, unique=True
)
DIRECTIONS = st.lists(st.tuples(*[st.integers(-4, 4)] * 3).filter(any), min_size=1, max_size=20)


def parted(texts: Sequence[str], threshold: float = ALIKE_BY_WORDS) -> list[list[int]]:
    return clusters(vectors([(text, "en") for text in texts], {}, 0), threshold)


def unit(*numbers: float) -> bytes:
    length = math.sqrt(sum(number * number for number in numbers))
    return struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))


@given(TEXTS, st.floats(0.0, 1.1))
@settings(max_examples=60, deadline=None)
def test_each_question_stands_in_exactly_one_cluster(texts: list[str], threshold: float) -> None:
    """Nothing is lost, nothing stands twice, and everything is in order."""
    found = parted(texts, threshold)
    assert sorted(itertools.chain(*found)) == list(range(len(texts)))
    assert found == sorted(sorted(members) for members in found)


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_higher_threshold_parts_further(texts: list[str]) -> None:
    """What is together at a threshold is together at every lower one: average linkage has no inversions."""
    loose, strict = parted(texts, 0.2), parted(texts, 0.6)
    assert all(any(set(small) <= set(large) for large in loose) for small in strict)


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_clusters_are_alike_on_average(texts: list[str]) -> None:
    """In a cluster every question has another that it shares a word with; those that share none stay apart."""
    made = vectors([(text, "en") for text in texts], {}, 0)
    for members in clusters(made, 0.2):
        for one in members:
            others = [made[one].likeness(made[other]) for other in members if other != one]
            assert not others or max(others) >= 0.2 - 1e-9


@given(DIRECTIONS)
@settings(max_examples=40, deadline=None)
def test_meaning_joins_what_shares_no_word(directions: list[tuple[int, int, int]]) -> None:
    """By vectors alone: each in one cluster, the same direction in the same one, opposite ones never."""
    texts = [(f"word{number}", ("en", "de")[number % 2]) for number in range(len(directions))]
    made = vectors(texts, {}, 0, [unit(*direction) for direction in directions])
    found = clusters(made, ALIKE_BY_MEANING)
    assert sorted(itertools.chain(*found)) == list(range(len(directions)))
    where = {member: number for number, members in enumerate(found) for member in members}
    for one, other in itertools.combinations(range(len(directions)), 2):
        if directions[one] == directions[other]:
            assert where[one] == where[other]


def test_those_that_ask_the_same_stand_together() -> None:
    """Words that everybody uses join nothing, when the knowledge is full of them."""
    asked = [
        "Do you rent out kayaks?", "kayak rental, how much?", "can I rent a kayak from you",
        "Do you ship to Iceland?", "shipping to Iceland", "Where can I park?",
    ]  # fmt: skip
    common = {"ship": 40, "rent": 3, "much": 20}
    found = clusters(vectors([(text, "en") for text in asked], common, 100), ALIKE_BY_WORDS)
    assert found == [[0, 1, 2], [3, 4], [5]]


def test_languages_are_apart_by_words() -> None:
    """The same word in two languages joins nothing; meaning does, where a model knows both."""
    asked = [("kayak", "en"), ("kayak", "de"), ("Kajak mieten", "de")]
    assert clusters(vectors(asked, {}, 0), ALIKE_BY_WORDS) == [[0], [1], [2]]
    known = [unit(1, 0), unit(1, 0.1), unit(1, 0.2)]
    assert clusters(vectors(asked, {}, 0, known), ALIKE_BY_MEANING) == [[0, 1, 2]]


def test_what_was_redacted_joins_nothing() -> None:
    """A mark of personal data says nothing of what was asked."""
    assert parted(["[email] kayak", "[email] iceland"]) == [[0], [1]]
    assert parted(["[email]", "[email] [phone]"]) == [[0], [1]]


def test_nothing_alike_stays_apart() -> None:
    """However many share a word, and though each is compared with a few: no two clusters are alike enough to be one."""
    random, words = Random(0), [f"w{number}" for number in range(50)]
    asked = sorted({(" ".join(random.sample(words, random.randint(2, 4))), "en") for _ in range(1_500)})
    made = vectors(asked, {}, 1_000)
    found = clusters(made, ALIKE_BY_WORDS)
    assert sorted(itertools.chain(*found)) == list(range(len(made)))
    sums = [sum((made[member] for member in members[1:]), start=made[members[0]]) for members in found]
    for (one, left), (other, right) in itertools.combinations(zip(found, sums, strict=True), 2):
        assert left.likeness(right) / (len(one) * len(other)) < ALIKE_BY_WORDS


@pytest.mark.parametrize("count", [3 * CANDIDATES])
def test_a_crowd_is_one_cluster(count: int) -> None:
    """A question that hundreds ask, each in words of their own, is one gap, though each is compared with a few."""
    asked = [(f"kayak rental {number}x", "en") for number in range(count)]
    (found,) = clusters(vectors(asked, {}, 100_000), ALIKE_BY_WORDS)
    assert len(found) == count
