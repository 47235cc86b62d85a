"""Bad input everywhere, through real processes: a sentence, an exit code that is not 0, and nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

_HERE = Path(__file__).parents[2]
_QUESTION = json.dumps({"id": 1, "question": "How long does shipping take?"}) + "\n"


def environment(**more: str) -> Mapping[str, str]:
    """Ours without a setting of the developer's."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDESK_")}
    return clean | {"PYTHONPATH": str(_HERE), "FRONTDESK_KNOWLEDGE__SEMANTIC__ENABLED": "no", "COLUMNS": "200"} | more


def shell(line: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run `line`, in which `frontdesk` is ours, and check that nobody sees a traceback."""
    script = f'frontdesk() {{ "{sys.executable}" -m bot "$@"; }}; set -o pipefail; {line}'
    told = subprocess.run(
        ["bash", "-c", script], cwd=cwd, env=environment(**more), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert b"Traceback" not in told.stdout + told.stderr, told.stderr.decode()
    return told


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a page of knowledge and a question about it."""
    (tmp_path / "page.md").write_text("# Shipping\n\nShipping takes three days.\n", "utf-8")
    (tmp_path / "运费.md").write_text("# 运费\n\n运费是三欧元。\n", "utf-8")
    (tmp_path / "q.jsonl").write_text(_QUESTION, "utf-8")
    return tmp_path


@pytest.mark.parametrize("content", [_QUESTION, "earlier answers\n"])
def test_a_failed_eval_leaves_what_stood_in_the_file(place: Path, content: str) -> None:
    """Neither the questions nor an older result are lost to a run that answers nothing."""
    (place / "kept.jsonl").write_text(content, "utf-8")
    knowledge, questions = ("page.md", "kept.jsonl") if content == _QUESTION else ("nowhere", "q.jsonl")
    told = shell(f"frontdesk eval -k {knowledge} -q {questions} -o kept.jsonl", place)
    assert told.returncode == 2
    assert (place / "kept.jsonl").read_text("utf-8") == content


@pytest.mark.parametrize("command", ["backup copy.db", "export --visitor x", "erase --visitor x --yes"])
def test_a_mistyped_data_folder_is_no_empty_one(place: Path, command: str) -> None:
    """A backup of nothing would be noticed when it is needed; and no folder is left behind."""
    told = shell(f"frontdesk {command} --data dta", place)
    assert told.returncode == 2
    assert b"There is no database in" in told.stderr and b"--data" in told.stderr
    assert not (place / "dta").exists() and not (place / "copy.db").exists()


def test_output_that_cannot_be_written(place: Path) -> None:
    """A full disk behind standard output, and a reader who has seen enough."""
    full = shell("frontdesk prompts list > /dev/full", place)
    assert full.returncode == 1
    assert b"No space left" in full.stderr
    head = shell("frontdesk prompts show answer | true", place)
    assert head.returncode in (0, 1)
    assert head.stderr == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_database(place: Path, closed: str) -> None:
    """Whichever of the three streams is closed, the command works to its end."""
    assert shell(f'frontdesk ask "How long does shipping take?" -k page.md {closed}', place).returncode == 0


def test_a_terminal_that_cannot_show_every_character(place: Path) -> None:
    """Answers appear with question marks there; JSON keeps every character."""
    asked = 'frontdesk ask "运费是多少？" -k 运费.md'
    shown = shell(asked, place, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0 and b"?" in shown.stdout
    told = json.loads(shell(f"{asked} --json", place, PYTHONIOENCODING="ascii").stdout)
    assert "三欧元" in told["answer"]
    chat = shell('echo "运费是多少？" | frontdesk chat -k 运费.md', place, PYTHONIOENCODING="ascii")
    assert chat.returncode == 0 and b"?" in chat.stdout


def test_a_template_is_printed_as_it_stands(place: Path) -> None:
    """What `prompts show` prints can be saved as an override, however narrow the terminal is."""
    shown = shell("frontdesk prompts show answer", place, COLUMNS="20")
    assert shown.stdout == (_HERE / "prompts" / "library" / "en" / "answer.md").read_bytes()
    assert b"answer" in shell("frontdesk prompts list", place, COLUMNS="0").stdout


def test_doctor_finds_what_would_stop_the_channels(place: Path) -> None:
    """Whatever `run` refuses, `doctor` names; and it leaves no data folder behind."""
    for variable, value in [
        ("FRONTDESK_WEB__ORIGINS", '["x"]'),
        ("FRONTDESK_WEB__TOKEN_SECRET", "short"),
        ("FRONTDESK_SERVER__TRUSTED_PROXIES", '["x"]'),
    ]:
        told = shell("frontdesk doctor", place, **{variable: value, "FRONTDESK_SERVER__PORT": "0"})
        assert told.returncode == 1, variable
        assert b"channels" in told.stdout
    assert not (place / "data").exists()


def test_an_unknown_answer_template_stops_the_start(place: Path) -> None:
    """A misspelt `prompts.answer` is found at the start, not by the first visitor."""
    told = shell("frontdesk run --port 0", place, FRONTDESK_PROMPTS__ANSWER="answr")
    assert told.returncode == 2
    assert b"'answr'" in told.stderr


def test_ctrl_c_while_reading_knowledge_ends_at_once(place: Path) -> None:
    """Exit code 130, no traceback; the next run takes up what is missing."""
    command = [sys.executable, "-m", "bot", "knowledge", "add", "pipe.md", "--data", "data"]
    os.mkfifo(place / "pipe.md")
    process = subprocess.Popen(command, cwd=place, env=environment(), stderr=subprocess.PIPE)
    try:
        while not (place / "data" / "frontdesk.db").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in told
    assert shell("frontdesk knowledge add page.md --data data", place).returncode == 0
