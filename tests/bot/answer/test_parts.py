"""The parts of quoting: blocks, sentences, ranges, dates, figures."""

from __future__ import annotations

import pytest

from bot.answer.blocks import Listing, Paragraph, Table, blocks
from bot.answer.dates import agreement, dates, undated
from bot.answer.figures import figures, unheld
from bot.answer.markdown import bare, quoted
from bot.answer.ranges import within
from bot.answer.sentences import sentences


def test_a_passage_is_taken_apart() -> None:
    """Paragraphs, the sentence that introduces a list, nested items, tables with ragged rows."""
    found = blocks("One. Two:\n\n- a\n  - b\n- c\n  goes on\n\n| x | y |\n|---|---|\n| 1 | 2 | 3 |\n| 4 |\n\n> said")
    assert found == [
        Paragraph(("One.",)),
        Listing(("a\n  - b", "c goes on"), lead="Two:"),
        Table(("x", "y"), (("1", "2"), ("4", ""))),
        Paragraph(("said",)),
    ]


def test_a_bold_question_is_a_label() -> None:
    """A question that an article asks itself is kept apart from its answer."""
    assert blocks("**Is it loud?** No. Not at all.") == [Paragraph(("No.", "Not at all."), "Is it loud?")]


def test_numbered_lists_are_ordered_and_a_year_begins_none() -> None:
    """Steps are known by their numbers; a line of prose that begins with a number is prose."""
    assert blocks("1. a\n2. b") == [Listing(("a", "b"), ordered=True)]
    assert blocks("It took\n12. May it end.") == [Paragraph(("It took 12. May it end.",))]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It costs 1.50 € approx. No. 5 is free. Yes.", ["It costs 1.50 € approx. No. 5 is free.", "Yes."]),
        ("No. It is not.", ["No.", "It is not."]),
        ("可以退货。但蜡烛不行！", ["可以退货。", "但蜡烛不行！"]),
        ("Geöffnet am 3. Mai. Sonst zu.", ["Geöffnet am 3. Mai.", "Sonst zu."]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
    ],
)
def test_sentences_end_where_they_end(text: str, parts: list[str]) -> None:
    """Abbreviations, ordinals and decimals end nothing."""
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("question", "text", "inside"),
    [
        ("I am 1.75 m tall", "1.72–1.90 m", True),
        ("175 cm", "1.72–1.90 m", True),
        ("1.95 m", "1.72–1.90 m", False),
        ("57 cm", "55 to 58 cm", True),
        ("£90", "orders up to £135", True),
        ("£140", "orders up to £135", False),
        ("£140", "over £135", True),
        ("£135", "over £135", False),
        ("身高175厘米", "1.70–1.78 米", True),
        ("D4-22100", "D4-21000 to D4-23499", True),
        ("D5-22100", "D4-21000 to D4-23499", False),
        ("30 kg", "20–40 cm", False),
        ("no measure", "20–40 cm", False),
    ],
)
def test_measures_lie_in_ranges(question: str, text: str, inside: bool) -> None:
    """Units of one kind are compared, bounds are kept, serial numbers stay in their series."""
    assert within(question, text) is inside


@pytest.mark.parametrize(
    ("question", "heading", "agrees"),
    [
        ("I ordered on 20 August 2026", "Orders before September 2026", 1),
        ("I ordered on 20 August 2026", "Orders from 1 September 2026", -1),
        ("ordered in October 2026", "Orders from 1 September 2026", 1),
        ("am 3. Januar 2025 bestellt", "Bestellungen bis 31. Dezember 2024", -1),
        ("我是 2026 年 8 月 10 号下的单", "旧政策（2026 年 8 月 31 日前的订单）", 1),
        ("2026-09-02", "Orders from 1 September 2026", 1),
        ("last week", "Orders from 1 September 2026", 0),
        ("20 August 2026", "Orders", 0),
    ],
)
def test_dates_agree_with_headings(question: str, heading: str, agrees: int) -> None:
    """A date is inside, outside, or nothing can be said."""
    assert agreement(question, heading) == agrees


def test_dates_are_found_and_taken_out() -> None:
    """In several ways of writing, each once."""
    text = "on 3 may 2025 and 2025-06-07, not 12.5.2024"
    assert set(dates(text)) == {(2025, 5, 3), (2025, 6, 7), (2024, 5, 12)}
    assert not dates(undated(text))


def test_figures_are_compared_by_value() -> None:
    """Ways of writing a number do not matter; words and the afternoon are understood in the source's favour."""
    assert figures("1,190 and 1.190 and 1 190") == {1190.0}
    assert figures("18.90 or 18,9") == {18.9}
    assert figures("1. first\n2. second") == frozenset()
    assert figures("٣٠ ꧰ 4") == {30.0, 0.0, 4.0}
    assert not unheld("2 weeks", "two weeks")
    assert not unheld("三天 3", "3 天")
    assert not unheld("until 8 pm", "10:00–20:00")
    assert unheld("until 9 pm", "10:00–20:00") == {9.0}


def test_marks_are_taken_off_headings() -> None:
    """A heading is said without emphasis and colon; a quote keeps its emphasis."""
    assert bare("**Prices** _and_ `times`:") == "Prices and times"
    assert quoted("**Prices** <b>x</b> !<i>[p](https://a.example/x.png)") == "**Prices** x p"
