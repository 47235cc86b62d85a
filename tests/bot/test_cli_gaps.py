"""`frontdesk gaps` and `frontdesk corrections`, as staff meet them: real processes beside the server that runs."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.cli.correcting import parsed
from bot.errors import UsageError
from bot.events import Feedback, Message, Reply
from storage.sqlite import SqliteStore
from tests.bot.test_cli import frontdesk
from tests.bot.test_turn import QUESTION, Talk, message, talk
from tests.contracts.store_learning import ended

KAYAK = "Can I rent a kayak from you?"
TOLD = "No. The shop next door rents kayaks."
HOSTILE = "Do you ship to [bold]Iceland[/bold] | ?\x1b[31m\u202e lena@example.org"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A project: two visitors asked for the same, one was told what did not help, one is hostile."""
    async with stored(tmp_path) as store:
        await ended(store, asked("q1", KAYAK, "ada"), "declined")
        await ended(store, asked("q2", "is there kayak rental in august", "bob"), "declined")
        await ended(store, asked("q3", HOSTILE, "eve"), "declined")
        kettle = asked("q4", QUESTION, "cem")
        await ended(store, kettle)
        await store.feedback(
            Feedback(address=kettle.address, message_id="q4", value=-1, comment="I meant tea", sender="cem")
        )
    return tmp_path


def asked(ident: str, text: str, conversation: str) -> Message:
    return replace(message(ident, text, conversation=conversation), sender=conversation)


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(folder / "data")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def run(folder: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    """What the command says on the database in `folder`, at the width of a small terminal."""
    command = (*arguments, "--data", str(folder / "data"))
    told = await asyncio.to_thread(lambda: frontdesk(*command, cwd=folder, **{"COLUMNS": "80", **environ}))
    assert told.returncode == code, told.stderr
    return told.stderr if code else told.stdout


async def inside(folder: Path, *arguments: str, code: int = 0) -> str:
    """The same within this process, which is quicker; what went wrong as the sentence that is told."""
    command = [*arguments, "--data", str(folder / "data")]
    told = await asyncio.to_thread(lambda: CliRunner().invoke(app, command))
    assert bool(told.exception) is bool(code), told.output
    assert not code or isinstance(told.exception, UsageError), told.exception
    return str(told.exception) if code else told.output


async def answered(talking: Talk) -> Reply:
    end = await talking.say(KAYAK, conversation=str(talking.count))
    assert isinstance(end, Reply)
    return end


async def test_a_gap_is_closed_beside_a_running_server(folder: Path) -> None:
    """Declined, listed, answered, approved: then the server answers and cites, and the gap is off the list."""
    async with talk(folder) as talking:
        await closes(talking, folder)


async def closes(talking: Talk, folder: Path) -> None:
    listed = await run(folder, "gaps")
    assert KAYAK in " ".join(listed.split())
    assert "declined 2" in listed
    assert "thumbs down 1" in listed
    drafted = await run(folder, "gaps", "answer", "1", "--text", TOLD, "--by", "ana")
    assert "frontdesk corrections approve 1" in drafted
    assert (await answered(talking)).finish_reason == "declined"
    assert "Known" in await run(folder, "corrections", "approve", "1", "--by", "ben")
    told = await answered(talking)
    assert told.text == f"{TOLD} [1]"
    assert [one.location for one in told.citations] == ["corrections/can-i-rent-a-kayak-from-you-1.md"]
    assert KAYAK not in " ".join((await inside(folder, "gaps")).split())
    (settled, *_) = json.loads(await inside(folder, "gaps", "--all", "--json"))["gaps"]
    assert (settled["settled"], settled["correction"]) == (True, {"number": 1, "state": "approved"})
    shown = await inside(folder, "corrections", "show", "1")
    for part in (KAYAK, "- is there kayak rental in august", TOLD, "approved: ana wrote it", "ben decided"):
        assert part in shown
    assert "Rejected" in await inside(folder, "corrections", "reject", "1")
    assert (await answered(talking)).finish_reason == "declined"
    assert "rejected" in await inside(folder, "corrections")


async def test_lists_show_nobody_and_fit(folder: Path) -> None:
    """At 80 columns nothing is wider; no personal data, nobody's name, and no orders to the terminal or the page."""
    (folder / "out").mkdir()
    report = folder / "out" / "gaps.md"
    shown = [
        await run(folder, "gaps"),
        await run(folder, "gaps", "show", "1"),
        await inside(folder, "gaps", "--markdown", str(report)) + report.read_text("utf-8"),
    ]
    listed = json.loads(await inside(folder, "gaps", "--json"))
    assert "[email]" in json.dumps(listed)
    for told in (*shown, json.dumps(listed)):
        assert not {"\x1b", "\u202e"} & set(told)
        assert not [name for name in ("lena@", "ada", "bob", "cem") if name in told.replace("canada", "")]
    assert max(map(len, "\n".join(shown[:2]).splitlines())) <= 80
    assert "\\[bold\\]Iceland" in shown[2]
    assert "\\|" in shown[2]


async def test_a_gap_is_named_by_its_id(folder: Path) -> None:
    """And shows what was said of the answer; what is not there is said with what to do."""
    found = json.loads(await inside(folder, "gaps", "--json"))["gaps"]
    kettle = next(gap for gap in found if gap["reasons"] == {"disliked": 1})
    told = await inside(folder, "gaps", "show", kettle["id"])
    assert "I meant tea" in told
    assert "thumbs down 1" in told
    assert "numbered 1 to 3" in await inside(folder, "gaps", "show", "nine", code=2)
    assert "there is no gap" in (await inside(folder, "gaps", "answer", "9", "--text", "x", code=2)).lower()


async def test_languages_and_limits(folder: Path) -> None:
    """Numbers are those of the whole list, whatever part of it is shown."""
    assert "No gaps" in await inside(folder, "gaps", "--language", "zh")
    whole = json.loads(await inside(folder, "gaps", "--json"))["gaps"]
    first = json.loads(await inside(folder, "gaps", "--json", "--limit", "1"))["gaps"]
    assert first == whole[:1]


async def test_a_dismissed_gap_comes_back_when_it_is_asked_again(folder: Path) -> None:
    """Until then it is off the list."""
    await inside(folder, "gaps", "dismiss", "1", "--by", "ana")
    assert "kayak" not in await inside(folder, "gaps")
    async with stored(folder) as store:
        await ended(store, asked("q9", KAYAK, "dan"), "declined")
    assert "kayak" in await inside(folder, "gaps")


async def test_an_answer_is_written_in_an_editor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with how it was asked; what is not saved, or is empty, changes nothing."""
    script = folder / "editor.py"
    script.write_text(
        "import sys, pathlib\n"
        "file = pathlib.Path(sys.argv[-1]); text = file.read_text('utf-8')\n"
        "assert '- is there kayak rental in august' in text\n"
        f"file.write_text(text.replace('---\\n\\n', '---\\n{TOLD}\\n'), 'utf-8')\n",
        "utf-8",
    )
    await run(folder, "gaps", "answer", "1", VISUAL=f"{sys.executable} {script}")
    assert TOLD in await inside(folder, "corrections", "show", "1")
    monkeypatch.setenv("VISUAL", "true")
    assert "not saved" in await inside(folder, "gaps", "answer", "1", code=2)
    monkeypatch.setenv("VISUAL", "/no/editor")
    assert "cannot be used" in await inside(folder, "corrections", "edit", "1", code=2)
    monkeypatch.delenv("VISUAL")
    monkeypatch.delenv("EDITOR", raising=False)
    assert "No editor" in await inside(folder, "gaps", "answer", "1", code=2)
    await inside(folder, "corrections", "edit", "1", "--text", "Yes.", "--by", "cem")
    assert "Yes." in await inside(folder, "corrections", "show", "1")


async def test_personal_data_in_an_answer_is_told(folder: Path) -> None:
    """It is taken out with a word, and such an answer is not made known."""
    command = ("gaps", "answer", "--question", "Who mends kettles?", "--text", "Call +31 10 899 1234.")
    assert "Personal data was taken out of the answer" in await inside(folder, *command)
    assert "taken out" in await inside(folder, "corrections", "approve", "1", code=2)
    await inside(folder, *command, "--keep-contacts")
    await inside(folder, "corrections", "approve", "2")


async def test_nothing_to_show_is_said(tmp_path: Path) -> None:
    """Without gaps, without corrections, and without a database."""
    assert "There is no database" in await inside(tmp_path, "gaps", code=2)
    async with stored(tmp_path):
        assert "No gaps" in await inside(tmp_path, "gaps")
        assert "There is no gap" in await inside(tmp_path, "gaps", "show", "1", code=2)
        assert "no corrections yet" in await inside(tmp_path, "corrections")
        assert "Name one thing" in await inside(tmp_path, "gaps", "answer", code=2)


def test_what_an_editor_leaves_is_read() -> None:
    """The first line, lines with dashes, and all below the line of ---."""
    assert parsed("# help\nKayak?\n- boats?\n\n---\nNo.\n---\nNever.\n") == ("Kayak?", ("boats?",), "No.\n---\nNever.")
    for broken in ("", "Kayak?\n- boats?\n", "Kayak?\n---\n \n", "# help\n---\nNo."):
        with pytest.raises(UsageError):
            parsed(broken)


async def test_old_questions_are_left_out(folder: Path) -> None:
    """Only what was asked in the last days is looked at."""
    import sqlite3

    with sqlite3.connect(folder / "data" / "frontdesk.db") as db:
        db.execute("UPDATE messages SET accepted_at = ?", (time.time() - 40 * 86_400,))
    assert "No gaps" in await inside(folder, "gaps")
    assert "kayak" in await inside(folder, "gaps", "--days", "60")
