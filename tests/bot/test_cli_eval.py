"""`frontdesk eval` as people meet it: real processes that answer, score, compare, report and draw."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bot.cli import app
from bot.scoring.question import read_questions

PAGE = """# Shipping

Shipping within the country takes 3 days and costs €4.90.

# Returns

You can return goods within 60 days. The refund arrives after 5 working days.
"""
OTHER = "# 退货\n\n收到商品后 60 天内可以退货。退款会在 5 个工作日内到账。\n"
QUESTIONS: list[dict[str, Any]] = [
    {"id": "ship", "question": "How long does shipping take?", "must": [["3 days"]], "sources": ["page.md"]},
    {"id": 2, "question": "Within how many days can I return goods?", "must": [["90 days"]], "sources": ["page.md"]},
    {"id": "zh", "question": "收到商品后多少天内可以退货？", "lang": "zh", "must": [["60天"]], "sources": ["退货.md"]},
    {"id": "sub", "question": "Do you sell submarines?", "kind": "off topic", "declined": True},
    {"id": "hi", "question": "Hello!", "kind": "greeting", "must": [], "sources": []},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with knowledge, questions, and the answers to them with their report."""
    folder = tmp_path_factory.mktemp("eval")
    (folder / "docs").mkdir()
    (folder / "docs" / "page.md").write_text(PAGE, "utf-8")
    (folder / "docs" / "退货.md").write_text(OTHER, "utf-8")
    lines = [json.dumps({"lang": "en", "kind": "direct"} | one, ensure_ascii=False) for one in QUESTIONS]
    (folder / "q.jsonl").write_text("\n".join(lines), "utf-8")
    plain = [json.dumps({"id": one["id"], "question": one["question"]}) for one in QUESTIONS]
    (folder / "plain.jsonl").write_text("\n".join(plain), "utf-8")
    told = frontdesk(folder, "-k", "docs", "-q", "q.jsonl", "-o", "out.jsonl", "--report", "report.md")
    assert told.returncode == 0, told.stderr
    (folder / "told.txt").write_text(told.stdout, "utf-8")
    return folder


def frontdesk(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `frontdesk eval` in `folder`, without semantic search."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDESK_")}
    ours = {"FRONTDESK_KNOWLEDGE__SEMANTIC__ENABLED": "no", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-m", "bot", "eval", *options],
        cwd=folder,
        env=clean | ours,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_answers_are_written_with_what_they_are_worth(place: Path) -> None:
    """Each line tells what was cited, in which languages, how sure the answer is, and against which threshold."""
    written = {line["id"]: line for line in lines(place / "out.jsonl")}
    assert list(written) == ["ship", 2, "zh", "sub", "hi"]
    assert written["ship"]["cited"] == ["page.md"] and not written["ship"]["declined"]
    assert written["zh"]["languages"]["退货.md"] == "zh"
    assert written["ship"]["score"] >= written["ship"]["threshold"] > written["sub"]["score"]
    assert written["hi"]["score"] is None
    assert all(line["unheld"] == [] for line in written.values())


def test_a_run_is_scored_by_kind(place: Path) -> None:
    """One right and one wrong answer in English, one in Chinese, a decline, a greeting; without asking, no failures."""
    told = (place / "told.txt").read_text("utf-8")
    rows = {cells[1]: cells[2:] for row in told.splitlines() if len(cells := [c.strip() for c in row.split("│")]) > 3}
    assert rows["direct"][:2] == ["3", "66.7 % 2/3"]
    assert rows["off topic"][3] == "100.0 % 1/1"
    assert rows["all"][1] == "75.0 % 3/4"
    assert "lacks" not in told


def test_a_report_lists_what_went_wrong_unless_told_not_to(place: Path) -> None:
    """The whole run as Markdown, made again from kept answers without asking anything."""
    assert "lacks 90 days" in (place / "report.md").read_text("utf-8")
    told = frontdesk(place, "-q", "q.jsonl", "--answers", "out.jsonl", "--report", "less.md", "--no-failures")
    assert told.returncode == 0, told.stderr
    assert "lacks" not in (place / "less.md").read_text("utf-8")
    assert "## Right by kind" in (place / "less.md").read_text("utf-8")


def test_failures_are_shown_with_their_reasons(place: Path) -> None:
    """Why, how the answer begins, and its sources; by language when asked."""
    told = frontdesk(place, "-q", "q.jsonl", "--answers", "out.jsonl", "--failures", "--by", "language")
    assert "lacks 90 days" in told.stdout and "60 days" in told.stdout and "sources page.md" in told.stdout
    assert "│ zh" in told.stdout and "│ direct" not in told.stdout


def test_two_runs_are_compared(place: Path) -> None:
    """What was right before and is wrong now is listed, with its reason."""
    before = lines(place / "out.jsonl")
    before[1]["answer"] = "Within 90 days."
    (place / "before.jsonl").write_text("\n".join(map(json.dumps, before)), "utf-8")
    told = frontdesk(place, "-q", "q.jsonl", "--answers", "out.jsonl", "--against", "before.jsonl")
    assert told.returncode == 0, told.stderr
    assert "Better: 0\n" in told.stdout and "Worse: 1\n" in told.stdout
    assert told.stdout.index("Worse: 1") < told.stdout.index("2  Within how many days")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="the chart is drawn by matplotlib")
def test_a_chart_is_an_svg_that_stays_the_same(place: Path) -> None:
    """Both curves and the threshold in use; the same answers give the same bytes."""
    charts = []
    for name in ("one.svg", "two.svg"):
        told = frontdesk(place, "-q", "q.jsonl", "--answers", "out.jsonl", "--chart", name, "--report", "r.md")
        assert told.returncode == 0, told.stderr
        charts.append((place / name).read_text("utf-8"))
    assert charts[0] == charts[1]
    assert ET.fromstring(charts[0]).tag.endswith("svg")
    assert "in use: 0." in charts[0] and "false declines" in charts[0]
    assert "](two.svg)" in (place / "r.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-q", "q.jsonl"], "--knowledge"),
        (["-q", "q.jsonl", "-k", "docs", "--answers", "out.jsonl"], "one of them"),
        (["-q", "plain.jsonl", "-k", "docs"], "--out"),
        (["-q", "plain.jsonl", "-k", "docs", "-o", "new.jsonl", "--report", "r.md"], "expects nothing"),
        (["-q", "q.jsonl", "--answers", "out.jsonl", "-o", "new.jsonl"], "nothing to write"),
        (["-q", "q.jsonl", "--answers", "q.jsonl"], "answer"),
        (["-q", "q.jsonl", "--answers", "nowhere.jsonl"], "Cannot read"),
        (["-q", "q.jsonl", "--answers", "out.jsonl", "--against", "stranger.jsonl"], "no question stranger"),
        (["-q", "q.jsonl", "--answers", "out.jsonl", "--report", "out.jsonl"], "--report"),
        (["-q", "q.jsonl", "--answers", "out.jsonl", "--report", "nowhere/r.md"], "Cannot write"),
        (["-q", "q.jsonl", "--answers", "out.jsonl", "--chart", "c.png"], ".svg"),
        (["-q", "answered.jsonl", "--answers", "out.jsonl", "--chart", "c.svg"], "declined"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(place: Path, options: list[str], says: str) -> None:
    """One sentence that says what to do, exit code 2, and nothing written."""
    (place / "stranger.jsonl").write_text('{"id": "stranger", "answer": ""}', "utf-8")
    (place / "answered.jsonl").write_text('{"id": "ship", "question": "?", "must": []}', "utf-8")
    kept = (place / "out.jsonl").read_bytes()
    told = frontdesk(place, *options)
    assert told.returncode == 2, told.stdout
    assert says in told.stderr and "Traceback" not in told.stderr
    assert (place / "out.jsonl").read_bytes() == kept
    assert not (place / "new.jsonl").exists()


def test_the_questions_in_the_docs_are_questions(tmp_path: Path) -> None:
    """What the page on evaluation shows can be copied: every line is scored."""
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")
    found = re.search(r"<!-- example: questions.jsonl -->\n```json\n(.*?)```", page, re.S)
    assert found
    (tmp_path / "questions.jsonl").write_text(found[1], "utf-8")
    questions = read_questions(tmp_path / "questions.jsonl")
    assert len(questions) == 4 and all(question.expects for question in questions)
    assert questions[1].must == (("cannot be returned",),)


def test_the_docs_name_every_option() -> None:
    """An option that the page does not name is one that nobody finds."""
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")
    options = get_command(app).commands["eval"].params  # type: ignore[attr-defined]  # a group
    names = {name for option in options for name in option.opts if name.startswith("--")}
    assert {name for name in names if f"`{name}" not in page} == set()
