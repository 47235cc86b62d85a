"""A question as it stands in a file of questions, with what is expected of its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bot.errors import UsageError
from bot.scoring.lines import objects

_EXPECTATIONS = {"sources", "must", "must_not", "declined"}


class Said(BaseModel):
    """One turn of what was said before."""

    role: Literal["user", "assistant"]
    text: str


def _alternatives(facts: object) -> object:
    """One fact may be written without the list of its alternatives."""
    return [[fact] if isinstance(fact, str) else fact for fact in facts] if isinstance(facts, list) else facts


class Question(BaseModel):
    """One line of a question file.

    `must` lists facts, each with its alternatives, one of which is enough; `must_not` what would be wrong. One of
    `sources` (file names) should be found. `declined` says that nothing known answers it. `lang` is the language it is
    asked in, `kind` what it is grouped by; what else stands on the line is left alone.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str | int
    question: str = Field(min_length=1)
    history: tuple[Said, ...] = ()
    lang: str = ""
    kind: str = ""
    sources: tuple[str, ...] = ()
    must: Annotated[tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...], BeforeValidator(_alternatives)] = ()
    must_not: tuple[str, ...] = ()
    declined: bool = False

    @property
    def expects(self) -> bool:
        """Whether it says anything of its answer, so that the answer can be scored."""
        return bool(_EXPECTATIONS & self.model_fields_set)


def read_questions(file: Path) -> list[Question]:
    """The questions of `file`. Raises `UsageError` with the number of the line that is wrong."""
    found = objects(file, Question, "the questions", "Check --questions.")
    if not found:
        raise UsageError(f"There is no question in {file}. Each line is a JSON object with id and question.")
    return found
