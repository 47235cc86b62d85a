"""Fit how sure an answer is: `python -m bench.calibrate [--write] [--modes words nearness] [--also FOLDER QUESTIONS]`.

The demo's questions and the working halves in `tests/knowledge` say which questions their articles answer. As there are
few that they do not, each question that is answered is asked once more of the articles without its sources; those count
a twentieth. A logistic regression (ridge, by Newton) over the measures of `bot.answer.confidence` gives the weights;
its scale and constant are then fitted to the real questions alone, so that a confidence is a share of such questions
(J. Platt, Probabilistic outputs for support vector machines, 1999). Every figure printed is of a set that took no part
in the fit it is judged by. `--also` adds a set that is judged alike and never fitted to. `--write` writes
`bot/answer/words/confidence.toml`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from bot.answer.confidence import measures
from bot.answer.intent import intent
from bot.answer.quote import Quoter
from bot.config import Config, KnowledgeConfig, Semantic, Site
from bot.events import Passage, Turn
from bot.quoting import read_on
from bot.scoring.question import Question, read_questions
from bot.texting import written_out
from prompts.followup import standalone, subject
from prompts.knowledge import Knowledge

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "bot" / "answer" / "words" / "confidence.toml"
MODES = {"words": "no", "nearness": "yes"}
DEMO = "demo"
REMOVED, RIDGE = 0.05, 2.0
FALSE = 0.08
"""The most declines of what can be answered, of questions whose set took no part in the fit: it sets the threshold, by
the demo and by the halves to work with of those that have another half to be scored by."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of one answer, and whether the articles do answer its question."""

    measured: dict[str, float]
    answered: bool


@dataclass(frozen=True, slots=True)
class Set:
    """The samples of one knowledge base; `removed` are those without their sources.

    `fitted` says whether it counts in the fit, `decides` whether it does in choosing the threshold.
    """

    name: str
    real: list[Sample]
    removed: list[Sample]
    fitted: bool = True
    decides: bool = False


# -- what is measured ------------------------------------------------------------------------------------
def folders() -> Iterator[tuple[str, Path, Path]]:
    """(name, articles, questions) of every set that may be looked at: the demo, halves to work with, and practice."""
    demo = ROOT / "bot" / "demo"
    yield DEMO, demo / "knowledge", demo / "questions.jsonl"
    for file in sorted((ROOT / "tests" / "knowledge").glob("*/working.jsonl")):
        yield file.parent.name, file.parent / "articles", file


async def sampled(name: str, articles: Path, questions: Path, mode: str, *, fitted: bool) -> Set:
    """Ask all questions of one knowledge base."""
    from adapters.direct import Direct
    from bot.cli.converse import prepared

    semantic = Semantic.model_validate({"enabled": MODES[mode]})
    config = Config(site=Site(name="Help"), knowledge=KnowledgeConfig(semantic=semantic))
    decides = fitted and (name == DEMO or questions.with_name("scored.jsonl").exists())
    found = Set(name, [], [], fitted, decides)
    async with prepared(config, articles, [Direct()]) as desk:
        for question in read_questions(questions):
            await _ask(question, desk.knowledge, found)
    return found


async def _ask(question: Question, knowledge: Knowledge, found: Set) -> None:
    if intent(question.question, question.lang) != "question":
        return
    turns = [Turn(role=said.role, text=said.text, language=question.lang, at=0) for said in question.history]
    alone = standalone(written_out(question.question, question.lang), turns, question.lang)
    about = subject(alone, turns, question.lang)
    told = await knowledge.explained(alone, language=question.lang, limit=20, about=about)
    passages = [passage for passage, why in told if why.kept]
    if sample := await _sample(alone, question, passages[:6], knowledge):
        found.real.append(sample)
    names = {PurePosixPath(source).name for source in question.sources}
    others = [passage for passage in passages if PurePosixPath(passage.location).name not in names]
    if names and (sample := await _sample(alone, question, others[:6], knowledge, removed=True)):
        found.removed.append(sample)


async def _sample(
    alone: str, question: Question, passages: Sequence[Passage], knowledge: Knowledge, *, removed: bool = False
) -> Sample | None:
    quoter = Quoter(Site(name="Help"))
    passages = await read_on(knowledge, passages)
    candidates = quoter.candidates(passages, question.lang)
    near = await knowledge.alike(alone, candidates, question.lang)
    nearness = dict(zip(candidates, near, strict=True)) if near else {}
    _, readings = quoter.read(alone, passages, question.lang, nearness=nearness)
    told = [reading for reading in readings if reading[1] and reading[0].question.features]
    if not told:
        return None
    scorer, pieces, _ = max(told, key=lambda reading: reading[2])
    return Sample(measures(scorer, pieces), not question.declined and not removed)


# -- the fit ---------------------------------------------------------------------------------------------
def fitted(sets: Sequence[Set], names: Sequence[str]) -> Array:
    """The constant and the weights, by `names`."""
    real = [sample for one in sets for sample in one.real]
    removed = [sample for one in sets for sample in one.removed]
    shares = np.array([1.0] * len(real) + [REMOVED] * len(removed))
    weights = _logistic(_matrix([*real, *removed], names), _answered([*real, *removed]), shares, RIDGE)
    line = (_matrix(real, names) @ weights[1:] + weights[0])[:, None]
    constant, scale = _logistic(line, _answered(real), np.ones(len(real)), 0.1)
    return np.concatenate([[constant + scale * weights[0]], scale * weights[1:]])


def _logistic(rows: Array, answered: Array, shares: Array, ridge: float) -> Array:
    with_constant = np.hstack([np.ones((len(rows), 1)), rows])
    found = np.zeros(with_constant.shape[1])
    penalty = np.diag([1e-6] + [ridge] * rows.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-with_constant @ found))
        slope = with_constant.T @ (shares * (likely - answered)) + penalty @ found
        curve = (with_constant * (shares * likely * (1 - likely))[:, None]).T @ with_constant + penalty
        found = found - np.linalg.solve(curve, slope)
    return found


def _matrix(samples: Sequence[Sample], names: Sequence[str]) -> Array:
    return np.array([[sample.measured[name] for name in names] for sample in samples])


def _answered(samples: Sequence[Sample]) -> Array:
    return np.array([float(sample.answered) for sample in samples])


def judged(one: Set, sets: Sequence[Set], names: Sequence[str]) -> Array:
    """The confidences of a set's real questions, by what the other sets say."""
    weights = fitted([other for other in sets if other.fitted and other.name != one.name], names)
    return np.asarray(1 / (1 + np.exp(-(_matrix(one.real, names) @ weights[1:] + weights[0]))))


def area(sure: Array, answered: Array) -> float:
    """The area under the ROC: how often a question that is answered is surer than one that is not."""
    pairs = sure[answered == 1][:, None] - sure[answered == 0][None, :]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def chosen(sure: Array, answered: Array) -> float:
    """The highest threshold, in hundredths, at which no more than `FALSE` are declined that could be answered."""
    steps = (step / 100 for step in range(99, 0, -1))
    return next((step for step in steps if declines(sure, answered, step)[1] <= FALSE), 0.01)


def declines(sure: Array, answered: Array, threshold: float) -> tuple[float, float]:
    """(declines that are right, false declines) as shares."""
    return float((sure[answered == 0] < threshold).mean()), float((sure[answered == 1] < threshold).mean())


# -- the report ------------------------------------------------------------------------------------------
def report(mode: str, sets: Sequence[Set], names: Sequence[str], threshold: float | None) -> tuple[Array, float]:
    """Print how sets fare that were left out, and the curve; the weights from all that are fitted, the threshold."""
    sure = {one.name: judged(one, sets, names) for one in sets}
    answered = {one.name: _answered(one.real) for one in sets}
    deciding, inside = ([one.name for one in sets if kind(one)] for kind in (_decides, _is_fitted))
    together, truth = (np.concatenate([table[name] for name in deciding]) for table in (sure, answered))
    threshold = threshold or chosen(together, truth)
    every, known_of_every = (np.concatenate([table[name] for name in inside]) for table in (sure, answered))
    print(f"\n{mode}: each set judged by the others, threshold {threshold:g}\n")
    print("| set | answered | not | area under ROC | declines right | false declines |\n|---|---|---|---|---|---|")
    for one in sets:
        right, false = declines(sure[one.name], answered[one.name], threshold)
        known = int(answered[one.name].sum())
        roc = area(sure[one.name], answered[one.name])
        print(f"| {one.name} | {known} | {len(one.real) - known} | {roc:.3f} | {right:.1%} | {false:.1%} |")
    print(
        f"\nTogether {area(every, known_of_every):.3f}; those that choose the threshold, {area(together, truth):.3f}:\n"
    )
    print("| threshold | declines right | false declines |\n|---|---|---|")
    for step in range(10, 100, 5):
        right, false = declines(together, truth, step / 100)
        print(f"| {step / 100:.2f} | {right:.1%} | {false:.1%} |")
    return fitted([one for one in sets if one.fitted], names), threshold


def _decides(one: Set) -> bool:
    return one.decides


def _is_fitted(one: Set) -> bool:
    return one.fitted


def written(models: dict[str, tuple[Sequence[str], Array]], threshold: float) -> str:
    lines = [
        "# Written by `python -m bench.calibrate --write`: see `bot/answer/confidence.py` for what is weighed.",
        "",
    ]
    lines += [f"threshold = {threshold:g}"]
    for mode, (names, weights) in models.items():
        lines += ["", f"[{mode}]", f"constant = {weights[0]:.2f}", f"[{mode}.weights]"]
        lines += [f"{name} = {weight:.2f}" for name, weight in zip(names, weights[1:], strict=True)]
    return "\n".join(lines) + "\n"


async def gathered(mode: str, also: Sequence[tuple[str, str]]) -> list[Set]:
    sets = [await sampled(*one, mode, fitted=True) for one in folders()]
    others = [(PurePosixPath(questions).parent.name, Path(articles), Path(questions)) for articles, questions in also]
    return sets + [await sampled(*one, mode, fitted=False) for one in others]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("FOLDER", "QUESTIONS"))
    told = parser.parse_args()
    models: dict[str, tuple[Sequence[str], Array]] = {}
    threshold: float | None = None
    for mode in told.modes:
        sets = asyncio.run(gathered(mode, told.also))
        names = [name for name in sets[0].real[0].measured if mode == "nearness" or not name.startswith("near")]
        weights, threshold = report(mode, sets, names, threshold)
        models[mode] = names, weights
    if told.write and threshold is not None:
        WRITTEN.write_text(written(models, threshold), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
