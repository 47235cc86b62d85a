"""Messages that ask several things at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer.several import MOST, questions


@pytest.mark.parametrize(
    ("language", "message", "parts"),
    [
        ("en", "How much is a parcel, and when do you open?", ["How much is a parcel", "when do you open?"]),
        ("en", "how much is a parcel and when do you open", ["how much is a parcel", "when do you open"]),
        ("en", "What is a letter? Can I track it?", ["What is a letter?", "Can I track it?"]),
        ("en", "I lost my key. What now? Do you make new ones?", ["I lost my key. What now?", "Do you make new ones?"]),
        ("de", "Was kostet das und wie lange dauert es?", ["Was kostet das", "wie lange dauert es?"]),
        ("es", "¿Cuánto cuesta y cuándo llega?", ["¿Cuánto cuesta", "cuándo llega?"]),
    ],
)
def test_each_question_is_one_part(language: str, message: str, parts: list[str]) -> None:
    """Questions are told apart with and without their marks; what is told before the first belongs to it."""
    assert [part.text for part in questions(message, language)] == parts


@pytest.mark.parametrize(
    "message",
    [
        "How much is it for a child and an adult?",
        "What is the difference between the Moth and the Heron?",
        "I have a Moth and I live in Wales. How much is a parcel?",
        "Do I need a passport and a ticket?",
    ],
)
def test_one_question_stays_whole(message: str) -> None:
    """An "and" between two things makes no second question, nor does what is told beside it."""
    assert [part.text for part in questions(message, "en")] == [message]


def test_a_part_that_points_back_says_so_and_keeps_what_was_before() -> None:
    """ "It" is what the question before was about; a question that names its own subject does not lean."""
    first, second = questions("How heavy is the Heron, and how much does it cost?", "en")
    assert (first.leans, first.before) == (False, "")
    assert (second.leans, second.before) == (True, "How heavy is the Heron")
    assert not questions("How heavy is the Heron, and how much does the Moth cost?", "en")[1].leans


@given(st.text(max_size=300))
def test_a_message_is_never_lost(message: str) -> None:
    """Whatever is written, there is at least one part and no more than the most."""
    assert 1 <= len(questions(message, "en")) <= MOST
