"""The console channel without a terminal: what lines mean, what is shown, what is escaped."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from adapters.base import Adapter
from adapters.console import ConsoleAdapter, Lines, LineTooLong
from adapters.console.commands import HELP, Judge, Say, Unclear, understand
from adapters.console.safe import one_line, visible
from adapters.console.screen import Screen
from bot.errors import Overloaded
from bot.events import Address, Case, Citation, Failed, Feedback, Message, Post, PostKind, Reply, Stop

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")
_SOURCE = Citation(number=1, title="Shipping", location="shipping.md")

Event = Message | Stop | Feedback


# -- what lines mean ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("How long?", Say("How long?")),
        ("  How long?  ", Say("How long?")),
        ("//etc is what?", Say("/etc is what?")),
        ("", None),
        ("   ", None),
        ("/help", "help"),
        ("/stop ", "stop"),
        ("/new", "new"),
        ("/quit", "quit"),
        ("/feedback up", Judge(1)),
        ("/feedback down  too long ", Judge(-1, "too long")),
        ("/feedback none", Judge(0)),
        ("/summarize", Say("", "summarize")),
        ("/sentiment", Say("", "sentiment")),
        ("/translate to German: Good morning", Say("to German: Good morning", "translate")),
        ("/language de", Say("de", "language")),
        (" /forget ", Say("", "forget")),
        ("/settings", Say("", "settings")),
        ("/human I am angry", Say("I am angry", "human")),
        ("//help", Say("/help")),
    ],
)
def test_a_line_means_what_the_help_says(line: str, meaning: object) -> None:
    """Questions, commands, and the way to begin a question with a slash."""
    assert understand(line) == meaning


@pytest.mark.parametrize(
    ("line", "hint"),
    [("/hlep", "/help"), ("/feedback", "up or"), ("/feedback 5", "up or"), ("/x", "/help"), ("/forgett", "/forget")],
)
def test_a_line_that_means_nothing_is_explained(line: str, hint: str) -> None:
    """And is never sent to the bot."""
    command = understand(line)
    assert isinstance(command, Unclear)
    assert hint in command.explanation


@given(st.text())
def test_every_line_can_be_understood(line: str) -> None:
    """No line raises, and what is no command is said as it stands."""
    command = understand(line)
    if line.strip() and not line.strip().startswith("/"):
        assert command == Say(line.strip())


# -- what is shown -----------------------------------------------------------------------------------
@given(st.text(st.characters()))
def test_no_control_character_remains(text: str) -> None:
    """And nothing else changes."""
    shown = visible(text)
    assert not _CONTROL.search(shown)
    if not _CONTROL.search(text):
        assert shown == text
    assert "\n" not in one_line(text)


_HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred \x9b31m \x08\x08 \rover \u202eevil &#27;[2J &#13;x &#x9b;2J &#x202e;live "
    "[link](https://example.org/\x1b]8;;) `\x1b[2J` \ud800\n\n```\n\x1b[2J\n```\n\n"
    "| a\x1b[1m | b |\n|--|--|\n| c | &#27;d |"
)


@pytest.mark.parametrize("terminal", [True, False])
async def test_no_control_sequence_of_the_model_reaches_the_terminal(terminal: bool) -> None:
    """Not while it is written, not at the end, not from a title, a place or an excuse, and not through Markdown."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=200, color_system=None)
    screen = Screen(console)
    screen.begin()
    for end in range(0, len(_HOSTILE), 7):
        screen.show(_HOSTILE[:end])
        screen._draw()
    screen.end(_HOSTILE, [Citation(number=1, title=_HOSTILE, location=_HOSTILE)], "stop")
    screen.begin()
    screen.fail(_HOSTILE)
    screen.note(_HOSTILE)
    screen.post(_HOSTILE, _HOSTILE)
    screen.post("", _HOSTILE)
    own = re.compile(r"\x1b\[(\?25[lh]|\d*[AK]|2K|0?m)|\r")  # what the live display moves with
    assert not _CONTROL.search(own.sub("", file.getvalue()))
    assert "\x1b[2J" not in file.getvalue()
    assert "\rx" not in file.getvalue()  # a line's beginning written over


def _shown(width: int = 40, height: int = 10) -> tuple[Screen, io.StringIO]:
    file = io.StringIO()
    return Screen(Console(file=file, force_terminal=True, width=width, height=height, color_system=None)), file


async def test_an_answer_higher_than_the_terminal_is_whole_at_its_end() -> None:
    """While it is written its end is in view; afterwards all of it stands there, once."""
    screen, file = _shown()
    text = "\n\n".join(f"line {number}" for number in range(30))
    screen.begin()
    screen.show(text)
    screen._draw()
    drawn = file.getvalue()
    assert "line 29" in drawn
    assert "line 3\n" not in drawn
    screen.end(text, [], "stop")
    lines = [line.strip() for line in re.sub(r"\x1b\[[?\d]*\w", "", file.getvalue()[len(drawn) :]).splitlines()]
    assert [line for line in lines if re.fullmatch(r"line \d+", line)] == [f"line {number}" for number in range(30)]


async def test_html_is_shown_as_text_and_links_with_their_address() -> None:
    """Nothing is hidden in a terminal."""
    screen, file = _shown(width=100)
    screen.begin()
    screen.end("Use <name> and [this](https://example.org/x)", [], "stop")
    assert "<name>" in file.getvalue()
    assert "https://example.org/x" in file.getvalue()


# -- a conversation ----------------------------------------------------------------------------------
class _Talk:
    """An adapter with a script of lines, a desk that is the test, and what was printed."""

    def __init__(self, *lines: str, answer: Callable[[ConsoleAdapter, Message], Awaitable[None]] | None = None) -> None:
        self.file = io.StringIO()
        self.events: list[Event] = []
        self.known = True
        self._answer = answer or _answered
        self.adapter = ConsoleAdapter(
            Console(file=self.file, width=80), self._lines(lines), conversation="one", language="de"
        )

    async def _lines(self, lines: tuple[str, ...]) -> AsyncIterator[str]:
        for line in lines:
            yield line

    async def publish(self, event: Event) -> bool:
        self.events.append(event)
        if isinstance(event, Message):
            await self._answer(self.adapter, event)
        return self.known

    async def run(self) -> str:
        await self.adapter.run(self.publish)
        await self.adapter.left()
        await self.adapter.close()
        return self.file.getvalue()


def _reply(message: Message, text: str, *, final: bool = True, attempt: int = 1) -> Reply:
    return Reply(
        message_id=message.id, attempt=attempt, address=message.address, text=text, seq=0, final=final,
        citations=(_SOURCE,) if final else (), finish_reason="stop" if final else "",
    )  # fmt: skip


async def _answered(adapter: ConsoleAdapter, message: Message) -> None:
    await adapter.send(_reply(message, "Re", final=False))
    await adapter.send(_reply(message, f"Re: {message.text} [1]"))


async def test_lines_are_answered_in_order_with_their_sources() -> None:
    """Plain text where there is no terminal: no prompt, no escape, the answer once."""
    talk = _Talk("How long?", "", "And abroad?")
    assert await talk.run() == (
        "Re: How long? [1]\n[1] Shipping (shipping.md)\nRe: And abroad? [1]\n[1] Shipping (shipping.md)\n"
    )
    first, second = talk.events
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.address.channel, first.address.conversation, first.language) == ("console", "one", "de")
    assert first.id != second.id


async def test_feedback_is_for_the_last_answer() -> None:
    """And before there is one, nothing is sent."""
    talk = _Talk("/feedback up", "How long?", "/feedback down too vague")
    printed = await talk.run()
    message, opinion = talk.events
    assert isinstance(message, Message)
    assert opinion == Feedback(
        address=message.address, message_id=message.id, value=-1, comment="too vague", sender=message.sender
    )
    assert "no answer yet" in printed
    assert "Thank you." in printed


async def test_new_begins_another_conversation() -> None:
    """The bot remembers nothing of the former one, whose late answers are not shown. What it can do, it says itself."""
    talk = _Talk("one", "/new", "two", "/stop", "/help", "/quit", "never read")
    printed = await talk.run()
    first, second, third = talk.events
    assert isinstance(first, Message)
    assert isinstance(third, Message)
    assert (third.text, third.command, third.address) == ("", "help", second.address)
    assert first.address != second.address
    await talk.adapter.send(_reply(first, "late"))
    assert "late" not in talk.file.getvalue()
    assert HELP.splitlines()[1] in printed
    assert "Nothing is being answered." in printed


async def test_a_final_answer_delivered_twice_is_shown_once() -> None:
    """The desk repeats a delivery that it is not sure of."""

    async def twice(adapter: ConsoleAdapter, message: Message) -> None:
        await adapter.send(_reply(message, "Once."))
        await adapter.send(_reply(message, "Once.", attempt=2))

    assert (await _Talk("How long?", answer=twice).run()).count("Once.") == 1


async def test_what_a_person_says_is_a_line_with_their_name() -> None:
    """Once, however often it is delivered; and what is told of a case is a line too."""

    def post(kind: PostKind, text: str, name: str = "", conversation: str = "one") -> Post:
        here, desk = Address(channel="console", conversation=conversation), Address(channel="x", conversation="y")
        case = Case(id="c", visitor=here, desk=desk, state="taken", opened_at=1.0)
        return Post(id=text, address=here, kind=kind, text=text, case=case, name=name)

    async def person(adapter: ConsoleAdapter, message: Message) -> None:
        await adapter.send(post("notice", "Ana has joined."))
        for _ in range(2):
            await adapter.send(post("said", "Good morning", "Ana"))
        await adapter.send(post("said", "Not for you", "Ana", "another"))
        await adapter.send(_reply(message, ""))

    assert "Ana has joined.\nAna  Good morning\n[1]" in await _Talk("Hello?", answer=person).run()


async def test_an_answer_that_failed_says_so_and_the_talk_goes_on() -> None:
    """What the person is told, not what the operator is."""

    async def fail(adapter: ConsoleAdapter, message: Message) -> None:
        await adapter.send(Failed(message_id=message.id, address=message.address, reason="boom", said="Sorry."))

    assert await _Talk("one", "two", answer=fail).run() == "Sorry.\nSorry.\n"


async def test_a_refused_message_is_explained_and_the_talk_goes_on() -> None:
    """The house is full: nothing hangs."""

    async def refuse(_: ConsoleAdapter, message: Message) -> None:
        if message.text == "one":
            raise Overloaded("Too much waits already: try again later.")
        await _answered(_, message)

    printed = await _Talk("one", "two", answer=refuse).run()
    assert printed.startswith("Too much waits already: try again later.\nRe: two")


async def test_it_is_an_adapter_without_routes() -> None:
    """The desk can treat it as any other."""
    adapter: Adapter = ConsoleAdapter(Console(file=io.StringIO()), _Talk()._lines(()))
    assert list(adapter.routes()) == []
    await adapter.close()
    await asyncio.wait_for(adapter.left(), 5)  # type: ignore[attr-defined]  # the console's own


# -- reading -----------------------------------------------------------------------------------------
async def test_lines_survive_a_cancelled_wait() -> None:
    """A wait that is given up takes no line with it; the last line needs no end."""
    read, write = os.pipe()
    lines = Lines(read)
    waiting = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    os.write(write, "erste\r\nzwölf\nlast".encode())
    assert [await anext(lines), await anext(lines)] == ["erste", "zwölf"]
    os.close(write)
    assert [line async for line in lines] == ["last"]
    lines.close()
    os.close(read)


async def test_close_ends_a_wait() -> None:
    """Nobody has to press Enter for the process to end."""
    read, write = os.pipe()
    lines = Lines(read)
    waiting = asyncio.ensure_future(anext(lines, None))
    await asyncio.sleep(0)
    lines.close()
    assert await waiting is None
    os.close(read)
    os.close(write)


async def test_a_line_without_end_is_refused_and_the_next_one_is_read() -> None:
    """Memory is bounded, and the person is told."""
    read, write = os.pipe()
    lines = Lines(read)
    writing = asyncio.to_thread(_write_all, write, b"x" * 1_100_000 + b"\nnext\n")
    task = asyncio.ensure_future(writing)
    with pytest.raises(LineTooLong, match="not sent"):
        await anext(lines)
    assert await anext(lines) == "next"
    await task
    lines.close()
    os.close(read)


def _write_all(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
