"""The house's Markdown as Slack's: https://docs.slack.dev/reference/block-kit/blocks/markdown-block. Pure.

Slack reads ordinary Markdown, but for three things: images become links, a citation [1] becomes a link to its source,
and nothing that a model or a visitor writes may call people: Slack's mentions (<!channel>, <@U…>), and whatever else
stands in angle brackets that were escaped, come out as the text that they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from adapters.marks import blocks, code_spans
from adapters.sources import rendering_url, web_url
from bot.events import Citation
from bot.phrases import said as phrase

_TARGET = r"\((?:[^()\n\\]|\\.|\([^()\n]*+\))*+\)"
_THING = re.compile(
    rf"(?P<image>!(?=\[(?:[^\[\]\n\\]|\\.)*+\]{_TARGET})(?P<nameless>\[(?=\]))?)"
    r"|\[(?P<number>\d{1,4})\](?![(\[:])"
    r"|(?P<angle>\\<)"
    r"|(?P<mention><(?=[@#]|!(?:channel|here|everyone|group|subteam|date)))"
    r"|(?P<shout>(?<![^\W_])(?<!\.)@(?=(?:channel|here|everyone)(?![^\W_])))",
    re.IGNORECASE,
)
_IN_CODE = re.compile(
    r"<(?=[@#][A-Z0-9]|!(?:channel|here|everyone|group|subteam|date))|@(?=(?:channel|here|everyone)(?![^\W_]))"
)
_JOINER = "\u2060"
"""Takes no room and breaks no line; Slack no longer reads a mention where it stands."""
_GAP = re.compile(r"\n[ \t]*+\n")
_SPECIAL = re.compile(r"([\\`*_\[\]~|])")
_TITLE_CHARACTERS = 120


def linked(citations: Sequence[Citation], root: str, *, pages: bool) -> Mapping[int, str]:
    """The addresses of the sources that have one, by number. `pages`: our own pages about sources can be reached."""
    found = {}
    for citation in citations:
        url = web_url(citation, root) or (rendering_url(citation, root) if root and pages else "")
        if url and not url.startswith("/"):
            found[citation.number] = _target(url)
    return found


def body(text: str, links: Mapping[int, str] | None = None) -> str:
    """`text`, with links where it names a source that has an address."""

    def prose(match: re.Match[str]) -> str:
        if match["number"]:
            url = (links or {}).get(int(match["number"]))
            return f"[{match[0]}]({url})" if url else match[0]
        if match["mention"] or match["angle"]:
            return "&lt;"
        if match["shout"]:
            return f"@{_JOINER}"
        return "[image" if match["nameless"] else ""  # what it is called may call people, and is looked at next

    return "".join(
        _IN_CODE.sub(lambda found: found[0] + _JOINER, part) if code else _THING.sub(prose, part)
        for code, part in _parts(text)
    )


def answer(text: str, citations: Sequence[Citation], links: Mapping[int, str], language: str) -> str:
    """A finished answer, with the line that names its sources."""
    written = body(text.rstrip(), links)
    if not citations or not written:
        return written
    found = blocks(written)
    if found and found[-1].kind == "fence" and found[-1].open:
        written += found[-1].closing
    sources = " · ".join(_source(citation, links) for citation in citations)
    return f"{written}\n\n{phrase('slack_sources', language)} {sources}"


def said(name: str, text: str) -> str:
    """What a person said, with their name before it."""
    return body(f"**{plain(name)}:** {text}" if name else text)


def plain(text: str) -> str:
    """A line of somebody's as it is: nothing in it is a mark."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", f"@{_JOINER}")


def _source(citation: Citation, links: Mapping[int, str]) -> str:
    title = " ".join(citation.title.split()) or citation.location.rsplit("/", 1)[-1]
    title = title if len(title) <= _TITLE_CHARACTERS else title[: _TITLE_CHARACTERS - 1].rstrip() + "…"
    label = f"{citation.number}. {plain(title)}"
    return f"[{label}]({links[citation.number]})" if citation.number in links else label


def _target(url: str) -> str:
    """An address that no bracket or blank in it can end."""
    return url.replace(" ", "%20").replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """(whether it is code, the text), in order."""
    at = 0
    for start, end in _code(text):
        yield False, text[at:start]
        yield True, text[start:end]
        at = end
    yield False, text[at:]


def _code(text: str) -> Iterator[tuple[int, int]]:
    fences = [block for block in blocks(text) if block.kind == "fence"]
    start = 0
    for fence in fences:
        yield from _inline(text, start, fence.start)
        yield fence.start, fence.end
        start = fence.end
    yield from _inline(text, start, len(text))


def _inline(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        gap = _GAP.search(text, start, end)
        yield from code_spans(text, start, gap.start() if gap else end)
        start = gap.end() if gap else end
