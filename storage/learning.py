"""What is learned from: questions that were not answered well, and what people wrote so that they are next time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.events import Command

Around = Literal["", "before", "opening", "after"]
CorrectionState = Literal["draft", "approved", "rejected", "dismissed"]
"""Being written; known to the bot; not to be known; no answer is wanted to its questions. Only what is approved is
known, and what is changed is a draft again."""

CORRECTED = "correction:"
"""A document whose digest begins so is of no file and no page: adding a folder leaves it alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A message that was not answered well, or one around the moment when a conversation was handed over.

    It says nothing of who wrote it: `conversation` is a number that tells conversations apart, `text` what was written,
    `standalone` (and `intent`) what that was understood as, "" where nothing is kept of it. `at` is when it was
    accepted, `end` why its answer ended. `disliked` people thought ill of the answer, and wrote `comments`. `unsure`:
    it was hardly above the threshold.

    `case` is the case that the message was sent around: not long "before" the message that opened it, the "opening" one
    itself, or "after". `said` is what colleagues told the visitor in that case.
    """

    number: int
    conversation: int
    text: str
    at: float
    end: str
    command: Command = ""
    language: str = ""
    standalone: str = ""
    intent: str = ""
    unsure: bool = False
    disliked: int = 0
    comments: tuple[str, ...] = ()
    case: str = ""
    around: Around = ""
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person wrote in answer to a question, and to others (`also`) that ask the same in other words.

    `number` is never used again. `location` is where it is filed while it is approved. `author` wrote it at
    `written_at`; `decided_by` approved, rejected or dismissed it at `decided_at` (0: nobody has).
    """

    question: str
    answer: str
    author: str
    written_at: float
    language: str = ""
    also: tuple[str, ...] = ()
    number: int = 0
    state: CorrectionState = "draft"
    location: str = ""
    decided_by: str = ""
    decided_at: float = 0.0

    @property
    def questions(self) -> tuple[str, ...]:
        """All that it answers."""
        return (self.question, *self.also)
