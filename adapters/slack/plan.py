"""What to call next so that Slack shows a text: the writer's policy, without Slack. Pure.

A text is shown as parts, one message each. `next_call` compares what every part shows with what it has to show, and
names one call; when that is done, or was refused, the state is brought up to date and it is asked again, until there is
nothing to call. So it does not matter how a part came to show what it shows: streamed, posted, cut off by Slack, left
behind by a process that died, or an earlier attempt's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["stream", "edit", "whole"]
"""How a text is shown while it is written: as a stream, by editing a message, or not at all."""

Ended = Literal["", "part", "last"]
"""Whether a message has the form that it is left in: as a part that others follow, or as the last, with its buttons."""


@dataclass(slots=True)
class Part:
    """One message. `ts` is "" when it is not there; `shown` is None when nobody knows what it shows."""

    number: int
    ts: str = ""
    shown: str | None = None
    streaming: bool = False
    ended: Ended = ""


@dataclass(frozen=True, slots=True)
class Start:
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Append:
    """`text` is what comes to what is shown, `whole` what is shown then."""

    number: int
    text: str
    whole: str


@dataclass(frozen=True, slots=True)
class Stop:
    """As `Append`, and the stream ends. `ended` is "" when another call brings the message into its form."""

    number: int
    text: str
    whole: str | None
    ended: Ended


@dataclass(frozen=True, slots=True)
class Put:
    """Post the message, or give it another text when it is there."""

    number: int
    text: str
    ended: Ended


@dataclass(frozen=True, slots=True)
class Delete:
    number: int


Call = Start | Append | Stop | Put | Delete


def next_call(parts: Sequence[Part], wanted: Sequence[str], *, final: bool, mode: Mode) -> Call | None:
    """The next step towards messages that show `wanted`, one text each; None when there is nothing to do (now).

    `parts[n].number` is n. Until it is `final`, the last of `wanted` may still grow, nothing is taken away, and what
    has become shorter stays as it is. What is final and not there yet is posted at once, whatever the mode.
    """
    mode = "edit" if final else mode
    for number, text in enumerate(wanted):
        ended: Ended = ("last" if number == len(wanted) - 1 else "part") if final else _passed(number, wanted)
        part = parts[number] if number < len(parts) else Part(number)
        if call := _step(part, text, ended, mode):
            return call
    if final:
        for part in reversed(parts[len(wanted) :]):
            if part.ts:
                return Delete(part.number)
    return None


def _passed(number: int, wanted: Sequence[str]) -> Ended:
    return "part" if number < len(wanted) - 1 else ""


def _step(part: Part, text: str, ended: Ended, mode: Mode) -> Call | None:
    if not part.ts:
        return _first(part, text, ended, mode)
    if not ended and (mode == "whole" or (part.shown is not None and part.shown.startswith(text))):
        return None
    if part.streaming:
        return _streamed(part, text, ended)
    if part.shown == text and part.ended == ended:
        return None
    return Put(part.number, text, ended)


def _first(part: Part, text: str, ended: Ended, mode: Mode) -> Call | None:
    if ended == "last" or (ended and mode != "stream"):
        return Put(part.number, text, ended)
    if mode == "stream":
        return Start(part.number, text)
    return Put(part.number, text, ended) if mode == "edit" else None


def _streamed(part: Part, text: str, ended: Ended) -> Call:
    if part.shown is None or not text.startswith(part.shown):
        return Stop(part.number, "", part.shown, "")  # then it is put right
    more = text[len(part.shown) :]
    return Stop(part.number, more, text, ended) if ended else Append(part.number, more, text)
