"""The classifier of tones that comes with the house: it is what its lines make, and as good as the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.classify.lines import read, shared
from bot.classify.model import Classifier, ClassifierFile
from bot.classify.scores import told_of
from bot.classify.tone import SHIPPED
from bot.classify.training import Made, trained
from bot.scoring.confusion import Report, confusion, report

LINES = read(SHIPPED.with_suffix(".jsonl"))
UNSEEN = read(Path(__file__).with_name("sentiment_held_out.jsonl"))
FILE = ClassifierFile.model_validate_json(SHIPPED.read_bytes())
PAGE = (Path(__file__).parents[3] / "docs" / "tasks.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made() -> Made:
    return trained(LINES, folds=5, seed=FILE.trained.seed)


def told(lines: tuple[str, ...], right: tuple[str, ...]) -> Report:
    return report(confusion(zip(right, lines, strict=True)))


def test_it_can_be_made_again(made: Made) -> None:
    """From the lines beside it: the same features and, but for the last digit, the same weights."""
    assert LINES.digest() == FILE.trained.digest
    assert (made.file.labels, made.file.trained) == (FILE.labels, FILE.trained)
    for again, shipped in zip(made.file.blocks, FILE.blocks, strict=True):
        assert (again.vocabulary, again.documents) == (shipped.vocabulary, shipped.documents)
        for one, other in zip(again.weights, shipped.weights, strict=True):
            assert one == pytest.approx(other, abs=0.02)  # the temperature may be the next one on other machines
    again_told = told_of(Classifier(made.file), UNSEEN.lines)
    assert again_told == told_of(Classifier(FILE), UNSEEN.lines)


def test_the_page_says_how_good_it_is(made: Made) -> None:
    """Its rows are what comes out: of lines in folds, of unseen lines, and of these by label and language."""
    unseen = told_of(Classifier(FILE), UNSEEN.lines)
    rows = {
        "in five folds": told(made.told, tuple(line.label for line in LINES.lines)),
        "held out": told(unseen, tuple(line.label for line in UNSEEN.lines)),
    }
    for lang in ("en", "de", "es", "zh", "ar"):
        one = [(line.label, label) for line, label in zip(UNSEEN.lines, unseen, strict=True) if line.lang == lang]
        rows[f"held out, `{lang}`"] = report(confusion(one))
    for name, row in rows.items():
        low, high = row.accuracy.interval
        expected = f"| {name} | {row.accuracy} | {100 * low:.0f}–{100 * high:.0f} % | {row.macro_f1:.3f} |"
        assert expected in PAGE
    for one in rows["held out"].labels:
        assert f"| `{one.label}` | {one.precision} | {one.recall} | {one.f1:.3f} |" in PAGE
    assert re.search(rf"\b{len(LINES.lines):,} lines", PAGE)


def test_lines_are_balanced_and_none_was_seen_before() -> None:
    """As many of each language for each label; none of the unseen ones was trained on."""
    for found in (LINES, UNSEEN):
        assert found.repeated == found.contradicting == 0
        counted = [
            sum(line.lang == lang and line.label == label for line in found.lines)
            for label in ("positive", "negative", "neutral")
            for lang in ("en", "de", "es", "zh", "ar")
        ]
        assert len(set(counted[:10])) == len(set(counted[10:])) == 1
        assert sum(counted) == len(found.lines)
    assert shared(LINES, UNSEEN) == 0


def test_it_is_small_and_plain() -> None:
    """Under a megabyte of JSON that holds nothing but what it tells from."""
    assert SHIPPED.stat().st_size < 1_000_000
    assert set(json.loads(SHIPPED.read_text("utf-8"))) == {"format", "version", "labels", "trained", "bias", "blocks"}
