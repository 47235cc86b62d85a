"""Web pages: the main content as Markdown; navigation, scripts, forms and everything hidden is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from prompts.knowledge.readers.base import Reading, escape_inline, language_code, table, web_address

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import PageElement, Tag

_INTERACTIVE = ("form", "button", "input", "select", "textarea", "dialog", "menu", "nav", "aside")
_EMBEDDED = ("iframe", "object", "embed", "svg", "canvas", "video", "audio", "map")
_DROPPED = frozenset((*_INTERACTIVE, *_EMBEDDED, "script", "style", "noscript", "template", "head"))
_DROPPED_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar"))
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt")
_SECTIONS = ("address", "article", "body", "center", "div", "footer", "header", "html", "main", "section")
_LISTS = ("dd", "dl", "li", "ol", "ul")
_FRAMES = ("blockquote", "details", "fieldset", "figcaption", "figure", "hr", "legend", "p", "pre", "table")
_BLOCKS = (*_HEADINGS, *_SECTIONS, *_LISTS, *_FRAMES)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DEEPEST = 60
_REPEATED = 200
"""A cell over several columns stands in each of them, when its text is no longer than this."""


def read_html(text: str, *, base: str = "") -> Reading:
    """`base` is the page's own address, against which its links are resolved."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(text, "lxml")
    main = _main(soup)
    writer = _Writer(base)
    markdown = writer.blocks(main, 0)
    html = soup.find("html")
    return Reading(
        markdown=markdown,
        title=_title(soup, main),
        language=language_code(_attribute(html, "lang") or _attribute(html, "xml:lang")),
        url="" if base else web_address(_attribute(soup.find("link", rel="canonical"), "href")),
    )


def _main(soup: BeautifulSoup) -> Tag:
    """What the page marks as its content; else its body without its own header and footer."""
    for selector in ("main", "[role=main]", "article"):
        found = soup.select(selector)
        if len(found) == 1 and found[0].get_text(strip=True):
            return found[0]
    body = soup.find("body") or soup
    for tag in body.find_all(["header", "footer"]):
        if tag.find_parent(["article", "section", "main"]) is None:
            tag.extract()
    return body


def _title(soup: BeautifulSoup, main: Tag) -> str:
    """The content's only level-one heading, else the page's title."""
    headings = main.find_all("h1")
    found = headings[0] if len(headings) == 1 else soup.find("title")
    return " ".join(found.get_text(" ").split()) if found else ""


def _attribute(tag: object, name: str) -> str:
    value = tag.get(name) if tag is not None and hasattr(tag, "get") else None
    return value if isinstance(value, str) else ""


def _dropped(tag: Tag) -> bool:
    """A button stays where it holds a heading's text, as in most pages of folded questions."""
    return (
        (tag.name in _DROPPED and not (tag.name == "button" and tag.find_parent(_HEADINGS)))
        or _attribute(tag, "role") in _DROPPED_ROLES
        or tag.has_attr("hidden")
        or _attribute(tag, "aria-hidden") == "true"
        or bool(_HIDDEN_STYLE.search(_attribute(tag, "style")))
    )


class _Writer:
    """Writes one page. Deeper than 60 levels only the text is kept: such pages are broken or hostile."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._heading = 1

    def blocks(self, tag: Tag, depth: int) -> str:
        """The tag's content as blocks with blank lines between them."""
        return "\n\n".join(block for block in self._blocks(tag, depth) if block.strip())

    def _blocks(self, tag: Tag, depth: int) -> Iterator[str]:
        from bs4.element import Tag as TagType

        if depth > _DEEPEST:
            yield escape_inline(" ".join(tag.get_text(" ").split()))
            return
        loose: list[PageElement] = []
        for child in tag.children:
            if isinstance(child, TagType) and _dropped(child):
                continue
            if isinstance(child, TagType) and (child.name in _BLOCKS or _holds_block(child)):
                yield self._line(loose, depth)
                loose = []
                yield self._block(child, depth + 1)
            else:
                loose.append(child)
        yield self._line(loose, depth)

    def _block(self, tag: Tag, depth: int) -> str:
        match tag.name:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self._heading = int(tag.name[1])
                block = self._heading_line(tag, self._heading, depth)
            case "summary":
                block = self._heading_line(tag, min(6, self._heading + 1), depth)
            case "ul" | "ol":
                block = self._list(tag, depth)
            case "dl":
                block = self._definitions(tag, depth)
            case "table":
                block = self._table(tag, depth)
            case "pre":
                block = f"```\n{tag.get_text().strip(chr(10)).replace('```', '` ` `')}\n```"
            case "blockquote":
                block = _indent(self.blocks(tag, depth), "> ", "> ")
            case _:
                block = self.blocks(tag, depth)
        return block

    def _heading_line(self, tag: Tag, level: int, depth: int) -> str:
        text = self._line(tag.children, depth, breaks=" ")
        return f"{'#' * level} {text}" if text else ""

    def _list(self, tag: Tag, depth: int) -> str:
        first = _attribute(tag, "start")
        number = int(first) if first.isdecimal() and len(first) < 9 else 1
        items = []
        for item in tag.find_all("li", recursive=False):
            if _dropped(item):
                continue
            mark = f"{number}. " if tag.name == "ol" else "- "
            number += 1
            if body := self.blocks(item, depth):
                tight = re.sub(r"\n\n(?=- |\d+\. )", "\n", body)
                items.append(_indent(tight, mark, " " * len(mark)))
        return "\n".join(items)

    def _definitions(self, tag: Tag, depth: int) -> str:
        lines: list[str] = []
        for child in tag.find_all(["dt", "dd"]):
            if child.find_parent("dl") is not tag:
                continue  # its own list writes it
            text = " ".join(self.blocks(child, depth).split())
            if child.name == "dt" or not lines:
                lines.append(f"- **{text}**" if text else "-")
            else:
                lines[-1] += f": {text}"
        return "\n".join(lines)

    def _table(self, tag: Tag, depth: int) -> str:
        rows = []
        for row in tag.find_all("tr"):
            if row.find_parent("table") is not tag or _dropped(row):
                continue
            cells: list[str] = []
            for cell in row.find_all(["td", "th"], recursive=False):
                span = _attribute(cell, "colspan")
                text = " ".join(self.blocks(cell, depth).split())
                times = min(int(span), 50) if span.isdecimal() and 0 < len(span) < 4 else 1
                cells += [text] + [text if len(text) <= _REPEATED else ""] * (times - 1)
            rows.append(cells)
        caption = tag.find("caption")
        above = f"{self._line(caption.children, depth)}\n\n" if caption else ""
        if rows and max(map(len, rows)) == 1:
            return above + "\n\n".join(row[0] for row in rows if row)
        return above + table([row for row in rows if row])

    def _line(self, nodes: Iterable[PageElement], depth: int, *, breaks: str = "\\\n") -> str:
        """Inline content as one paragraph."""
        text = re.sub(r"\s+", " ", "".join(self._inline(node, depth) for node in nodes))
        lines = [line.strip() for line in text.split("\x00")]
        return breaks.join(line for line in lines if line)

    def _inline(self, node: PageElement, depth: int) -> str:
        from bs4.element import NavigableString, PreformattedString
        from bs4.element import Tag as TagType

        if isinstance(node, NavigableString):
            return "" if isinstance(node, PreformattedString) else escape_inline(str(node).replace("\x00", ""))
        if not isinstance(node, TagType) or _dropped(node):
            return ""
        if node.name == "br":
            return "\x00"
        if node.name == "img":
            return escape_inline(_attribute(node, "alt"))
        if depth > _DEEPEST:
            return escape_inline(node.get_text(" "))
        inner = "".join(self._inline(child, depth + 1) for child in node.children)
        return self._marked(node, inner)

    def _marked(self, tag: Tag, inner: str) -> str:
        bare = inner.strip()
        if not bare or "\x00" in bare:
            return inner
        space_before, space_after = " " * inner[0].isspace(), " " * inner[-1].isspace()
        if tag.name in ("strong", "b"):
            bare = f"**{bare}**"
        elif tag.name in ("em", "i"):
            bare = f"*{bare}*"
        elif tag.name in ("code", "kbd", "samp"):
            bare = f"`{tag.get_text(' ').replace('`', ' ').strip()}`"
        elif tag.name == "a":
            target = web_address(urljoin(self._base, _attribute(tag, "href"))) if _attribute(tag, "href") else ""
            bare = f"[{bare}](<{target}>)" if target and set(target) & set("()") else _link(bare, target)
        return f"{space_before}{bare}{space_after}"


def _indent(text: str, first: str, other: str) -> str:
    lines = text.split("\n")
    return "\n".join(f"{first if at == 0 else other}{line}".rstrip() for at, line in enumerate(lines))


def _link(text: str, target: str) -> str:
    return f"[{text}]({target})" if target else text


def _holds_block(tag: Tag) -> bool:
    """Whether an inline element (a link around a card, a custom element) has blocks in it."""
    return tag.name not in ("br", "img", "code") and tag.find(_BLOCKS) is not None
