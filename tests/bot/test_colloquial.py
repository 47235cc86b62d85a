"""Chinese as it is typed in a hurry."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answer.expect import expectations
from bot.answer.figures import arabic
from bot.answer.several import questions
from bot.colloquial import written
from bot.homophones import Written, corrected

TYPED = st.text(alphabet="能退行不没吗啊礼拜俩月今年公分14岁，。？ 發票a", max_size=20)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("当天买当天退行不", "当天买当天退行吗"),
        ("到货没？", "到货吗？"),
        ("不能退？", "不能退？"),
        ("没有发票", "没有发票"),
        ("退两件 能一起寄不", "退两件，能一起寄吗"),
        ("型号 AB 12 能用", "型号 AB 12 能用"),
        ("过了一个礼拜", "过了一个星期"),
        ("办了俩月", "办了两个月"),
        ("我爸今年66", "我爸今年66岁"),
        ("今年3月买的", "今年3月买的"),
        ("發票抬頭", "发票抬头"),
    ],
)
def test_questions_are_read_as_they_would_be_written(typed: str, said: str) -> None:
    """What ends in 不 or 没 asks; a space between characters parts clauses; what is written well stays."""
    assert written(typed) == said


@settings(deadline=None)
@given(TYPED)
def test_what_is_written_well_stays(text: str) -> None:
    """To read twice changes no more than to read once."""
    assert written(written(text)) == written(text)


def test_a_question_without_a_question_word_asks_whether() -> None:
    """能退不 waits for a yes or no, and two of them that a space parts are two questions."""
    (part,) = questions("拆开了还能退不", "zh")
    assert "polar" in {wanted.kind for wanted in expectations(part.text, "zh")}
    assert len(questions("拆开了还能退不 多久到账", "zh")) == 2


def test_words_of_grammar_are_no_slips() -> None:
    """寄不 of 寄不了 was not meant as 迹不 of 痕迹不, which somebody happens to have written."""
    known = "痕迹不明显"
    pairs = {known[at : at + 2] for at in range(len(known) - 1)}
    assert corrected("寄不了", Written(pairs, lambda: set(known))) == "寄不了"


def test_heights_below_ten_centimetres_over_are_read() -> None:
    """一米零八 is 1.08 m."""
    assert arabic("一米零八") == "1.08米"
