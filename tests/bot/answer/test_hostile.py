"""Hostile questions and answers cost time in proportion to their length.

Each text here took minutes to hours while a step was quadratic or worse, and it takes about a second now; the limit
stands between the two, far from both.
"""

from __future__ import annotations

import pytest

from bot.answer.ground import ground
from bot.answer.quote import Quoter
from bot.config import Site
from bot.events import Turn
from prompts.followup import standalone
from tests.bot.answer.shop import passage

SOURCES = (passage("costs.md", "Costs", "", "Shipping costs 5 euros.\n\n运费五元。退货三十天。"),)

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("piece", ["我要退货", "退货运费", "货", "的"])
def test_a_long_chinese_question_is_read_once(piece: str) -> None:
    """A run without a space is not gone through again from each of its characters."""
    question = (piece * 40_000)[:40_000]
    assert Quoter(Site(name="Foxglove")).answer(question, SOURCES, "zh").text


@pytest.mark.parametrize("piece", ["@", "a@", "a@a.", "?", ". ", " ", "[1] ", "a.", "*", "A"])
def test_an_answer_of_marks_is_grounded_soon(piece: str) -> None:
    """A visitor may have a model say anything: grounding it ends all the same."""
    text = (piece * 20_000)[:20_000] + "!x"
    assert ground(text, SOURCES).text


def test_an_address_of_mail_is_a_name_that_a_source_has_to_hold() -> None:
    """An address that no source has is not supported, with the full stop after it or without."""
    for end in ("", ".", ", and ask."):
        assert not ground(f"write to help@some-shop.co.uk{end} [1]", SOURCES).supported


@pytest.mark.parametrize("piece", ["?", "...", "。", "\n", ") "])
def test_a_history_of_marks_leaves_a_question_as_it_is(piece: str) -> None:
    """What was said before is cut into sentences in one go."""
    turns = (Turn(role="user", text=piece * 60_000 + "!x", language="en", at=0.0),)
    assert "abroad" in standalone("and abroad?", turns, "en")
