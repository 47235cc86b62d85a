"""What is in a line of Markdown: styles, code, links, images. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.sources import is_web_address
from adapters.telegram.addresses import target, written
from adapters.telegram.entities import Kind, clean
from adapters.telegram.parsing import Node, tree
from adapters.telegram.pen import Pen

STYLES: Mapping[str, Kind] = {"strong": "bold", "em": "italic", "s": "strikethrough"}


def write(pen: Pen, nodes: Sequence[Node], root: str, *, linked: bool = False) -> None:
    """Write `nodes`; `linked` says that they are inside of a link already."""
    for node in nodes:
        if node.kind in STYLES:
            with pen.span(STYLES[node.kind]):
                write(pen, node.children, root, linked=linked)
        elif node.kind in ("softbreak", "hardbreak"):
            pen.write("\n")
        elif node.kind == "code_inline":
            with pen.span("code"):
                pen.write(node.token.content)
        elif node.kind == "link" and not linked:
            _link(pen, node, root)
        elif node.kind == "link":  # an address in angle brackets, in a link
            write(pen, node.children, root, linked=True)
        elif node.kind == "image":
            _image(pen, node, root, linked=linked)
        else:
            pen.write(node.token.content)


def said(nodes: Sequence[Node]) -> str:
    """`nodes` as plain text."""
    pen = Pen()
    write(pen, nodes, "", linked=True)
    return pen.written().text


def image(node: Node) -> tuple[str, str]:
    """(what stands for an image, its address): its description, else the address."""
    url = str(node.token.attrs.get("src", ""))
    return said(tree(node.token.children or [])).strip() or (clean(url) if is_web_address(url) else ""), url


def _link(pen: Pen, node: Node, root: str) -> None:
    url = str(node.token.attrs.get("href", ""))
    leads, before = target(url, root), pen.at
    label = said(node.children)
    if leads:
        with pen.span("text_link", leads):
            write(pen, node.children, root, linked=True)
            if not label.strip():
                pen.write(url)
        return
    write(pen, node.children, root, linked=True)
    if more := written(url, label):
        pen.write(f" ({more})" if pen.at > before else more)


def _image(pen: Pen, node: Node, root: str, *, linked: bool) -> None:
    shown, url = image(node)
    leads = "" if linked else target(url, root)
    if leads:
        with pen.span("text_link", leads):
            pen.write(shown)
    else:
        pen.write(shown)
