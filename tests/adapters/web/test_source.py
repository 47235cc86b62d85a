"""A source as a page."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web.source import SOURCE_POLICY, page
from bot.events import Passage


def passage(text: str, *, heading: tuple[str, ...] = (), title: str = "Returns", language: str = "en") -> Passage:
    return Passage(text=text, title=title, location="returns.md", score=0, heading=heading, language=language)


def test_a_document_is_put_together_again() -> None:
    """Headings come back where their path changes, tables and lists as themselves, in their order."""
    html = page(
        [
            passage("Thirty days.", heading=("Returns",)),
            passage("| Size | Price |\n|---|---|\n| S | 3 € |", heading=("Returns", "Cost")),
            passage("1. Pack it\n2. Send it", heading=("Returns", "How", "By post")),
            passage("Keep the slip.", heading=("Returns", "How", "By post")),
        ]
    )
    soup = BeautifulSoup(html, "html.parser")
    assert [(tag.name, tag.text) for tag in soup.find_all(re.compile("^h[1-6]$"))] == [
        ("h1", "Returns"), ("h2", "Cost"), ("h2", "How"), ("h3", "By post"),
    ]  # fmt: skip
    assert [cell.text for cell in soup.select("td")] == ["S", "3 €"]
    assert [item.text for item in soup.select("ol li")] == ["Pack it", "Send it"]
    assert [tag["id"] for tag in soup.find_all("section")] == [f"passage-{number}" for number in range(1, 5)]
    assert soup.title is not None
    assert soup.title.text == "Returns"


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("", "auto"), ('"><x', "auto")])
def test_a_page_says_its_language(language: str, direction: str) -> None:
    """Screen readers and right-to-left writing need it; what is no language is not said."""
    html = BeautifulSoup(page([passage("x", language=language)]), "html.parser").html
    assert html is not None
    assert html["dir"] == direction
    assert html["lang"] in (language, "")


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "![x](https://evil.example/pixel.png)",
    '![x](x "onerror=alert(1)")',
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example></iframe>",
    "<style>body{background:url(//evil.example)}</style>",
    "```html\n<script>alert(1)</script>\n```",
    "| <b onclick=alert(1)>x</b> |\n|---|\n| y |",
    "<https://evil.example/><script>",
    "[x]: javascript:alert(1)\n\n[x]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_source_cannot_act(text: str) -> None:
    """Nothing of a source runs, loads, or is told that it is read."""
    harmless(page([passage(text, heading=(text,), title=text)]))


@settings(deadline=None)
@given(some.text(max_size=80), some.sampled_from(HOSTILE), some.text(max_size=20))
def test_no_text_makes_a_source_act(before: str, hostile: str, after: str) -> None:
    """Neither does anything around it."""
    harmless(page([passage(before + hostile + after, heading=(before + hostile,), title=hostile + after)]))


def harmless(html: str) -> None:
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(True):
        assert tag.name not in {"script", "img", "svg", "iframe", "object", "embed", "link", "form", "base"}
        assert not [name for name in tag.attrs if name.startswith("on") or name in ("src", "srcset", "style")]
        if "href" in tag.attrs:
            assert re.match(r"(https?:|mailto:|/|#|[^:]*$)", str(tag["href"])), tag
    assert len(soup.find_all("style")) == 1


def test_the_policy_allows_the_pages_own_style_alone() -> None:
    """Whatever slipped through could load nothing."""
    assert SOURCE_POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in SOURCE_POLICY


def test_equal_headings_have_anchors_of_their_own() -> None:
    """An anchor points to one place, in any script."""
    html = page(
        [passage("a", heading=("价格",)), passage("b", heading=("x", "价格")), passage("c", heading=("Passage 1",))]
    )
    names = [str(tag["id"]) for tag in BeautifulSoup(html, "html.parser").find_all(id=True)]
    assert len(names) == len(set(names))
    assert "价格" in names
