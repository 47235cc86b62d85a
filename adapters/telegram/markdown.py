"""The house's Markdown as Telegram's messages: what is sent of an answer, and what is shown while it is written. Pure.

`render` says everything, in as many messages as it takes. `preview` fits in one: of a text that is longer it shows the
beginning, since people read more slowly than models write, and what stands there stays when the rest comes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from adapters.growing import ripe
from adapters.marks import blocks, code_spans
from adapters.split import utf16
from adapters.telegram import addresses
from adapters.telegram.composing import NO_SOURCES, Sources, compose
from adapters.telegram.entities import LIMIT, Rendered
from adapters.telegram.pieces import cut
from bot.events import Citation

_MORE = "\n…"
_FIRST_LOOK = 5_000
_DELIMITERS = re.compile(r"\\.|(?P<run>\*{1,3}|_{1,3}|~~)")
_GAP = re.compile(r"\n[ \t>]*+\n")


def render(
    markdown: str,
    citations: Sequence[Citation] = (),
    root: str = "",
    *,
    heading: str = "Sources:",
    pages: bool = False,
    quiet: bool = True,
) -> list[Rendered]:
    """The messages of an answer, in order; none for a text in which there is nothing to see.

    `root` is our own public address ("" for none), `pages` says that our pages about sources can be read there.
    `heading` stands above the sources. `quiet`: nobody is called by an @name; in a private chat nobody would be.
    """
    return list(cut(compose(markdown, named(citations, root, heading, pages=pages), root, quiet=quiet)))


def preview(markdown: str, *, quiet: bool = True) -> Rendered:
    """What can be shown of a text that is still being written; its text is empty when that is nothing yet.

    Links, code and tables that are half written are held back, emphasis is closed.
    """
    shown = markdown[: ripe(markdown)]
    look = _FIRST_LOOK
    while True:
        part = shown[:look]
        pieces = list(islice(cut(compose(part + closing(part), NO_SOURCES, quiet=quiet)), 2))
        if len(pieces) > 1 or look >= len(shown):
            break
        look *= 4
    first = pieces[0] if pieces else Rendered("")
    if len(pieces) > 1 and utf16(first.text) + utf16(_MORE) <= LIMIT:
        return Rendered(first.text + _MORE, first.entities)
    return first


def named(citations: Sequence[Citation], root: str, heading: str, *, pages: bool) -> Sources:
    """What an answer says of its sources."""
    lines = [(citation.number, addresses.title(citation)) for citation in citations]
    return Sources(heading, lines, addresses.sources(citations, root, pages=pages))


def closing(markdown: str) -> str:
    """What closes the emphasis that the last paragraph of `markdown` has opened."""
    found = blocks(markdown)
    if found and found[-1].open:
        return ""
    start = max([found[-1].end if found else 0, *(gap.end() for gap in _GAP.finditer(markdown))])
    code = list(code_spans(markdown, start, len(markdown)))
    open_: list[str] = []
    for match in _DELIMITERS.finditer(markdown, start):
        run = match["run"]
        if not run or any(first <= match.start() < last for first, last in code):
            continue
        before, after = markdown[match.start() - 1 : match.start()], markdown[match.end() : match.end() + 1]
        if open_ and open_[-1] == run and before.strip():
            open_.pop()
        elif after.strip() and not (run[0] == "_" and before.isalnum()):
            open_.append(run)
    return "".join(reversed(open_)) if not markdown[-1:].isspace() else ""
