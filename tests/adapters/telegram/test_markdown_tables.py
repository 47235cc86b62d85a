"""Tables on a phone: lines of one font where they fit, else a block for each row; nothing of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram.markdown import render
from adapters.telegram.tables import WIDEST, width
from tests.adapters.telegram.test_markdown import of, only
from tests.adapters.telegram.written import accepted, bare

_CELLS = st.sampled_from(
    ("", "Basic", "3.50 €", "苹果汁", "**bold**", "`a\\|b`", "[x](https://a.example)", "مرحبا", "👍🏽")
)
_LONG = st.sampled_from(("a long name that breaks any line of a phone", "x", "Price per month"))


def test_a_narrow_table_is_lines_of_one_font():
    message = only("| Name | Price |\n|:-----|------:|\n| 苹果 | 1 |\n| Banana | 20 |\n| é | |")
    assert message.text == "Name    Price\n------  -----\n苹果        1\nBanana     20\né"
    assert of(message) == [("pre", message.text)]


def test_columns_are_aligned_as_the_table_says():
    message = only("| a | b |\n|:-:|--:|\n| 12345 | 1 |\n| x | 345 |")
    assert message.text.split("\n")[3] == "  x    345"


def test_a_wide_table_is_a_block_for_each_row():
    message = only(
        "Plans:\n\n| Plan | Price per month | Supporting hours |\n|--|--|--|\n"
        "| Basic | **3** € [1] | |\n| Pro | 9 € | always |\n\nAsk us."
    )
    assert message.text == (
        "Plans:\n\nPlan: Basic\nPrice per month: 3 € [1]\n\n"
        "Plan: Pro\nPrice per month: 9 €\nSupporting hours: always\n\nAsk us."
    )
    assert of(message) == [("bold", "Plan: Basic"), ("bold", "3"), ("bold", "Plan: Pro")]


def test_links_in_cells_stay_links():
    message = only("| a | b |\n|---|---|\n| x | [y](https://a.example) |")
    assert message.text == "a: x\nb: y"
    assert ("text_link", "y") in of(message)


def test_what_runs_from_right_to_left_is_not_put_into_columns():
    """A font of one width does not help there: the columns would change places."""
    assert only("| الاسم | السعر |\n|---|---|\n| تفاح | 1 |").text == "الاسم: تفاح\nالسعر: 1"


def test_a_column_without_a_name_is_said_without_one():
    wide = "a feature that has quite a long name"
    assert only(f"| | {wide} |\n|---|---|\n| x | yes |").text == f"x\n{wide}: yes"


def test_columns_and_rows_without_anything_are_still_named():
    wide = "a feature that has quite a long name"
    assert only(f"| {wide} | b |\n|---|---|\n| x | |\n| | |\n| y | |").text == f"{wide}: x\nb: –\n\n{wide}: y"
    assert only(f"| {wide} | b |\n|---|---|").text == f"{wide} · b"


def test_a_long_name_is_said_once_in_full():
    name = "the number of days after which " + "very " * 20 + "late orders come back"
    text = only(f"| a | {name} |\n|---|---|\n| x | 1 |\n| y | 2 |").text
    assert text.count(name) == 1
    assert text.endswith("…: 2")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("苹果", 4),
        ("e\u0301", 1),
        ("👍🏽", 2),
        ("👩\u200d👧", 2),
        ("🇩🇪", 2),
        ("☀\ufe0f", 2),
        ("ｱ", 1),
        ("", 0),
    ],
)
def test_columns_are_counted_as_a_font_shows_them(text, columns):
    assert width(text) == columns


@given(
    st.integers(1, 4).flatmap(
        lambda columns: st.tuples(
            st.lists(st.one_of(_CELLS, _LONG), min_size=columns, max_size=columns),
            st.lists(st.lists(_CELLS, min_size=columns, max_size=columns), max_size=30),
        )
    )
)
@settings(max_examples=200, deadline=None)
def test_nothing_of_a_table_is_lost(table):
    """Every cell is said, in order; names of columns at least once; lines of one font are not wider than a phone."""
    head, rows = table
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    messages = render("\n".join(lines))
    for message in messages:
        accepted(message)
    text = bare("".join(message.text for message in messages))
    plain = [[_plain(cell) for cell in row] for row in (head, *rows)]
    at = 0
    for cell in (cell for row in plain[1:] for cell in row):
        at = text.index(cell, at) + len(cell)
    assert all(name in text for name in plain[0])
    for message in messages:
        for kind, covered in of(message):
            assert kind != "pre" or max(map(width, covered.split("\n"))) <= WIDEST


def _plain(cell: str) -> str:
    return bare(cell.replace("**", "").replace("`", "").replace("\\|", "|").replace("[x](https://a.example)", "x"))
