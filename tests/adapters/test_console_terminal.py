"""The console channel in a process of its own: on a real terminal, and between real pipes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_CHILD = [sys.executable, str(_ROOT / "tests/adapters/console_child.py")]
_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(_ROOT),
    "TERM": "xterm",
    "PYTHONUTF8": "1",
    "COLUMNS": "60",
    "LINES": "20",
}


class _Terminal:
    """A process whose input and output are a pseudo-terminal; its errors come apart, as marks of what happened."""

    def __init__(self) -> None:
        self.side, terminal = pty.openpty()
        self._marks_read, marks = os.pipe()
        self.process = subprocess.Popen(
            _CHILD, stdin=terminal, stdout=terminal, stderr=marks, env=_ENVIRONMENT, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._terminal = terminal
        os.close(marks)
        self.seen = b""
        self.marks = b""

    def type(self, text: str) -> None:
        os.write(self.side, text.encode())

    def until(self, text: str, *, after: int = 0) -> int:
        """Wait until `text` was written on the terminal after position `after`; the position behind it."""
        wanted = text.encode()
        while (at := self.seen.find(wanted, after)) < 0:
            self._read(f"{text!r} on the terminal")
        return at + len(wanted)

    def until_mark(self, mark: str) -> None:
        while mark.encode() not in self.marks:
            self._read(f"the mark {mark!r}")

    def shows_typing(self) -> bool:
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def _read(self, wanted: str) -> None:
        ready, _, _ = select.select([self.side, self._marks_read], [], [], 60)
        assert ready, f"waited for {wanted}; seen {self.seen!r} {self.marks!r}"
        if self.side in ready:
            self.seen += os.read(self.side, 65_536)
        if self._marks_read in ready:
            read = os.read(self._marks_read, 65_536)
            assert read, f"ended before {wanted}; seen {self.seen!r} {self.marks!r}"
            self.marks += read

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self.side, self._terminal, self._marks_read):
            os.close(descriptor)


@pytest.fixture
def terminal() -> Iterator[_Terminal]:
    one = _Terminal()
    one.until("> ")
    yield one
    one.close()


def test_a_conversation_on_a_terminal(terminal: _Terminal) -> None:
    """Prompt, answer rendered from Markdown, source, and the prompt again; Ctrl-D leaves."""
    terminal.type("How long?\n")
    at = terminal.until("[1] Shipping (shipping.md)")
    assert b"**" not in terminal.seen
    at = terminal.until("> ", after=at)
    terminal.type("/feedback up nice\n")
    terminal.until_mark("feedback 1 nice")
    terminal.until("> ", after=terminal.until("Thank you.", after=at))
    terminal.type("\x04")
    terminal.until_mark("left")
    assert terminal.process.wait(60) == 0


def test_ctrl_c_stops_an_answer_and_leaves_at_the_prompt(terminal: _Terminal) -> None:
    """One key, two meanings, as the help says; what is typed is shown again afterwards."""
    terminal.type("wait\n")
    terminal.until_mark("waiting")
    assert not terminal.shows_typing()
    terminal.type("\x03")
    at = terminal.until("> ", after=terminal.until("Stopped."))
    assert terminal.shows_typing()
    terminal.type("still there?\n")
    terminal.until("> ", after=terminal.until("(shipping.md)", after=at))
    terminal.type("\x03")
    terminal.until_mark("left")
    assert terminal.process.wait(60) == 0


def test_stop_can_be_typed_and_a_question_typed_ahead_waits(terminal: _Terminal) -> None:
    """Lines are heard while an answer is written."""
    terminal.type("wait\n")
    terminal.until_mark("waiting")
    terminal.type("next one\n/stop\n")
    at = terminal.until("Stopped.")
    terminal.until("next one", after=at)
    terminal.until("(shipping.md)", after=at)


def test_a_second_ctrl_c_leaves_an_answer_that_does_not_stop(terminal: _Terminal) -> None:
    """Nobody is caught; the terminal is left as it was found, cursor and all."""
    terminal.type("deaf\n")
    terminal.until_mark("waiting")
    terminal.type("\x03/stop\n")
    terminal.until_mark("left")
    assert terminal.process.wait(60) == 0
    assert terminal.shows_typing()
    terminal.until("\x1b[?25h")


def test_between_pipes_everything_is_plain(tmp_path: Path) -> None:
    """A file of questions gives its answers, in order, without a single escape."""
    questions = tmp_path / "questions.txt"
    questions.write_text("How long?\n\n/feedback down\nUnd wie teuer ist das Öl?", "utf-8")
    with questions.open("rb") as file:
        done = subprocess.run(_CHILD, stdin=file, capture_output=True, env=_ENVIRONMENT, timeout=60)
    assert done.stdout.decode() == (
        "Re: **How long?** [1]\n[1] Shipping (shipping.md)\nThank you.\n"
        "Re: **Und wie teuer ist das Öl?** [1]\n[1] Shipping (shipping.md)\n"
    )
    assert re.findall(r"feedback -1|left", done.stderr.decode()) == ["feedback -1", "left"]
    assert done.returncode == 0


def test_without_any_line_it_leaves() -> None:
    """Nothing to read is nothing to do, at /dev/null (which cannot be polled) and at an empty pipe."""
    null = subprocess.run(_CHILD, stdin=subprocess.DEVNULL, capture_output=True, env=_ENVIRONMENT, timeout=60)
    pipe = subprocess.run(_CHILD, input=b"", capture_output=True, env=_ENVIRONMENT, timeout=60)
    for done in (null, pipe):
        assert done.stdout == b""
        assert done.returncode == 0
