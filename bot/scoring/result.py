"""What became of a question: one line of what `frontdesk eval` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from bot.errors import UsageError
from bot.scoring.lines import objects


class Result(BaseModel):
    """An answer and where it is from.

    `sources` are file names, those cited first, then what else was found, best first; `cited` those cited alone (None:
    not told, then all count). `languages` says what the named files are written in, as far as is known; `language` is
    that of the answer. `seconds` is how long it took, `score` how sure it was (0 to 1), declined below
    `threshold` (None: not told). `unheld` are the numbers of the answer that no source states.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str | int
    answer: str
    sources: tuple[str, ...] = ()
    cited: tuple[str, ...] | None = None
    languages: Mapping[str, str] = {}
    declined: bool = False
    language: str = ""
    seconds: float = Field(default=0.0, ge=0)
    score: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = None
    unheld: tuple[float, ...] = ()


def read_results(file: Path) -> list[Result]:
    """The results in `file`. Raises `UsageError` with the number of the line that is wrong."""
    found = objects(file, Result, "the answers", "Name a file that `frontdesk eval --out` wrote.")
    if not found:
        raise UsageError(f"There is no answer in {file}. Name a file that `frontdesk eval --out` wrote.")
    return found
