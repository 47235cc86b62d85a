"""The command line, as people and scripts meet it: real processes, real exit codes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from bot.cli import app, prompts
from prompts.template import Library

LEAN = {"FRONTDESK_KNOWLEDGE__SEMANTIC__ENABLED": "no"}


def frontdesk(*arguments: str, cwd: Path, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `cwd` with nothing of ours in its environment but `environ`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDESK_")}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=cwd,
        env=clean | LEAN | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"} | environ,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    told = frontdesk("init", "shop", "--name", 'The "Green" Door', cwd=folder)
    assert told.returncode == 0, told.stderr
    added = frontdesk("knowledge", "add", "knowledge/", cwd=folder / "shop")
    assert added.returncode == 0, added.stderr
    return folder / "shop"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project as `init` makes it, with its first knowledge read; a copy of its own for each test."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


def commands() -> list[tuple[str, str]]:
    """Every command's name and its help."""
    found = []
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]  # the app is a group
        for inner, leaf in getattr(command, "commands", {"": command}).items():
            found.append((f"{name} {inner}".strip(), leaf.help or ""))
    return found


@pytest.mark.parametrize(("name", "text"), commands())
def test_every_command_has_an_example(name: str, text: str) -> None:
    """`--help` of each command shows how it is typed."""
    assert f"frontdesk {name}" in text


def test_help_is_printed(tmp_path: Path) -> None:
    """All commands of the issue are there."""
    told = frontdesk("--help", cwd=tmp_path).stdout
    for name in [
        "demo",
        "init",
        "run",
        "chat",
        "ask",
        "knowledge",
        "prompts",
        "eval",
        "export",
        "erase",
        "backup",
        "doctor",
        "write",
        "summarize",
        "translate",
        "sentiment",
        "explain",
        "train",
    ]:
        assert name in told


def test_a_new_project_answers_from_its_first_page(project: Path) -> None:
    """init, knowledge add, ask: an answer with its source."""
    told = frontdesk("ask", "When are you open on Saturday?", "--json", cwd=project)
    answer = json.loads(told.stdout)
    assert "10:00" in answer["answer"]
    assert answer["sources"] == ["welcome.md"]
    assert not answer["declined"]


def test_ask_works_on_a_folder_without_a_project(tmp_path: Path) -> None:
    """`ask --knowledge DIR` leaves nothing behind."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "tea.md").write_text("# Tea\n\nGreen tea steeps for two minutes at 80 °C.\n", "utf-8")
    told = frontdesk("ask", "How long does green tea steep?", "--knowledge", "docs", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "two minutes" in told.stdout
    assert "tea.md" in told.stdout
    assert sorted(file.name for file in tmp_path.iterdir()) == ["docs"]


def test_init_overwrites_nothing(project: Path) -> None:
    """A second init says so and changes nothing."""
    (project / "frontdesk.toml").write_text("# mine\n", "utf-8")
    again = frontdesk("init", cwd=project)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert (project / "frontdesk.toml").read_text("utf-8") == "# mine\n"


def test_knowledge_is_listed_searched_and_removed(project: Path) -> None:
    """What was added can be seen, found and taken out again."""
    listed = frontdesk("knowledge", "list", cwd=project).stdout
    location = next(word for word in listed.split() if word.endswith("welcome.md"))
    assert "Saturday" in frontdesk("knowledge", "search", "Saturday hours", cwd=project).stdout
    assert frontdesk("knowledge", "remove", location, cwd=project).returncode == 0
    again = frontdesk("knowledge", "remove", location, cwd=project)
    assert again.returncode == 2
    assert "knowledge list" in again.stderr


def test_what_sources_hold_is_shown_and_not_obeyed(project: Path) -> None:
    """Names, titles and texts of others may look like markup or hold a terminal's orders: they are seen as they are."""
    name = "tricks \x1b]0;x\x07[nope].md"
    (project / "knowledge" / name).write_text(
        "# Zebras [bold]or[/nope]\n\n## Size\x1b[2J\n\nA zebra is 1.4 m high.\x1b]52;c;eA==\x07\n"
        + "\nIt grazes.\n" * 500,
        "utf-8",
    )
    (project / "knowledge" / "broken \x1b[31m.pdf").write_text("no PDF", "utf-8")
    for command in (["add", "knowledge/"], ["list"], ["search", "zebra"]):
        done = frontdesk("knowledge", *command, cwd=project)
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr
    assert "[/nope]" in done.stdout
    asked = frontdesk("ask", "How high is a zebra?", cwd=project)
    assert "1.4 m" in asked.stdout
    assert "\x1b" not in asked.stdout


def test_prompts_are_listed_shown_and_rendered(project: Path) -> None:
    """Templates can be looked at, and overridden by a file of the same name."""
    assert "summarize" in frontdesk("prompts", "list", cwd=project).stdout
    shown = frontdesk("prompts", "show", "decline", "--language", "zh", cwd=project).stdout
    (project / "prompts" / "zh").mkdir(parents=True)
    (project / "prompts" / "zh" / "decline.md").write_text(shown, "utf-8")
    assert "your project" in frontdesk("prompts", "list", cwd=project).stdout
    unknown = frontdesk("prompts", "show", "summarise", cwd=project)
    assert unknown.returncode == 2
    assert "summarize" in unknown.stderr


def test_a_template_with_an_unknown_variable_is_named(project: Path) -> None:
    """A typo in a template is found before a visitor meets it."""
    (project / "prompts" / "en").mkdir(parents=True)
    (project / "prompts" / "en" / "answer.md").write_text("---\nname: answer\n---\nHello {{ sitename }}\n", "utf-8")
    for command in (("prompts", "show", "answer"), ("doctor",)):
        told = frontdesk(*command, cwd=project)
        assert told.returncode != 0
        assert "sitename" in told.stdout + told.stderr


def test_eval_writes_one_line_for_each_question(project: Path) -> None:
    """The real pipeline, with history, in the order of the file."""
    asked = [
        {"id": "a", "question": "When are you open on Saturday?", "kind": "extra keys are fine"},
        {
            "id": 2,
            "question": "and on Sunday?",
            "history": [
                {"role": "user", "text": "When are you open on Saturday?"},
                {"role": "assistant", "text": "10:00 to 14:00"},
            ],
            "lang": "en",
        },
        {"id": "c", "question": "Do you sell submarines?"},
    ]
    (project / "q.jsonl").write_text("\n".join(map(json.dumps, asked)), "utf-8")
    told = frontdesk("eval", "-k", "knowledge", "-q", "q.jsonl", "-o", "out.jsonl", cwd=project)
    assert told.returncode == 0, told.stderr
    lines = [json.loads(line) for line in (project / "out.jsonl").read_text("utf-8").splitlines()]
    assert [line["id"] for line in lines] == ["a", 2, "c"]
    assert set(lines[0]) >= {"id", "answer", "sources", "declined", "language", "seconds"}
    assert lines[0]["sources"] == ["welcome.md"]
    assert "Sunday" in lines[1]["answer"]
    assert lines[2]["declined"]
    assert lines[2]["sources"] == []


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "line 2"), ('{"id": 1}', "question"), ('{"id": 1, "question": ""}', "question"), ("[]", "line 2")],
)
def test_eval_names_the_line_that_is_wrong(tmp_path: Path, line: str, says: str) -> None:
    """A broken question file is refused before anything runs."""
    (tmp_path / "k.md").write_text("# A\n\nb\n", "utf-8")
    (tmp_path / "q.jsonl").write_text('{"id": 0, "question": "x"}\n' + line, "utf-8")
    told = frontdesk("eval", "-k", "k.md", "-q", "q.jsonl", "-o", "out.jsonl", cwd=tmp_path)
    assert told.returncode == 2
    assert says in told.stderr
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "How much is it?"],
        ["ask", "How much is it?", "--knowledge", "empty", "--json"],
        ["chat", "--knowledge", "empty"],
        ["eval", "-k", "empty", "-q", "q.jsonl", "-o", "out.jsonl"],
        ["knowledge", "add", "empty"],
        ["knowledge", "search", "price"],
    ],
)
def test_an_empty_knowledge_base_is_named(tmp_path: Path, arguments: list[str]) -> None:
    """What can only decline says so at once, and older answers of `eval` stay as they were."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "q.jsonl").write_text('{"id": 1, "question": "How much is it?"}', "utf-8")
    (tmp_path / "out.jsonl").write_text("before", "utf-8")
    told = frontdesk(*arguments, cwd=tmp_path)
    assert told.returncode == 2
    assert (
        "Nothing is known" in told.stderr
        or "nothing to answer from in empty" in told.stderr
        or "to read" in told.stderr
    )
    assert (tmp_path / "out.jsonl").read_text("utf-8") == "before"


def test_a_new_project_does_not_answer_with_its_own_instructions(project: Path) -> None:
    """What the first page tells its author is not told to visitors."""
    found = frontdesk("knowledge", "search", "replace this page", cwd=project)
    assert "Replace this page" not in found.stdout


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", Library().names())
def test_every_template_is_rendered_with_what_is_known(
    name: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The site and the language are filled in, so that only what a template alone needs is asked for."""
    needed = [
        f"{key}=something"
        for key, variable in Library().get(name, language).variables.items()
        if variable.required and key not in ("site_name", "site_description", "contact", "language", "language_name")
    ]
    prompts.render(name, needed, language, None)
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--config", "none.toml"], "frontdesk init"),
        (["ask", "x", "--knowledge", "nowhere"], "nowhere"),
        (["knowledge", "add", "nowhere.md"], "nowhere.md"),
        (["ask", " "], "empty"),
        (["export", "--visitor", "nobody"], "Nothing is held"),
        (["erase", "--visitor", "nobody", "--yes"], "Nothing is held"),
    ],
)
def test_impossible_requests_end_with_a_sentence(project: Path, arguments: list[str], says: str) -> None:
    """What is wrong, what to do, an exit code that is not 0, no traceback."""
    told = frontdesk(*arguments, cwd=project)
    assert told.returncode != 0
    assert says in told.stderr
    assert "Traceback" not in told.stderr


def test_a_port_in_use_is_named(project: Path) -> None:
    """The next free port is the user's to choose."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = frontdesk("run", "--port", str(port), cwd=project)
        assert told.returncode == 2
        assert f"Port {port}" in told.stderr
        assert "--port" in told.stderr
        assert frontdesk("doctor", cwd=project, FRONTDESK_SERVER__PORT=str(port)).returncode == 1


def test_a_file_in_the_place_of_the_data_folder_is_named(project: Path) -> None:
    """A data folder that cannot be one is said so, and the file is left alone."""
    (project / "notes").write_text("mine", "utf-8")
    told = frontdesk("run", "--data", "notes", "--port", "0", cwd=project)
    assert told.returncode == 1
    assert "notes" in told.stderr
    assert "Traceback" not in told.stderr
    assert (project / "notes").read_text("utf-8") == "mine"


def test_a_backup_is_written_once(project: Path) -> None:
    """A backup opens like the original, and nothing is overwritten."""
    assert frontdesk("backup", "copy.db", cwd=project).returncode == 0
    again = frontdesk("backup", "copy.db", cwd=project)
    assert again.returncode != 0
    assert "copy.db" in again.stderr


def test_an_export_is_its_owners_to_read(project: Path) -> None:
    """What is held about a visitor is written so that nobody else on the machine can read it."""
    assert frontdesk("chat", cwd=project, stdin="Are you open on Saturday?\n").returncode == 0
    done = frontdesk("export", "--visitor", "console", "--out", "held.json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "Saturday" in (project / "held.json").read_text("utf-8")
    assert (project / "held.json").stat().st_mode & 0o077 == 0


def test_doctor_finds_nothing_wrong_with_a_new_project(project: Path) -> None:
    """Every check is named; the exit code is 0."""
    told = frontdesk("doctor", cwd=project, FRONTDESK_SERVER__PORT="0")
    assert told.returncode == 0, told.stdout + told.stderr
    for subject in ("configuration", "secrets", "port", "storage", "knowledge", "prompts", "engine"):
        assert subject in told.stdout


def test_chat_works_through_pipes(project: Path) -> None:
    """Lines in, answers out, and the end of input ends it."""
    told = frontdesk("chat", cwd=project, stdin="When are you open on Saturday?\n/quit\n")
    assert told.returncode == 0, told.stderr
    assert "10:00" in told.stdout
