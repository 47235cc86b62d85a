"""Training: tf-idf of words and runs of letters, and a logistic regression over them, by scikit-learn; calibrated.

The probabilities are calibrated by one temperature for all labels, the one that makes the labels of lines that were
left out in training most likely: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, On Calibration of Modern Neural
Networks, ICML 2017, section 4.2. It divides weights and biases, so that a file holds nothing of it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.classify.features import FEATURES
from bot.classify.lines import Labelled
from bot.classify.model import Block, ClassifierFile, Trained
from bot.errors import UsageError

_INVERSE_REGULARISATION = 10.0
_FEWEST_DOCUMENTS = 2
_ROUNDS, _TOLERANCE = 5_000, 1e-8
"""The optimum is one point: so near to it that the rounded weights are the same on every machine."""
_DECIMALS = 4
_TEMPERATURES = (0.05, 20.0, 600)
"""From, to, and how many are tried: each 1 % above the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`file` is the classifier. `pipeline` is the same in scikit-learn, with the rounded weights. `told` are the labels
    that were told of each line by classifiers that were trained without it."""

    file: ClassifierFile
    pipeline: Any
    told: tuple[str, ...]


def need_scikit_learn() -> None:
    """Raise `UsageError` where it is not installed."""
    if importlib.util.find_spec("sklearn") is None:
        raise UsageError("Training needs scikit-learn. Install it: pip install 'frontdesk[train]'")


def trained(found: Labelled, *, folds: int, seed: int) -> Made:
    """A classifier of `found`, after it was tried in `folds` parts: each is told by one that was trained on the rest.

    Every label needs a line for each fold. The same lines and seed give the same classifier. Raises `UsageError`.
    """
    need_scikit_learn()
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

    pipeline = _pipeline(seed)  # loads what may have threads
    with threadpool_limits(1):  # matrices so small gain nothing by them, and threads wait for one another
        return _tried(found, pipeline, folds, seed)


def _tried(found: Labelled, pipeline: Any, folds: int, seed: int) -> Made:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # type: ignore[import-untyped]  # ships no types

    lines = sorted(found.lines, key=lambda line: (line.label, line.text))
    texts, labels = [line.text for line in lines], [line.label for line in lines]
    apart = StratifiedKFold(folds, shuffle=True, random_state=seed)
    left_out = _wide(cross_val_predict(pipeline, texts, labels, cv=apart, method="decision_function"))
    names = found.labels
    told = {line: names[number] for line, number in zip(lines, left_out.argmax(axis=1), strict=True)}
    pipeline.fit(texts, labels)
    _calibrate(pipeline, _temperature(left_out, [names.index(label) for label in labels]))
    about = Trained(lines=len(lines), languages=found.languages(), digest=found.digest(), seed=seed)
    return Made(file=_file(pipeline, names, about), pipeline=pipeline, told=tuple(told[line] for line in found.lines))


def _pipeline(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]  # ships no types
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # ships no types
    from sklearn.pipeline import FeatureUnion, Pipeline  # type: ignore[import-untyped]  # ships no types

    weighed = [
        (kind, TfidfVectorizer(analyzer=read, sublinear_tf=True, min_df=1 if kind == "words" else _FEWEST_DOCUMENTS))
        for kind, read in FEATURES.items()
    ]
    regression = LogisticRegression(
        C=_INVERSE_REGULARISATION, class_weight="balanced", max_iter=_ROUNDS, tol=_TOLERANCE, random_state=seed
    )
    return Pipeline([("features", FeatureUnion(weighed)), ("regression", regression)])


def _wide(scores: Any) -> Any:
    """Scores of two labels come as one column, the second's over the first's: make it two, as for more labels."""
    import numpy

    return scores if scores.ndim == 2 else numpy.column_stack([-scores / 2, scores / 2])


def _temperature(scores: Any, right: Sequence[int]) -> float:
    """What to divide `scores` by, so that `right` is most likely. `scores` has a row for each text."""
    import numpy

    rows = numpy.arange(len(right))

    def likely(temperature: float) -> float:
        cooled = scores / temperature
        return float((cooled[rows, right] - numpy.logaddexp.reduce(cooled, axis=1)).mean())

    tried: list[float] = numpy.geomspace(*_TEMPERATURES).tolist()
    return max(tried, key=likely)


def _calibrate(pipeline: Any, temperature: float) -> None:
    """Rounded as well: what is tried is what is written."""
    regression = pipeline["regression"]
    regression.coef_ = (regression.coef_ / temperature).round(_DECIMALS)
    regression.intercept_ = (regression.intercept_ / temperature).round(_DECIMALS)


def _file(pipeline: Any, labels: tuple[str, ...], about: Trained) -> ClassifierFile:
    regression, blocks, start = pipeline["regression"], [], 0
    weights = _wide(regression.coef_.T if len(labels) > 2 else regression.coef_[0])
    for kind, vectorizer in pipeline["features"].transformer_list:
        vocabulary = [str(feature) for feature in vectorizer.get_feature_names_out()]
        rows = weights[start : start + len(vocabulary)]
        start += len(vocabulary)
        documents = _documents(vectorizer.idf_, about.lines)
        blocks.append(
            Block(
                kind=kind, vocabulary=tuple(vocabulary), documents=documents, weights=tuple(map(tuple, rows.tolist()))
            )
        )
    bias = _wide(regression.intercept_.reshape(1, -1) if len(labels) > 2 else regression.intercept_)[0]
    return ClassifierFile(labels=labels, trained=about, bias=tuple(bias.tolist()), blocks=tuple(blocks))


def _documents(idf: Any, lines: int) -> tuple[int, ...]:
    """In how many lines each feature occurs: from idf = log((1 + lines) / (1 + documents)) + 1."""
    import numpy

    return tuple(int(number) for number in numpy.rint((1 + lines) / numpy.exp(idf - 1) - 1))
