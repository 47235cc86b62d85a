"""Labelled lines: what a classifier is trained from, and what it is tried on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from bot.classify.features import words
from bot.errors import UsageError
from bot.scoring.lines import objects

_ADVICE = 'Each line is {"text": …, "label": …} as JSON, or the label, a tab and the text.'
_MOST_LABELS = 100
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Line(BaseModel):
    """A text and its label; `lang` is its language, "" where nobody says. What else a line holds is left alone."""

    model_config = ConfigDict(frozen=True)

    text: _Text
    label: Annotated[_Text, StringConstraints(max_length=100)]
    lang: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """`lines` without those that say the same; `repeated` counts those, `contradicting` those with another label."""

    lines: tuple[Line, ...]
    repeated: int = 0
    contradicting: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({line.label for line in self.lines}))

    def digest(self) -> str:
        """The same for the same labels of the same texts, whatever their order."""
        told = sorted(json.dumps([line.text, line.label], ensure_ascii=False) for line in self.lines)
        return f"sha256:{hashlib.sha256(chr(10).join(told).encode()).hexdigest()}"

    def languages(self) -> dict[str, int]:
        return dict(sorted(Counter(line.lang for line in self.lines).items()))


def read(file: Path) -> Labelled:
    """The lines of a file: tab-separated when its name ends in .tsv, else JSON lines.

    Texts that have the same words are the same. Those with more than one label teach nothing: none of them is kept.
    Raises `UsageError` with the number of the line that is wrong.
    """
    separated = file.suffix.lower() == ".tsv"
    lines = _separated(file) if separated else objects(file, Line, "labelled lines", _ADVICE)
    if not lines:
        raise UsageError(f"{file} holds no labelled line. {_ADVICE}")
    return deduplicated(lines)


def deduplicated(lines: Sequence[Line]) -> Labelled:
    """The first of each text, in their order."""
    labels: dict[str, set[str]] = {}
    firsts: dict[str, Line] = {}
    for line in lines:
        key = _key(line.text)
        labels.setdefault(key, set()).add(line.label)
        firsts.setdefault(key, line)
    kept = [line for key, line in firsts.items() if len(labels[key]) == 1]
    contradicting = sum(len(labels[_key(line.text)]) > 1 for line in lines)
    return Labelled(lines=tuple(kept), repeated=len(lines) - contradicting - len(kept), contradicting=contradicting)


def need_enough(found: Labelled, file: Path, folds: int) -> None:
    """Raise `UsageError` unless there are labels to tell apart, each with a line for each of `folds`."""
    counts = Counter(line.label for line in found.lines)
    if not 2 <= len(counts) <= _MOST_LABELS:
        raise UsageError(
            f"{file} has {len(counts)} label{'s' if len(counts) != 1 else ''}: a classifier tells 2 to {_MOST_LABELS} "
            "apart. Check that the label, and not the text, is the label."
        )
    label, fewest = min(counts.items(), key=lambda one: one[1])
    if fewest < folds:
        raise UsageError(
            f'{file} has {fewest} line{"s" if fewest != 1 else ""} for "{label}": {folds} folds want {folds} of each '
            "label. Add some, or give a smaller number with --folds (2 or more)."
        )


def shared(one: Labelled, other: Labelled) -> int:
    """How many texts of `other` are in `one`, too."""
    known = {_key(line.text) for line in one.lines}
    return sum(_key(line.text) in known for line in other.lines)


def _key(text: str) -> str:
    return " ".join(words(text)) or text


def _separated(file: Path) -> list[Line]:
    try:
        given = file.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"Cannot read labelled lines in {file}: {error.strerror}. {_ADVICE}") from None
    except UnicodeDecodeError:
        raise UsageError(f"Cannot read labelled lines in {file}: it is not UTF-8. Save it as UTF-8.") from None
    found = []
    for number, line in enumerate(given, 1):
        if not line.strip():
            continue
        label, _, text = (part.strip() for part in line.partition("\t"))
        if not label or not text:
            raise UsageError(f"{file}, line {number}: no label, tab and text. {_ADVICE}")
        found.append(Line(text=text, label=label))
    return found
