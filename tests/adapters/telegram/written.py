"""What models write, made up; what of it is to be seen; and what the server says of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from itertools import accumulate

from hypothesis import strategies as st

from adapters.graphemes import may_cut
from adapters.telegram.entities import Entity, Rendered
from adapters.telegram.parsing import Node, parse, tree
from tests.fakes.telegram.texts import checked

MARKS = re.compile(r"[\s•◦▪☐☑—–]")
"""White space, and the signs that are put where Telegram has no form: no text that is made up here has one of them."""

WORDS = st.sampled_from(
    (
        *("order", "e.g.", "3.5", "Hello!", "**very bold**", "_soft_", "***both** and one*", "~~gone~~", "\\*", "a|b"),
        *("[a link](https://shop.example/a_(b)?c=1&d=2)", "[**b** _i_ `c`](https://shop.example)", "#1", "[1]", "[9]"),
        *("![an image](https://shop.example/i.png)", "**[2]**", "x**y[1**]z", "[ref]", "[near](/docs)", "[no](#x)"),
        *("[mail](mailto:help@shop.example)", "<b>x</b>", "`code x`", "``a`b``", "**b `c` d**", "&amp;", "&#128512;"),
        *(
            "&lt;",
            "<https://shop.example/x>",
            "https://shop.example/a_b",
            "@maria",
            "me@shop.example",
            "/start",
            "#tag",
        ),
        *("$5", "==m==", "||s||", "[^1]", "<tg-button>", "\\", "- x", "1. y", "你好，世界。", "**注意：**请", "שלום"),
        *("مرحبا **بالعالم**", "👩\u200d👩\u200d👧\u200d👦", "**👍🏽**", "🇩🇪🇫🇷", "e\u0301", "**e**\u0301", "क्षि", "각"),
        *("A\u030a", "\u2066x\u2069", "\u202ey", "a\u00a0b", "*", "**", "_", "`", "[", "]", "(", "<", "&", "!", "\t"),
    )
)
SENTENCE = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)
_LINES = st.lists(SENTENCE, min_size=1, max_size=3).map("\n".join)
_FENCE = st.builds(
    lambda mark, info, code: "\n".join((mark + info, *(line.replace("`", "") for line in code), mark)),
    st.sampled_from(("```", "~~~~", "````")),
    st.sampled_from(("", "python", "c++ title=x", "math")),
    st.lists(st.sampled_from(("x = 1", "    if a[0]:", "", "\tgo()", "<b>", "长代码 = 1", "a" * 70)), max_size=8),
)
_LEAF = st.one_of(
    _LINES, SENTENCE.map(lambda s: f"## {s}"), SENTENCE.map(lambda s: f"{s}\n==="), _FENCE, st.just("***")
)


def _listed(items: list[str], mark: str, between: str) -> str:
    return between.join(mark + item.replace("\n", "\n" + " " * len(mark)) for item in items)


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=3).map("\n\n".join)
    marks = st.sampled_from(("- ", "* ", "1. ", "27) ", "- [ ] ", "1. [x] "))
    return st.one_of(
        body.map(lambda text: "> " + text.replace("\n", "\n> ")),
        st.builds(_listed, st.lists(body, min_size=1, max_size=3), marks, st.sampled_from(("\n", "\n\n"))),
    )


BLOCK = st.recursive(_LEAF, _around, max_leaves=6)
MARKDOWN = st.lists(BLOCK, max_size=6).flatmap(
    lambda parts: st.sampled_from(("\n\n", "\n", "\r\n\r\n", "\n \n\n")).map(
        lambda between: between.join(parts) + "\n\n[ref]: https://shop.example/ref"
    )
)


class Repeated(str):
    """Some parts, so many times: a text that is too long to be written out where a test fails."""

    __slots__ = ("_said",)

    def __new__(cls, parts: list[str], times: int) -> Repeated:
        made = super().__new__(cls, "\n\n".join(parts * times))
        made._said = f"Repeated({parts!r}, {times})"
        return made

    def __repr__(self) -> str:
        return self._said


LONG = st.builds(
    Repeated,
    st.lists(st.lists(BLOCK, min_size=1, max_size=3).map("\n\n".join), min_size=1, max_size=4),
    st.integers(1, 40),
)
ANYTHING = st.one_of(
    MARKDOWN, st.text(max_size=300), st.text(alphabet="`|-\n [](<>&*~_ax\u0301👍🏽\u200d\t:1.#!@", max_size=200)
)


def bare(text: str) -> str:
    """`text` without white space and signs of ours."""
    return MARKS.sub("", text)


def seen(markdown: str) -> str:
    """What a reader is to see of Markdown without tables, bare: its tokens' texts, in order."""
    return bare("".join(_texts(parse(markdown).nodes)))


def _texts(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        if node.kind in ("text", "code_inline", "fence", "code_block"):
            yield _kept(node.token.content)
        elif node.kind == "inline":
            yield from _texts(tree(node.token.children or []))
        elif node.kind == "ordered_list":
            first = int(node.token.attrs.get("start", 1))
            for number, item in enumerate(node.children):
                yield f"{first + number}{item.token.markup}"
                yield from _texts([item])
        elif node.kind == "list_item":
            said = "".join(_texts(node.children))
            first = node.children[0].of("inline") if node.children and node.children[0].kind == "paragraph" else []
            is_task = bool(first) and re.match(r"\[[ xX]\]\s+\S", first[0].token.content)
            yield re.sub(r"\A\[[ xX]\]\s+", "", said) if is_task else said
        elif node.kind == "link":
            label = "".join(_texts(node.children))
            yield label
            if str(node.token.attrs["href"]).startswith("mailto:") and "help@" not in label:
                yield "(help@shop.example)"
        elif node.kind == "image":
            yield "".join(_texts(tree(node.token.children or [])))
        else:
            yield from _texts(node.children)


def _kept(text: str) -> str:
    return re.sub("[\u2028-\u202e]", "", text.replace("A\u030a", "Å")).replace("\x00", "")


def accepted(message: Rendered) -> None:
    """Fail for what the server refuses or repairs: limits, bounds, nesting, white space, parts of characters."""
    raw = message.text.encode("utf-16-le")
    assert 0 < len(raw) // 2 <= 4_096
    assert len(message.entities) <= 100
    assert message.text == message.text.rstrip()
    units = accumulate((1 + (character > "\uffff") for character in message.text), initial=0)
    edges = {unit: place for place, unit in enumerate(units)}
    checked(message.text, [_given(entity) for entity in message.entities])
    code = {entity.offset for entity in message.entities if entity.type == "pre"}
    assert not message.text[0].isspace() or 0 in code
    for entity in message.entities:
        assert entity.length > 0
        assert {entity.offset, entity.offset + entity.length} <= set(edges)
        first, last = edges[entity.offset], edges[entity.offset + entity.length]
        covered = message.text[first:last]
        assert covered.strip()
        assert covered == (covered.rstrip() if entity.offset in code else covered.strip())
        assert all(
            may_cut(message.text, place) or "\n" in message.text[place - 1 : place + 1] for place in (first, last)
        )
        assert bool(entity.url) == (entity.type == "text_link")
        assert not entity.language or entity.type == "pre"
        for inner in message.entities:
            _nested(entity, inner)


def _given(entity: Entity) -> dict[str, object]:
    """An entity as a request says it."""
    return {name: value for name, value in asdict(entity).items() if value != ""}


def _nested(outer, inner) -> None:
    start, end = outer.offset, outer.offset + outer.length
    if outer is inner or inner.offset >= end or inner.offset + inner.length <= start:
        return
    styles = {"bold", "italic", "strikethrough"}
    assert (start <= inner.offset and inner.offset + inner.length <= end) or (
        inner.offset <= start and end <= inner.offset + inner.length
    )
    kinds = {outer.type, inner.type}
    assert len(kinds) == 2
    assert "blockquote" in kinds or not kinds & {"pre", "code"}
    assert "blockquote" in kinds or kinds & styles
