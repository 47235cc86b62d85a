"""The buttons below our messages: https://core.telegram.org/bots/api#inlinekeyboardbutton. Pure.

What a button says when it is pressed names no message: Telegram tells on which message it stood, and `sends` knows what
that shows. So nothing of it comes near the 64 bytes that a button may carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.telegram.words import said
from bot.events import CaseState

STOP, HUMAN, GOOD, BAD = "stop", "human", "f+", "f-"
TAKE, RESOLVE, RETURN = "take", "resolve", "return"
Keyboard = dict[str, Any]

NONE: Keyboard = {"inline_keyboard": []}
_CASES: dict[CaseState, tuple[str, ...]] = {
    "waiting": (TAKE, RESOLVE),
    "taken": (RESOLVE, RETURN, TAKE),
    "resolved": (),
    "returned": (),
}
_CHOSEN = " ✓"


def running(language: str) -> Keyboard:
    """Below an answer that is being written in a group: whoever asked may stop it."""
    return _keyboard([_button(f"⏹ {said(STOP, language)}", STOP)])


def answered(language: str, *, human: bool, feedback: bool = True, chosen: int = 0) -> Keyboard:
    """Below an answer: what one thinks of it (`chosen` is +1 or -1 when that was said), and the way to a person."""
    thumbs = [
        _button("👍" + _CHOSEN * (chosen > 0), GOOD),
        _button("👎" + _CHOSEN * (chosen < 0), BAD),
    ]
    person = [_button(f"🙋 {said(HUMAN, language)}", HUMAN)]
    return _keyboard(thumbs if feedback else [], person if human else [])


def case(state: CaseState, language: str) -> Keyboard:
    """Below the card of a case: what colleagues can do about it."""
    return _keyboard([_button(said(act, language), act) for act in _CASES[state]])


def _keyboard(*rows: Sequence[Keyboard]) -> Keyboard:
    return {"inline_keyboard": [list(row) for row in rows if row]}


def _button(text: str, data: str) -> Keyboard:
    return {"text": text, "callback_data": data}
