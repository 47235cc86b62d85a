"""The Console channel: one person, one terminal, one conversation at a time."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from aiohttp.web import AbstractRouteDef
from rich.console import Console

from adapters.base import Publish
from adapters.console.commands import HELP, Command, Judge, Say, Unclear, understand
from adapters.console.lines import Lines, LineTooLong
from adapters.console.listener import Left, Listener
from adapters.console.screen import Screen
from bot import events
from bot.errors import FrontdeskError, UsageError
from bot.events import Address, Failed, Feedback, Message, Outbound, Post, Reply, Stop

_OPENING = "Write a question. /help shows what else there is; Ctrl-D leaves."


class ConsoleAdapter:
    """Asks what is typed and shows what is answered, until the person leaves: await `left`.

    `source` gives the lines, by default those of standard input. `interactive` says that somebody types them: then
    there is a prompt, Ctrl-C stops an answer, and lines are read while one is written. Without it each line is
    answered before the next is read, so that a file of questions gets its answers in order.
    `conversation` continues an earlier one; by default a new one begins. `language` is a hint.
    """

    name = "console"

    def __init__(
        self,
        console: Console | None = None,
        source: AsyncIterator[str] | None = None,
        *,
        language: str = "",
        conversation: str = "",
        sender: str = "console",
        interactive: bool | None = None,
    ) -> None:
        self._console = console or Console()
        self._lines: Lines | None = None
        if source is None:
            if sys.stdin is None:
                raise UsageError("There is no standard input to read questions from. Start this in a terminal.")
            source = self._lines = Lines(sys.stdin.fileno())
        if interactive is None:
            interactive = self._lines is not None and sys.stdin.isatty() and self._console.is_terminal
        self._interactive = interactive
        self._listener = Listener(source, interactive=interactive)
        self._screen = Screen(self._console)
        self._language, self._sender = language, sender
        self._address = self._conversation(conversation)
        self._ended: asyncio.Future[None] | None = None
        self._asked = ""
        self._answered = ""
        self._shown: deque[str] = deque(maxlen=100)
        self._gone = asyncio.Event()

    # -- the adapter's face ----------------------------------------------------------------------------
    def routes(self) -> Sequence[AbstractRouteDef]:
        return ()

    async def run(self, publish: Publish) -> None:
        with self._listener.interrupts():
            try:
                if self._interactive:
                    self._screen.note(_OPENING)
                while True:
                    await self._do(await self._next_command(), publish)
            except Left:
                self._leave()

    async def send(self, event: Outbound) -> str:
        if event.address != self._address:
            return ""  # of a conversation that is over: there is nobody to show it to
        if isinstance(event, Post):
            self._show_post(event)
        elif isinstance(event, Reply) and not event.final:
            if event.message_id == self._asked:
                self._screen.show(event.text)
        elif event.message_id not in self._shown:
            self._shown.append(event.message_id)
            self._show_end(event)
        return ""

    async def close(self) -> None:
        self._gone.set()
        self._screen.close()
        if self._lines is not None:
            await asyncio.to_thread(self._lines.close)
        await self._listener.close()

    def _leave(self) -> None:
        if self._interactive:
            self._console.line()
        self._gone.set()

    async def left(self) -> None:
        """Wait until the person has left."""
        await self._gone.wait()

    # -- asking ----------------------------------------------------------------------------------------
    async def _do(self, command: Command, publish: Publish) -> None:
        match command:
            case Say(text, asked):
                await self._ask(text, publish, asked)
            case Judge(value, comment):
                await self._judge(value, comment, publish)
            case Unclear(explanation):
                self._screen.note(explanation, "yellow")
            case "help":
                self._screen.note(HELP)
                await self._ask("", publish, "help")
            case "stop":
                self._screen.note("Nothing is being answered.")
            case "new":
                self._address, self._answered = self._conversation(""), ""
                self._screen.note("A new conversation.")
            case "quit":
                raise Left

    async def _ask(self, text: str, publish: Publish, command: events.Command) -> None:
        message = Message(
            id=uuid.uuid4().hex,
            address=self._address,
            sender=self._sender,
            text=text,
            sent_at=time.time(),
            language=self._language,
            command=command,
        )
        self._asked = message.id
        self._ended = ended = asyncio.get_running_loop().create_future()
        with self._hush():
            self._screen.begin()
            try:
                await publish(message)
                await self._until_ended(ended, Stop(address=message.address, message_id=message.id), publish)
            except FrontdeskError as error:
                self._screen.fail(str(error))
            finally:
                self._screen.close()
                self._asked = ""

    async def _until_ended(self, ended: asyncio.Future[None], stop: Stop, publish: Publish) -> None:
        """The first wish to stop asks for it; the second leaves."""
        if await self._listener.meanwhile(ended, _is_stop):
            await publish(stop)
            if await self._listener.meanwhile(ended, _is_stop):
                raise Left

    async def _judge(self, value: int, comment: str, publish: Publish) -> None:
        if not self._answered:
            self._screen.note("There is no answer yet to have an opinion on.", "yellow")
            return
        opinion = Feedback(
            address=self._address, message_id=self._answered, value=value, comment=comment, sender=self._sender
        )
        try:
            kept = await publish(opinion)
        except FrontdeskError as error:
            self._screen.note(str(error), "red")
            return
        self._screen.note("Thank you." if kept else "That answer is not known any more.")

    # -- showing ---------------------------------------------------------------------------------------
    def _show_end(self, event: Reply | Failed) -> None:
        if isinstance(event, Failed):
            self._screen.fail(event.said)
        else:
            self._answered = event.message_id
            self._screen.end(event.text, event.citations, event.finish_reason)
        if event.message_id == self._asked and self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    def _show_post(self, post: Post) -> None:
        shown = f"{post.id} {post.case.state} {post.case.agent}"  # a card comes again when its case changes
        if shown in self._shown:
            return
        self._shown.append(shown)
        self._screen.post(post.name, post.text)
        if self._interactive and not self._asked:
            self._screen.prompt()

    # -- reading ---------------------------------------------------------------------------------------
    async def _next_command(self) -> Command:
        """The next thing to do. Raises `Left`."""
        while True:
            try:
                command = understand(await self._listener.line(self._screen.prompt))
            except LineTooLong as error:
                self._screen.note(str(error), "yellow")
                continue
            if command is not None:
                return command

    def _hush(self) -> AbstractContextManager[None]:
        return self._lines.hushed() if self._lines is not None and self._interactive else nullcontext()

    def _conversation(self, name: str) -> Address:
        return Address(channel=self.name, conversation=name or uuid.uuid4().hex)


def _is_stop(line: str) -> bool:
    return understand(line) == "stop"
