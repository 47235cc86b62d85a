"""Questions as customers ask them, parted as a person would part them: precision and recall over pairs."""

from __future__ import annotations

import itertools
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from bot.learning.clusters import clusters
from bot.learning.likeness import ALIKE_BY_WORDS, vectors
from bot.terms import content_terms

ROOT = Path(__file__).parents[3]
GROUPS = tomllib.loads((Path(__file__).parent / "alike.toml").read_text("utf-8"))
KNOWLEDGE = {"bikes": ROOT / "bot" / "demo" / "knowledge", "broadband": ROOT / "tests" / "knowledge" / "broadband"}


def frequency(folder: Path) -> tuple[Counter[str], int]:
    """In how many sections of some articles each term stands, and how many sections there are."""
    sections = [part for file in sorted(folder.rglob("*.md")) for part in file.read_text("utf-8").split("\n## ")]
    return Counter(term for section in sections for term in set(content_terms(section, "en"))), len(sections)


@pytest.mark.parametrize(("trade", "precision", "recall"), [("bikes", 0.8, 0.65), ("broadband", 0.7, 0.45)])
def test_what_asks_the_same_stands_together(trade: str, precision: float, recall: float) -> None:
    """By words alone, of all pairs that stand together most ask the same, and of those that do about half are found."""
    lists = [(language, group) for language, groups in GROUPS[trade].items() for group in groups]
    asked = [(text, language, number) for number, (language, group) in enumerate(lists) for text in group]
    made = vectors([(text, language) for text, language, _ in asked], *frequency(KNOWLEDGE[trade]))
    where = {member: at for at, members in enumerate(clusters(made, ALIKE_BY_WORDS)) for member in members}
    pairs = list(itertools.combinations(range(len(asked)), 2))
    together = {pair for pair in pairs if where[pair[0]] == where[pair[1]]}
    same = {pair for pair in pairs if asked[pair[0]][2] == asked[pair[1]][2]}
    assert len(together & same) / len(together) >= precision
    assert len(together & same) / len(same) >= recall
