"""A source that an answer cites, as a page: its own Markdown, made harmless. Pure.

Raw HTML in the Markdown is shown as text, images as their description (a remote one would tell its host who reads
what), links lead out without a referrer. `nh3` cleans the result again, and the page's policy lets nothing load.
Each passage can be pointed at (`#passage-3`), as can each heading (`#returns`).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from bot.events import Passage

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SLUG = re.compile(r"[^\w]+")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
body { overflow-wrap: anywhere; }
h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 1.6em 0 .5em; }
h1 { margin-top: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
th, td { padding: .35rem .7rem; text-align: start; }
th { background: color-mix(in srgb, currentColor 8%, transparent); }
pre, code { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .8rem; background: color-mix(in srgb, currentColor 8%, transparent); }
blockquote { margin-inline: 0; padding-inline-start: 1rem; border-inline-start: 3px solid; opacity: .85; }
:target { background: color-mix(in srgb, gold 30%, transparent); scroll-margin-top: 1rem; }
"""

SOURCE_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TAGS = {
    "p", "br", "hr", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "a", "h3", "h4", "h5", "h6",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


def page(passages: Sequence[Passage]) -> str:
    """The document that `passages` (all of one, in their order, at least one) make up, as HTML."""
    first = passages[0]
    title = first.title or first.location
    body = "\n".join(_body(passages, title))
    return _document(title, first.language, body)


def absent() -> str:
    """The page that stands for a document that is not there any more."""
    return _document("Not found", "en", "<h1>Not found</h1>\n<p>This source is no longer here.</p>")


def _document(title: str, language: str, body: str) -> str:
    language = language if _LANGUAGE.fullmatch(language) else ""
    direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr" if language else "auto"
    return (
        f'<!doctype html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def _body(passages: Sequence[Passage], title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    markdown = _markdown()
    above: tuple[str, ...] = ()
    used: set[str] = set()
    for number, passage in enumerate(passages, 1):
        path = passage.heading[1:] if passage.heading[:1] == (title,) else passage.heading
        known = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(above, path, strict=False))))
        for level, heading in enumerate(path[known:], known + 2):
            size = min(level, 6)
            yield f'<h{size} id="{_slug(heading, used)}">{escape(heading)}</h{size}>'
        above = path
        yield f'<section id="passage-{number}">\n{_clean(markdown.render(passage.text))}</section>'


def _slug(heading: str, used: set[str]) -> str:
    name = base = _SLUG.sub("-", heading.lower()).strip("-") or "section"
    count = 1
    while name in used or name.startswith("passage-"):
        count += 1
        name = f"{base.removeprefix('passage-')}-{count}"
    used.add(name)
    return name


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", _described)
    return markdown


def _described(_: Any, tokens: Sequence[Any], index: int, *__: Any) -> str:
    return escape(tokens[index].content)


def _clean(html: str) -> str:
    import nh3

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
