"""What an errand is done on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.phrases import said
from bot.question import Question
from bot.typed import speaker
from prompts.cut import MARKER

_CITATION = re.compile(r"\s*\[\d{1,4}\]")


@dataclass(frozen=True, slots=True)
class Material:
    """A text that something is to be done with. With `speakers` each line is "Name: what was said"."""

    text: str
    speakers: bool = False


def talk(question: Question) -> Material:
    """The conversation so far: the summary of what is long past, then what was said."""
    lines = [question.remembered.summary]
    summarised = False
    for turn in question.remembered.turns:
        summarised = turn.text == "summarize" if turn.role == "user" else summarised
        if not summarised:  # what was a summary before says nothing new
            name = speaker(turn.name) or said("visitor" if turn.role == "user" else "assistant", question.language)
            lines.append(f"{name}: {' '.join(_CITATION.sub('', turn.text).split())}")
    return Material("\n".join(filter(None, lines)), speakers=True)


def clipped(text: str, most: int) -> tuple[str, bool]:
    """`text` without its middle when it has more than `most` characters, and whether it had."""
    if len(text) <= most:
        return text, False
    return f"{text[: most // 2]}\n{MARKER}\n{text[-(most // 2) :]}", True
