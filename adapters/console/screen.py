"""What the person sees: answers as they are written on a terminal, plain lines anywhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

from adapters.console.safe import one_line, visible
from bot.events import Citation, FinishReason

_REFRESH_SECONDS = 0.08
_NOTES: dict[FinishReason, str] = {
    "cancelled": "Stopped.",
    "length": "The answer ends here because it reached its greatest length.",
}


class Screen:
    """One answer at a time: `begin`, any number of `show`, then `end` or `fail`. Whatever it is given, it escapes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._answer = _Answer()
        self._refresh: asyncio.TimerHandle | None = None

    def prompt(self) -> None:
        if self._console.is_terminal:
            self._console.print(Text("> ", "bold cyan"), end="")

    def note(self, text: str, style: str = "dim") -> None:
        """A word of the program's own."""
        self._print(text, style)

    def begin(self) -> None:
        self._answer = _Answer()
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=lambda: self._answer, console=self._console, auto_refresh=False, redirect_stdout=False
            )
            self._live.start(refresh=True)

    def show(self, text: str) -> None:
        """The answer so far. Drawn a dozen times a second at most."""
        self._answer.text = text
        if self._live is not None and self._refresh is None:
            self._refresh = asyncio.get_running_loop().call_later(_REFRESH_SECONDS, self._draw)

    def end(self, text: str, citations: Sequence[Citation], reason: FinishReason) -> None:
        """The whole answer with its sources."""
        self._answer.text = text
        self._close()
        if not self._console.is_terminal and text:
            self._print(text)
        for citation in citations:
            title, location = one_line(citation.title), one_line(citation.location)
            self._print(f"[{citation.number}] {title}" + (f" ({location})" if location != title else ""), "dim")
        if reason in _NOTES:
            self.note(_NOTES[reason])
        self._gap()

    def fail(self, said: str) -> None:
        """The answer did not come, and this is what the person is told."""
        self._answer.text = ""
        self._close()
        self._print(said, "red")
        self._gap()

    def post(self, name: str, text: str) -> None:
        """What a person says, or (without a name) what is told of one; above an answer that is being written."""
        if self._console.is_terminal and self._live is None:
            self._console.line()  # what is typed so far stands on the line
        if name:
            line = Text(one_line(name), "bold")
            self._console.print(line.append(f"  {visible(text)}", "not bold"), soft_wrap=True)
        else:
            self.note(text)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._close()

    def _draw(self) -> None:
        self._refresh = None
        if self._live is not None:
            self._live.refresh()

    def _close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
            self._refresh = None
        if self._live is not None:
            self._answer.whole = True
            live, self._live = self._live, None
            live.stop()

    def _gap(self) -> None:
        if self._console.is_terminal:
            self._console.line()

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(visible(text), style), soft_wrap=True)


class _Answer:
    """The answer as Markdown; while it is being written only its end, when the terminal is too low for all of it."""

    def __init__(self) -> None:
        self.text = ""
        self.whole = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.text and not self.whole:
            yield Text("…", "dim")
            return
        lines = console.render_lines(_markdown(visible(self.text)), options, pad=False)
        for line in lines if self.whole else lines[-max(console.height - 2, 1) :]:
            for segment in line:
                # Markdown can write control characters too, as entities.
                yield Segment(visible(segment.text), segment.style)
            yield Segment.line()


def _markdown(text: str) -> Markdown:
    """Links show where they go, and HTML is text: a terminal has nothing to hide them behind."""
    markdown = Markdown(text, hyperlinks=False)
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    markdown.parsed = parser.parse(text)
    return markdown
