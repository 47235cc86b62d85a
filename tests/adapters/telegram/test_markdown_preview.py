"""What is shown of an answer that is being written: readable at any moment, and one message."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.entities import is_blank
from adapters.telegram.markdown import preview, render
from tests.adapters.telegram.test_markdown import of
from tests.adapters.telegram.written import ANYTHING, LONG, accepted


@given(st.one_of(ANYTHING, LONG), st.data())
@settings(max_examples=150, deadline=None)
def test_any_beginning_fits_one_message(markdown, data):
    shown = preview(markdown[: data.draw(st.integers(0, len(markdown)))])
    if not is_blank(shown.text):
        accepted(shown)
    else:
        assert not shown.text


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("", "", []),
        ("Use `pip inst", "Use", []),
        ("See [the shop](https://sh", "See", []),
        ("Prices:\n\n| a | b |\n|--", "Prices:", []),
        ("Prices:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3", "Prices:\n\na  b\n-  -\n1  2", None),
        ("```python\nx = 1", "x = 1", [("pre", "x = 1")]),
        (f"**{'very ' * 80}long", f"{'very ' * 80}long", [("bold", f"{'very ' * 80}long")]),
        ("It is _really", "It is really", [("italic", "really")]),
        ("It ~~was", "It was", [("strikethrough", "was")]),
        ("a snake_case", "a snake_case", []),
        ("5 * 3", "5 * 3", []),
        ("Ask @maria", "Ask @maria", [("code", "@maria")]),
    ],
)
def test_nothing_half_written_is_shown(markdown, text, entities):
    shown = preview(markdown)
    assert shown.text == text
    if entities is not None:
        assert of(shown) == entities


def test_of_a_long_answer_the_beginning_stands():
    """It is the first message of the whole, and says that there is more."""
    answer = "\n\n".join(f"Paragraph {number} has **some** words in it." for number in range(900))
    first = render(answer)[0]
    for end in (6_000, 9_000, len(answer)):
        shown = preview(answer[:end])
        assert shown.text == f"{first.text}\n…"
        assert shown.entities == first.entities


def test_an_answer_of_many_links_is_looked_at_far_enough():
    answer = "[x](https://shop.example/with/a/rather/long/address/that/nobody/sees) and " * 400
    assert preview(answer).text.startswith(render(answer)[0].text)


def test_a_finished_answer_is_shown_as_it_will_stand():
    answer = "# A\n\n- **b** `c`\n- d\n\n> e\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nf."
    assert [preview(answer)] == render(answer)
