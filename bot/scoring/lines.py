"""Files of JSON lines, each line checked against a model."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bot.errors import UsageError

Line = TypeVar("Line", bound=BaseModel)


def objects(file: Path, model: type[Line], what: str, advice: str) -> list[Line]:
    """The lines of `file` as objects of `model`; empty lines are skipped.

    Raises `UsageError` that names `what` could not be read and gives `advice`, or the number of the line that is wrong.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"Cannot read {what} in {file}: {error.strerror}. {advice}") from None
    except UnicodeDecodeError:
        raise UsageError(f"Cannot read {what} in {file}: it is not UTF-8. Save it as UTF-8.") from None
    found: list[Line] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(model.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UsageError(f"{file}, line {number}: {where or 'JSON'}: {first['msg']}.") from None
    return found
