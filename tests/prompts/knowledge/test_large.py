"""A library by chance, small enough for a test: the measurement itself works, and what it asks for is found."""

from __future__ import annotations

import random
from pathlib import Path

from bench.knowledge import Library, measure


async def test_a_library_is_added_and_searched(tmp_path: Path) -> None:
    """Every section is a passage, one more file is found at once, and questions with slips find their document."""
    found = await measure(tmp_path, passages=320, terms=2_000, questions=30)
    assert found.passages == 320
    assert found.right >= 0.9
    assert len(found.searches) == 30


def test_a_library_is_the_same_for_everybody() -> None:
    """The same seed gives the same documents, in two languages, with as many sections as passages were wanted."""
    one, other = (list(Library(terms=500).documents(64)) for _ in range(2))
    assert one == other
    assert sum(text.count("\n## ") for _, text in one) == 64
    assert {text.split("\n")[1] for _, text in one} == {"language: en", "language: zh"}
    library, chance = Library(terms=500), random.Random(1)
    assert all(library.question(chance.choice(one)[1])[0].endswith(("?", "？")) for _ in range(20))
