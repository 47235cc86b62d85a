"""Several Chinese questions in one message are taken apart, and what is one stays whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer.several import MOST
from bot.answer.several import questions as any_questions
from bot.answer.several_han import questions


@given(st.text(max_size=200))
def test_there_is_always_a_question_and_never_too_many(text: str) -> None:
    """Whatever is written, one to three questions come of it."""
    assert 1 <= len(any_questions(text, "zh")) <= MOST


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("退货要几天？运费谁出？", [("退货要几天？", ""), ("运费谁出？", "")]),
        ("退货要几天？另外几点关门", [("退货要几天？", ""), ("几点关门", "")]),
        ("北京大件运费多少，几天能到？", [("北京大件运费多少", ""), ("几天能到？", "北京大件运费")]),
        ("K20的滤网多少钱？怎么换？", [("K20的滤网多少钱？", ""), ("怎么换？", "K20")]),
        ("我住北京，运费多少，几天能到？", [("我住北京，运费多少", ""), ("几天能到？", "我住北京，运费")]),
    ],
)
def test_each_question_is_told_with_what_it_is_about(text: str, parts: list[tuple[str, str]]) -> None:
    """A comma parts questions too; the second of a sentence, or after a code, is about the same thing."""
    assert questions(text) == parts


@pytest.mark.parametrize("text", ["我住在北京，运费多少？", "要是哪天没人在家，能改约吗", "退货", "有货吗？谢谢。", ""])
def test_what_is_only_told_goes_with_the_question(text: str) -> None:
    """Who tells something first asks once."""
    assert questions(text) == [(text, "")]
