"""Texts and entities: what the fake Telegram takes is what is shown, what it refuses would have been repaired."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.telegram import texts
from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.limits import blocks

WORDS = st.text("aé中😀 \nש", min_size=1, max_size=40).filter(str.strip)


@st.composite
def styled(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A text and a tree of styles over it, in units."""
    text = draw(WORDS)
    edges = [texts.units(text[:at]) for at in range(len(text) + 1)]

    def inside(low: int, high: int, depth: int) -> list[dict[str, Any]]:
        if depth == 0 or low >= high or not draw(st.booleans()):
            return []
        start = draw(st.integers(low, high - 1))
        end = draw(st.integers(start + 1, high))
        kind = draw(st.sampled_from(["bold", "italic", "underline", "strikethrough", "spoiler"]))
        entity = {"type": kind, "offset": edges[start], "length": edges[end] - edges[start]}
        return [entity, *inside(start, end, depth - 1), *inside(end, high, depth - 1)]

    return text, inside(0, len(text), 4)


@given(styled())
def test_styles_that_form_a_tree_are_taken(case: tuple[str, list[dict[str, Any]]]) -> None:
    """Whatever the characters: entities that are nested whole characters are accepted, cover what they covered but for
    white space at the ends, and the text is the same but for that white space."""
    text, entities = case
    kept, stand = texts.checked(text, entities)
    assert kept.strip() == text.strip()
    if not entities:
        return
    before = [texts.piece(text, entity).rstrip() for entity in entities]
    after = [texts.piece(kept, entity).rstrip() for entity in stand]
    assert [piece for piece in after if piece] == [piece for piece in before if piece]


@given(WORDS)
def test_units_are_those_of_utf_16(text: str) -> None:
    """The length in units is half that of the encoded bytes."""
    assert texts.units(text) == len(text.encode("utf-16-le")) // 2


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    "entities",
    [
        [entity("bold", 3, 1)],
        [entity("bold", 2, 1)],
        [entity("bold", -1, 2)],
        [entity("bold", 0, 0)],
        [entity("bold", 0, 99)],
        [entity("loud", 0, 1)],
        [entity("bold", 0, 1, loud=True)],
        [entity("text_link", 0, 1)],
        [entity("text_link", 0, 1, url="")],
        [entity("bold", 0, 2), entity("italic", 1, 3)],
        [entity("code", 0, 2), entity("bold", 0, 1)],
        [entity("bold", 0, 2), entity("code", 0, 1)],
        [entity("pre", 0, 2), entity("pre", 0, 1)],
        [entity("blockquote", 0, 2), entity("expandable_blockquote", 0, 1)],
        [entity("text_link", 0, 2, url="https://example.org"), entity("text_link", 0, 1, url="https://example.org")],
        [entity("bold", 0, 1)] * 101,
        ["bold"],
    ],
)
def test_entities_that_are_wrong_are_refused(entities: list[Any]) -> None:
    """Outside of "ab😀cd", through its emoji, of no kind, overlapping, or nested as it may not be."""
    with pytest.raises(Refused) as caught:
        texts.checked("ab😀cd", entities)
    assert caught.value.blame


def test_what_may_be_nested() -> None:
    """Quotations hold everything but quotations, links may be styled, styles may share a place."""
    link = entity("text_link", 0, 2, url="https://example.org")
    for entities in (
        [entity("blockquote", 0, 6), entity("pre", 0, 2, language="py"), entity("bold", 4, 2)],
        [entity("blockquote", 0, 6), entity("code", 0, 6)],
        [entity("code", 0, 6), entity("blockquote", 0, 6)],
        [link, entity("bold", 0, 2), entity("italic", 0, 2), entity("underline", 0, 1)],
        [entity("bold", 0, 6), link],
    ):
        assert texts.checked("ab😀cd", entities) == ("ab😀cd", entities)


def test_what_people_write_is_found() -> None:
    """Commands, names and links, in units."""
    text = "😀 /ask@frontdesk_bot see @person7 at https://example.org/a?b. a/b mail@example"
    assert [(one["type"], texts.piece(text, one)) for one in texts.found(text)] == [
        ("bot_command", "/ask@frontdesk_bot"),
        ("mention", "@person7"),
        ("url", "https://example.org/a?b"),
    ]


def test_blocks_are_counted() -> None:
    """Paragraphs, headings, items and rows count each, a fence once."""
    assert blocks("# a\n\nb\nc\n\n- d\n- e\n\n```\nf\n\ng\n```\n\n| h |\n|---|\n| i |") == 8
