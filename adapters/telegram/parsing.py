"""Markdown as a tree: CommonMark with tables and strikethrough, and raw HTML as the text that it is. Pure.

Two things are ours. Emphasis works between Chinese, Japanese and Korean letters and their punctuation, where CommonMark
would show the asterisks ("**注意：**请看"). And what is nested deeper than anybody reads is text: the parser would
leave it out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

_DEEPEST = 16
"""Levels of quotations and lists; a list counts twice. Rich messages take as many."""
_MOST_NESTING = 24
"""Levels at which the parser gives up; what is left of a line is text."""
_CJK = re.compile("[\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3105-\u31ff\u3400-\u9fff\ua960-\ua97f"
                  "\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]")  # fmt: skip


@dataclass(slots=True)
class Node:
    """A token, or an opening and a closing one with what is between them. `kind` is its type without "_open"."""

    kind: str
    token: Token
    children: list[Node] = field(default_factory=list)

    def of(self, kind: str) -> list[Node]:
        """The children of one kind."""
        return [child for child in self.children if child.kind == kind]

    def inline(self) -> list[Node]:
        """What a paragraph, a heading or a cell says."""
        return [node for child in self.of("inline") for node in tree(child.token.children or [])]


@dataclass(frozen=True, slots=True)
class Document:
    """`lines` are the lines of the text, to which the tokens' `map` refers."""

    nodes: list[Node]
    lines: list[str]

    def stands_apart(self, node: Node) -> bool:
        """Whether there is a blank line before `node`."""
        line = node.token.map[0] if node.token.map else 0
        return line > 0 and not self.lines[line - 1].strip(" \t>")


def parse(markdown: str) -> Document:
    return Document(tree(_PARSER.parse(markdown)), re.split(r"\r\n?|\n", markdown))


def tree(tokens: Sequence[Token]) -> list[Node]:
    roots: list[Node] = []
    levels = [roots]
    for token in tokens:
        if token.nesting < 0:
            levels.pop()
            continue
        node = Node(token.type.removesuffix("_open"), token)
        levels[-1].append(node)
        if token.nesting > 0:
            levels.append(node.children)
    return roots


def _shallow(rule: Callable[[StateBlock, int, int, bool], bool]) -> Callable[[StateBlock, int, int, bool], bool]:
    def limited(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return state.level < _DEEPEST and rule(state, start, end, silent)

    return limited


def _emphasis(state: StateInline, silent: bool) -> bool:
    """CommonMark's rule for delimiter runs; where it asks for white space or punctuation, a CJK letter does too."""
    marker = state.src[state.pos]
    if silent or marker not in "_*":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    opens, closes = scanned.can_open, scanned.can_close
    if marker == "*" and not (opens and closes):
        before = state.src[state.pos - 1 : state.pos] if state.pos else " "
        after = state.src[state.pos + scanned.length : state.pos + scanned.length + 1] or " "
        opens = opens or (_is_mark(after) and _CJK.match(before) is not None)
        closes = closes or (_is_mark(before) and _CJK.match(after) is not None)
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(Delimiter(ord(marker), scanned.length, len(state.tokens) - 1, -1, opens, closes))
    state.pos += scanned.length
    return True


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MOST_NESTING}).enable(["table", "strikethrough"])
    around = ["paragraph", "reference", "blockquote"]
    parser.block.ruler.at("blockquote", _shallow(blockquote), {"alt": [*around, "list"]})
    parser.block.ruler.at("list", _shallow(list_block), {"alt": around})
    parser.inline.ruler.at("emphasis", _emphasis)
    return parser


_PARSER = _parser()
