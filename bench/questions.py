"""Score the answers to the demo's questions.

    python -m bench.questions ANSWERS.jsonl [--failures]    score what `frontdesk eval` wrote
    python -m bench.questions --run [--failures]            run `frontdesk eval` on the demo, then score it
    python -m bench.questions --run --blind                 the same, without telling it each question's language

An answer is right when every fact of `must` occurs in it (one alternative of each is enough), nothing of
`must_not` does, and it was not declined; where no source is expected (greetings), none may be cited.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

DEMO = Path(__file__).resolve().parent.parent / "bot" / "demo"
QUESTIONS = DEMO / "questions.jsonl"
FIRST = 3
"""A source counts when it stands among so many."""

_CJK = "\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff01-\uff5e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What became of one question. None where a figure does not apply to it."""

    id: str
    kind: str
    answer_right: bool | None
    source_right: bool | None
    decline_right: bool | None
    false_decline: bool | None
    language_right: bool
    reasons: tuple[str, ...]
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None

    def __str__(self) -> str:
        return f"{self.count}/{self.of} {100 * self.count / self.of:.1f} %" if self.of else "–"


FIGURES: Mapping[str, tuple[str, float, bool]] = {
    "answer right": ("answer_right", 0.85, True),
    f"source in the first {FIRST}": ("source_right", 0.95, True),
    "declines right": ("decline_right", 0.90, True),
    "false declines": ("false_decline", 0.05, False),
    "language right": ("language_right", 0.95, True),
}
"""Name -> attribute of `Score`, bar, whether more is better."""


def fold(text: str) -> str:
    """Case, emphasis, kinds of dashes and spaces do not tell a right answer from a wrong one."""
    text = re.sub(r"[*_`\\]+", "", text.casefold())
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(rf"(?<=[{_CJK}]) | (?=[{_CJK}])", "", text)
    return text.replace(" %", "%").strip()


def holds(text: str, fact: str) -> bool:
    """Whether `fact` occurs in `text`, not as a part of a longer number: "€29" is not in "€290" or "€29.50"."""
    needle = fold(fact)
    before = r"(?<!\d)(?<!\d[.,])" if needle[:1].isdigit() else ""
    after = r"(?!\d|[.,]\d)" if needle[-1:].isdigit() else ""
    return re.search(before + re.escape(needle) + after, fold(text)) is not None


def score(question: Mapping[str, Any], result: Mapping[str, Any] | None) -> Score:
    """Judge one result (None: there is none) against its question."""
    if result is None:
        return _judge(question, {"answer": "", "sources": [], "declined": False, "language": ""}, ["no result"])
    answer, reasons = result["answer"], []
    if question["declined"]:
        if not result["declined"]:
            reasons.append("answered what it cannot know")
    elif result["declined"]:
        reasons.append("declined")
    else:
        reasons += [
            f"lacks {' | '.join(group)}" for group in question["must"] if not any(holds(answer, f) for f in group)
        ]
        if not question["sources"] and result["sources"]:
            reasons.append("cites a source where none is due")
    reasons += [f"says {fact}" for fact in question["must_not"] if holds(answer, fact)]
    return _judge(question, result, reasons)


def _judge(question: Mapping[str, Any], result: Mapping[str, Any], wrong: Sequence[str]) -> Score:
    to_decline = question["declined"]
    found = {PurePosixPath(source).name for source in result["sources"][:FIRST]}
    source_right = None if to_decline or not question["sources"] else bool(found & set(question["sources"]))
    language_right = result["language"] == question["lang"]
    reasons = list(wrong)
    if source_right is False:
        reasons.append(f"sources {', '.join(sorted(found)) or 'none'}")
    if not language_right:
        reasons.append(f"language {result['language'] or 'none'} for {question['lang']}")
    return Score(
        id=question["id"],
        kind=question["kind"],
        answer_right=None if to_decline else not wrong,
        source_right=source_right,
        decline_right=not wrong if to_decline else None,
        false_decline=None if to_decline else bool(result["declined"]),
        language_right=language_right,
        reasons=tuple(reasons),
        question=question["question"],
        answer=result["answer"],
    )


def share(scores: Iterable[Score], attribute: str) -> Share:
    """The share of True among the scores to which `attribute` applies."""
    values = [value for one in scores if (value := getattr(one, attribute)) is not None]
    return Share(count=sum(values), of=len(values))


def score_all(questions: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> list[Score]:
    """One score for each question, in their order. Raises `ValueError` for a result that no question has asked for."""
    by_id = {str(result["id"]): result for result in results}
    if unknown := by_id.keys() - {question["id"] for question in questions}:
        raise ValueError(f"There is no question {min(unknown)}: are these the answers to another file?")
    return [score(question, by_id.get(question["id"])) for question in questions]


def below_bar(scores: Sequence[Score]) -> list[str]:
    """The names of the figures that do not reach their bar."""
    low = []
    for name, (attribute, bar, more) in FIGURES.items():
        value = share(scores, attribute).value
        if value is not None and (value < bar if more else value > bar):
            low.append(name)
    return low


def table(scores: Sequence[Score]) -> Table:
    """A row for each kind, and one for all together with the bars."""
    drawn = Table("kind", "n", *FIGURES, title="Demo questions")
    for kind in dict.fromkeys(one.kind for one in scores):
        rows = [one for one in scores if one.kind == kind]
        drawn.add_row(kind, str(len(rows)), *(str(share(rows, attribute)) for attribute, _, _ in FIGURES.values()))
    drawn.add_section()
    drawn.add_row("all", str(len(scores)), *(str(share(scores, attribute)) for attribute, _, _ in FIGURES.values()))
    drawn.add_row("bar", "", *(f"{'≥' if more else '≤'} {100 * bar:.0f} %" for _, bar, more in FIGURES.values()))
    return drawn


def read(file: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises `ValueError` with the line that is wrong."""
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            value = json.loads(line) if line.strip() else {}
        except ValueError as error:
            raise ValueError(f"{file}, line {number} is not JSON: {error}.") from None
        if value:
            found.append(value)
    return found


def run(questions: Path, out: Path, *, blind: bool = False) -> None:
    """Let `frontdesk eval` answer `questions` from the demo's knowledge. Raises `CalledProcessError`."""
    asked = questions
    if blind:
        asked = out.with_suffix(".asked.jsonl")
        lines = [{key: value for key, value in one.items() if key != "lang"} for one in read(questions)]
        asked.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    program = [sys.executable, "-c", "from bot.cli import main; main()", "eval"]
    arguments = ["--knowledge", DEMO / "knowledge", "--questions", asked, "--out", out]
    subprocess.run([*program, *map(str, arguments), "--config", str(DEMO / "frontdesk.toml")], check=True)


def report(scores: Sequence[Score], results: Sequence[Mapping[str, Any]], *, failures: bool) -> None:
    """Print the table, the seconds, and with `failures` each question that went wrong and why."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table(scores))
    if seconds := sorted(float(result["seconds"]) for result in results):
        p95 = seconds[int(0.95 * (len(seconds) - 1))]
        console.print(f"seconds: p50 {statistics.median(seconds):.3f}, p95 {p95:.3f}")
    for one in scores if failures else ():
        if one.reasons:
            console.print(f"\n[bold]{one.id}[/]  {escape(one.question)}\n  [red]{escape('; '.join(one.reasons))}[/]")
            console.print(f"  {escape(re.sub(chr(10) + '+', ' / ', one.answer)[:400])}")
    for name in below_bar(scores):
        console.print(f"below its bar: {name}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.questions", description="Score the demo's questions.")
    parser.add_argument(
        "answers", nargs="?", type=Path, help="what `frontdesk eval --out` wrote; with --run, where to keep it"
    )
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--run", action="store_true", help="run `frontdesk eval` first")
    parser.add_argument("--blind", action="store_true", help="with --run: do not tell each question's language")
    parser.add_argument("--failures", action="store_true", help="list the questions that went wrong, and why")
    given = parser.parse_args(arguments)
    if not given.run and given.answers is None:
        parser.error("name a file of answers, or give --run")
    with tempfile.TemporaryDirectory() as folder:
        out = given.answers or Path(folder) / "answers.jsonl"
        try:
            if given.run:
                run(given.questions, out, blind=given.blind)
            results = read(out)
            scores = score_all(read(given.questions), results)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 2
        except subprocess.CalledProcessError as error:
            print(f"frontdesk eval failed with {error.returncode}.", file=sys.stderr)
            return 2
    report(scores, results, failures=given.failures)
    return bool(below_bar(scores))


if __name__ == "__main__":
    sys.exit(main())
