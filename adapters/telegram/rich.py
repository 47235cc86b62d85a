"""The house's Markdown as Telegram's Rich Markdown, for one rich message (Bot API 10.1). Pure.

The dialect (https://core.telegram.org/bots/api#rich-markdown-style) is GitHub's with more: $formulas$, ==marks==,
||spoilers||, footnotes, tags that make buttons and load media. Nothing of that is meant here, so the text is written
anew from what was read, with all signs escaped: by backslashes, but brackets as `&lt;`, since a backslash does not
stop a tag there. Line breaks are hard ones, where a single one would be a blank. Styles are tags, which begin and end
wherever they are put; asterisks do not between Chinese characters. Images are links: others would be loaded by the
server.

Send it with `skip_entity_detection`, so that nobody is called by an @name; web addresses are links here already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from adapters.split import utf16
from adapters.telegram import addresses, inline
from adapters.telegram.composing import Sources, alignments, language, taken_task
from adapters.telegram.entities import clean, is_blank
from adapters.telegram.markdown import named
from adapters.telegram.parsing import Document, Node, parse
from bot.events import Citation

LIMIT = 32_768
_MOST_BLOCKS = 500
_MOST_COLUMNS = 20
_MOST_LEVELS = 16
_SIGNS = re.compile(r"[\\`*_~|\[\]#=!$]")
_BEGINNING = re.compile(r"\A(?:([-+])|(\d{1,9})([.)]))")
_AMPERSAND = re.compile(r"&(?=#?\w+;)")
_TICKS = re.compile(r"`+")
_THING = re.compile(
    r"\[(?P<number>\d{1,4})\]"
    r"|(?P<url>https?://[\w.-]*\w(?::\d+)?(?:/(?:[^\s<>()\[\]{}|\\^`'\"“”‘’«»]*[^\s<>()\[\]{}|\\^`'\"“”‘’«».,:;!?])?)?)"
)
_TAGS: Mapping[str, str] = {"strong": "b", "em": "i", "s": "s"}
_RULES: Mapping[str, str] = {"left": ":---", "right": "---:", "center": ":---:", "": "---"}
_FRAMES = re.compile("[`>]")
"""Signs around what is seen; in text they are escaped."""
_BREAK = "  \n"
_ADJOINING = frozenset({"bullet_list", "ordered_list", "fence", "blockquote"})
"""What may follow a paragraph without a blank line."""


def rich(
    markdown: str,
    citations: Sequence[Citation] = (),
    root: str = "",
    *,
    heading: str = "Sources:",
    pages: bool = False,
) -> str:
    """An answer and its sources as Rich Markdown. "" when it is none for a rich message: it is longer than one may be,
    has more blocks, levels, or columns in a table; or there is nothing to see in it.
    """
    document = parse(markdown)
    sources = named(citations, root, heading, pages=pages)
    writer = _Writer(document, root, sources.links)
    lines = list(writer.blocks(document.nodes))
    if is_blank(_FRAMES.sub("", "".join(lines))):
        return ""
    lines += _source_lines(sources)
    text = "\n".join(lines)
    fits = utf16(text) <= LIMIT and sum(map(bool, lines)) <= _MOST_BLOCKS
    return text if fits and writer.widest <= _MOST_COLUMNS and writer.deepest <= _MOST_LEVELS else ""


def escaped(text: str) -> str:
    """`text` so that Telegram shows it as it is, inside of a line."""
    text = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SIGNS.sub(r"\\\g<0>", text)


def _source_lines(sources: Sources) -> Iterator[str]:
    if not sources.lines:
        return
    said = [f"<b>{escaped(sources.heading)}</b>"] if sources.heading else []
    for number, title in sources.lines:
        label, url = escaped(f"[{number}] {title}"), sources.links.get(number)
        said.append(_link(label, url) if url else label)
    yield from ("", *_BREAK.join(said).split("\n"))


def _link(label: str, url: str) -> str:
    for sign in "()<>|":
        url = url.replace(sign, f"%{ord(sign):02X}")
    return f"[{label}]({_AMPERSAND.sub('&amp;', url)})"


class _Writer:
    def __init__(self, document: Document, root: str, links: Mapping[int, str]) -> None:
        self._document, self._root, self._links = document, root, links
        self.widest = self.deepest = 0

    # -- blocks, line by line --------------------------------------------------------------------------
    def blocks(self, nodes: Sequence[Node], level: int = 1) -> Iterator[str]:
        self.deepest = max(self.deepest, level)
        for number, node in enumerate(nodes):
            after = nodes[number - 1].kind if number else ""
            if after and (self._document.stands_apart(node) or after != "paragraph" or node.kind not in _ADJOINING):
                yield ""
            yield from self._block(node, level)

    def _block(self, node: Node, level: int) -> Iterator[str]:
        match node.kind:
            case "bullet_list" | "ordered_list":
                yield from self._list(node, level)
            case "blockquote":
                lines = self.blocks(node.children, level + 1) if node.children else [""]
                yield from (f"> {line}" if line else ">" for line in lines)
            case "table":
                yield from self._table(node, level)
            case "fence" | "code_block":
                yield from _code(node)
            case "hr":
                yield "---" if level == 1 else "___"  # a rule after a list's mark would be one with it
            case "heading":
                words = self._inline(node.inline(), level).replace(_BREAK, " ")
                yield f"{'#' * int(node.token.tag[1:])} {words}"
            case _:
                yield from _opened(self._inline(node.inline(), level))

    def _list(self, node: Node, level: int) -> Iterator[str]:
        first = int(node.token.attrs.get("start", 1))
        for number, item in enumerate(node.children):
            if number and self._document.stands_apart(item):
                yield ""
            order = f"{first + number}" if node.kind == "ordered_list" else ""
            mark = f"{order}{item.token.markup} "
            box = {None: "", " ": "[ ] "}.get(taken_task(item), "[x] ")
            lines = list(self.blocks(item.children, level + 2)) or [""]
            yield f"{mark}{box}{lines[0]}"
            yield from (" " * len(mark) + line if line else "" for line in lines[1:])

    def _table(self, node: Node, level: int) -> Iterator[str]:
        rows = [row for part in node.children for row in part.children]
        aligns = alignments(node)
        self.widest = max(self.widest, len(aligns))
        for number, row in enumerate(rows):
            cells = (self._inline(cell.inline(), level, cell=True).replace(_BREAK, " ") for cell in row.children)
            yield f"| {' | '.join(cells)} |"
            if not number:
                yield f"| {' | '.join(_RULES[align] for align in aligns)} |"

    # -- what is in a line -----------------------------------------------------------------------------
    def _inline(self, nodes: Sequence[Node], level: int, *, cell: bool = False, linked: bool = False) -> str:
        self.deepest = max(self.deepest, level)
        return "".join(self._said(node, level, cell=cell, linked=linked) for node in nodes)

    def _said(self, node: Node, level: int, *, cell: bool, linked: bool) -> str:
        if node.kind in _TAGS:
            tag, inside = _TAGS[node.kind], self._inline(node.children, level + 1, cell=cell, linked=linked)
            return f"<{tag}>{inside}</{tag}>" if inside else ""
        if node.kind in ("softbreak", "hardbreak"):
            return _BREAK
        if node.kind == "code_inline":
            return _code_span(clean(node.token.content), cell=cell)
        if node.kind == "image":
            shown, url = inline.image(node)
            leads = "" if linked else addresses.target(url, self._root)
            return _link(escaped(shown), leads) if leads and shown else escaped(shown)
        if node.kind == "link":
            return (
                self._linked(node, level, cell=cell) if not linked else self._inline(node.children, level, linked=True)
            )
        return escaped(node.token.content) if linked else self._prose(node.token.content)

    def _linked(self, node: Node, level: int, *, cell: bool) -> str:
        url, plain = str(node.token.attrs.get("href", "")), inline.said(node.children)
        label = self._inline(node.children, level + 1, cell=cell, linked=True)
        if leads := addresses.target(url, self._root):
            return _link(label if plain.strip() else escaped(url), leads)
        more = addresses.written(url, plain)
        return label + (escaped(f" ({more})" if plain else more) if more else "")

    def _prose(self, text: str) -> str:
        """Text with links where it names a source or an address."""
        parts: list[str] = []
        end = 0
        for match in _THING.finditer(text):
            url = self._links.get(int(match["number"]), "") if match["number"] else match["url"]
            if addresses.linkable(url):
                parts += (escaped(text[end : match.start()]), _link(escaped(match[0]), url))
                end = match.end()
        return "".join((*parts, escaped(text[end:])))


def _opened(text: str) -> Iterator[str]:
    """The lines of a paragraph, of which none begins like something else."""
    for line in text.strip(" \n").split("\n"):
        yield _BEGINNING.sub(r"\g<2>\\\g<1>\g<3>", line.lstrip(" "))


def _code(node: Node) -> Iterator[str]:
    text = clean(node.token.content.expandtabs(4)).strip("\n").rstrip()
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    said = language(node)
    yield f"{fence}{said if text and said != 'math' else ''}"  # that would be a formula
    yield from text.split("\n") if text else ()
    yield fence


def _code_span(text: str, *, cell: bool) -> str:
    ticks = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    apart = " " if text[:1] == "`" or text[-1:] == "`" or (text[:1] == text[-1:] == " " and text.strip()) else ""
    return f"{ticks}{apart}{text.replace('|', chr(92) + '|') if cell else text}{apart}{ticks}"
