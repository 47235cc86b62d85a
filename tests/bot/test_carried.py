"""What a message answers besides itself, when those before it were left unanswered for its sake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.events import FinishReason, Message, Reply
from bot.question import carried
from storage.base import Exchange, Outgoing
from tests.fakes.desk import message


def past(ident: str, reason: FinishReason | None, replaces: str = "") -> Exchange:
    """A message and how it ended; None: it has not."""
    said = replace(message("a", ident, f"text of {ident}"), replaces=replaces)
    if reason is None:
        return Exchange(message=said, outgoing=None)
    end = Reply(
        message_id=ident, attempt=1, address=said.address, text="", seq=0, final=True, finish_reason=reason
    )  # fmt: skip
    return Exchange(message=said, outgoing=Outgoing(number=1, event=end, at=1.0))


def now(ident: str = "now", replaces: str = "") -> Message:
    return replace(message("a", ident), replaces=replaces)


def texts(before: list[Exchange], asked: Message | None = None) -> list[str]:
    asked = asked or now()
    return [one.id for one in carried([*before, past(asked.id, None), past("later", "merged")], asked)]


def test_what_was_left_is_answered_together() -> None:
    """Everything since the last answer, oldest first."""
    assert texts([past("m1", "merged"), past("m2", "interrupted")]) == ["m1", "m2"]
    assert texts([past("m1", "merged"), past("m2", "stop"), past("m3", "merged")]) == ["m3"]
    assert texts([past("m1", "merged"), past("m2", "human")]) == []


@pytest.mark.parametrize("reason", ["replaced", "withdrawn"])
def test_what_nobody_asks_any_more_is_left_out(reason: FinishReason) -> None:
    """And what was asked before it is answered all the same."""
    assert texts([past("m1", "interrupted"), past("m2", reason)]) == ["m1"]


def test_each_thing_is_asked_once() -> None:
    """In the form that it had last; the message's own earlier forms are not asked beside it."""
    assert texts([past("m1", "merged"), past("m2", "merged"), past("m1:1", "merged", "m1")]) == ["m1:1", "m2"]
    assert texts([past("m1", "interrupted"), past("m2", "merged")], now("m1:2", "m1")) == ["m2"]
    assert texts([past("m1", "merged"), past("m1:1", "interrupted", "m1")], now("m1:2", "m1")) == []
