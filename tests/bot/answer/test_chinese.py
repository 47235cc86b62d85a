"""Chinese questions and articles meet in other words, in other languages and in spite of slips."""

from __future__ import annotations

import pytest

from bot.answer.feature import BY_GLOSS
from bot.answer.meaning import meaning
from bot.answer.question import understand
from bot.answer.quote import Quoter
from bot.events import Passage
from tests.bot.answer.shop import SITE, passage

LOSSES = passage(
    "losses.md", "遗失与损坏", "赔偿", "- 浴巾60元；\n- 门卡30元；\n- 房间内吸烟，收清洗费400元。", "zh", 0.9
)
SMOKING = passage(
    "smoking.md", "Smoking", "", "Smoking in a room costs 400 euros. Bath towels cost 60 euros.", "en", 0.9
)


@pytest.mark.parametrize(
    ("question", "language", "source", "fact"),
    [
        ("How much is a lost bath towel?", "en", LOSSES, "60元"),
        ("在房间里抽烟罚多少钱？", "zh", LOSSES, "400元"),
        ("浴巾多少钱？", "zh", SMOKING, "60 euros"),
    ],
)
def test_another_word_or_language_for_the_same_is_understood(
    question: str, language: str, source: Passage, fact: str
) -> None:
    """What the dictionary gives the same meaning is the same, within Chinese and across."""
    assert fact in Quoter(SITE).answer(question, [source], language).text


@pytest.mark.parametrize(
    ("asked", "told"), [("2年", "24个月"), ("24 个月", "2 年"), ("一周", "7天"), ("48小时", "2天")]
)
def test_an_amount_of_time_is_the_same_in_another_unit(asked: str, told: str) -> None:
    """Two years are twenty-four months."""
    other = meaning(f"合约{told}", "zh")
    found = [feature for feature in understand(f"合约{asked}的", "zh", {"zh"}, [other]).features if feature.phrase]
    assert [feature.match(other) for feature in found] == [1.0]


def test_a_meaning_counts_less_than_the_word() -> None:
    """The very word, then a synonym, then a word that only the dictionary says means the same."""
    (smoke,) = understand("抽烟", "zh", {"zh"}, []).features
    assert smoke.match(meaning("抽烟", "zh")) == 1.0
    assert smoke.match(meaning("浴巾", "zh")) == 0.0
    assert smoke.match(meaning("吸烟", "zh")) >= BY_GLOSS


def test_a_german_compound_is_known_by_its_parts_in_chinese() -> None:
    """Garantieverlängerung is about a warranty, and so is 保修."""
    found = understand("Garantieverlängerung", "de", {"zh"}, []).features
    assert max(feature.match(meaning("保修", "zh")) for feature in found) >= BY_GLOSS - 0.05
    assert max(feature.match(meaning("发票", "zh")) for feature in found) == 0.0
