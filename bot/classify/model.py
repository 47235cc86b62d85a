"""A classifier as a file, and what it tells of a text; standard library and pydantic only.

A text's features of each kind are weighted by term frequency and inverse document frequency, with the logarithm of the
first, to the length 1 (G. Salton and C. Buckley, Term-weighting approaches in automatic text retrieval, Information
Processing & Management 24, 1988; scikit-learn's `TfidfVectorizer(sublinear_tf=True)`). A multinomial logistic
regression makes probabilities of them: softmax(bias + sum of weights).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.classify.features import FEATURES
from bot.errors import UsageError

_MOST_BYTES = 64_000_000


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Trained(_Part):
    """What a classifier was trained from: how many lines, of which languages ("" where none is named), the SHA-256 of
    their texts and labels, and the seed."""

    lines: int
    languages: dict[str, int]
    digest: str
    seed: int


class Block(_Part):
    """Features of one kind: in how many lines each occurs, and what it weighs for each label."""

    kind: Literal["words", "runs"]
    vocabulary: tuple[str, ...]
    documents: tuple[Annotated[int, Field(ge=1)], ...]
    weights: tuple[tuple[float, ...], ...]


class ClassifierFile(_Part):
    """The JSON document. `weights` of a block has a row for each feature, `bias` a number for each label."""

    format: Literal["frontdesk-classifier"] = "frontdesk-classifier"
    version: Literal[1] = 1
    labels: tuple[str, ...] = Field(min_length=2)
    trained: Trained
    bias: tuple[float, ...]
    blocks: tuple[Block, ...]

    @model_validator(mode="after")
    def _fits(self) -> ClassifierFile:
        of = len(self.labels)
        fits = len(self.bias) == of and all(
            len(block.vocabulary) == len(block.documents) == len(block.weights)
            and all(len(row) == of for row in block.weights)
            for block in self.blocks
        )
        if not fits:
            raise ValueError("labels, features and weights are not of the same number")
        return self


class Classifier:
    """Tells how likely each label is of a text. Safe to use from several threads."""

    def __init__(self, file: ClassifierFile) -> None:
        self.labels, self.trained, self._bias = file.labels, file.trained, file.bias
        self._blocks = [_Reader(block, file.trained.lines) for block in file.blocks]

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read what `frontdesk train classifier` wrote. Raises `UsageError`."""
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise UsageError(f"{path} is larger than any classifier. Name a file of `frontdesk train classifier`.")
            return cls(ClassifierFile.model_validate_json(path.read_bytes()))
        except OSError as error:
            raise UsageError(
                f"The classifier {path} cannot be read: {error.strerror}. Make one with `frontdesk train classifier`."
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "JSON"
            raise UsageError(
                f"{path} is no classifier that this version reads ({where}: {first['msg']}). "
                "Train it anew with `frontdesk train classifier`."
            ) from None

    def probabilities(self, text: str) -> dict[str, float]:
        """The labels, likeliest first; they sum to 1. Of a text without known features, what is likely of any text."""
        scores = list(self._bias)
        for block in self._blocks:
            for value, weights in block.weighed(text):
                for number, weight in enumerate(weights):
                    scores[number] += value * weight
        told = dict(zip(self.labels, softmax(scores), strict=True))
        return dict(sorted(told.items(), key=lambda one: (-one[1], one[0])))


class _Reader:
    def __init__(self, block: Block, lines: int) -> None:
        self._features = FEATURES[block.kind]
        rows = zip(block.documents, block.weights, strict=True)
        self._known = dict(zip(block.vocabulary, rows, strict=True))
        self._lines = lines

    def weighed(self, text: str) -> Iterator[tuple[float, Sequence[float]]]:
        """(tf-idf, weights) of each feature of `text` that is known."""
        counts = Counter(feature for feature in self._features(text) if feature in self._known)
        values = {feature: self._value(feature, count) for feature, count in counts.items()}
        length = math.sqrt(sum(value * value for value in values.values()))
        for feature, value in values.items():
            yield value / length, self._known[feature][1]

    def _value(self, feature: str, count: int) -> float:
        idf = math.log((1 + self._lines) / (1 + self._known[feature][0])) + 1
        return (1 + math.log(count)) * idf


def softmax(scores: Sequence[float]) -> list[float]:
    """Probabilities in the ratio of exp(score)."""
    most = max(scores)
    powers = [math.exp(score - most) for score in scores]
    whole = sum(powers)
    return [power / whole for power in powers]


def likeliest(told: Mapping[str, float]) -> tuple[str, float]:
    """The first of what `Classifier.probabilities` told."""
    return next(iter(told.items()))
