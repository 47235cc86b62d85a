"""A run's figures, groups and changes, and how they are told in Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.scoring.calibration import steps
from bot.scoring.comparison import compared
from bot.scoring.confusion import confusion
from bot.scoring.confusion import report as measured
from bot.scoring.declines import DECLINED, decline_curve, declines, threshold_of
from bot.scoring.groups import BY, groups
from bot.scoring.judge import Score, score
from bot.scoring.markdown import as_markdown, beginning, plain, report
from bot.scoring.question import Question
from bot.scoring.result import Result
from bot.scoring.share import Share
from bot.scoring.summary import percentile, row, rows, spans
from bot.scoring.tables import WORSE, Table, confusion_table, labels_table


def made(
    number: int, *, right: bool, kind: str = "direct", lang: str = "en", declined: bool = False, **changes: object
) -> Score:
    """The score of a question that is answered, or declined, rightly or wrongly."""
    asked = {"id": str(number), "question": f"Question {number}?", "lang": lang, "kind": kind, "declined": declined}
    known = {} if declined else {"must": [["yes"]], "sources": ["a.md"]}
    told = {"id": str(number), "answer": "yes" if right else "no", "sources": ["a.md"], "language": lang}
    result = told | {"declined": declined and right, "score": 0.2 if declined else 0.8} | changes
    return score(Question.model_validate(asked | known), Result.model_validate(result))


def run(*right: bool, **changes: object) -> list[Score]:
    return [made(number, right=one, **changes) for number, one in enumerate(right)]  # type: ignore[arg-type]


def test_rows_add_up() -> None:
    """A row for each kind as they come, and one for all that holds their sums; what does not apply is left out."""
    scores = [made(1, right=True), made(2, right=False, kind="table"), made(3, right=True, kind="off", declined=True)]
    found = rows(scores)
    assert [one.name for one in found] == ["direct", "table", "off", "all"]
    everything = found[-1].shares
    assert everything["answer right"] == Share(count=1, of=2)
    assert everything["declines right"] == Share(count=1, of=1)
    assert everything["false declines"] == Share(count=0, of=2)
    for figure, share in everything.items():
        assert share.count == sum(one.shares[figure].count for one in found[:-1])
        assert share.of == sum(one.shares[figure].of for one in found[:-1])


def test_lengths_are_of_answers_and_seconds_of_all() -> None:
    """A decline is no long answer, but somebody waited for it."""
    scores = [
        made(1, right=True, answer="yes" * 10, seconds=0.1),
        made(2, right=True, answer="yes", seconds=0.2),
        made(3, right=True, declined=True, answer="I do not know" * 99, seconds=0.9),
    ]
    told = spans(scores)
    assert (told.median_length, told.longest, told.p50, told.p95) == (16.5, 30, 0.2, 0.9)
    assert spans([]).p95 == 0


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    """The nearest rank: one of the values, and the smallest that does."""
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_a_worse_group_is_marked_and_a_small_one_is_not() -> None:
    """Two of twelve against thirty of thirty is worse; one of two may be luck."""
    bad = [made(number, right=number < 2, lang="de") for number in range(12)]
    few = [made(number, right=number == 12, lang="es") for number in (12, 13)]
    good = [made(number, right=True) for number in range(20, 50)]
    found = {one.name: one for one in groups([*bad, *few, *good], BY["language"])}
    assert {name for name, one in found.items() if one.worse} == {"de"}
    assert found["de"].right == Share(count=2, of=12)
    both = groups([made(1, right=True, kind="table", lang="de")], BY["both"])
    assert [(one.name, one.worse) for one in both] == [("de · table", False)]


def test_declines_are_a_classifier() -> None:
    """Two of three declines found, one answer declined besides; the confidence of each makes the curve."""
    scores = [
        *(made(number, right=number < 2, declined=True) for number in range(3)),
        made(3, right=True),
        _false_decline(4),
    ]
    told = declines(scores).of(DECLINED)
    assert (told.precision, told.recall) == (Share(count=2, of=3), Share(count=2, of=3))
    curve = decline_curve(scores)
    assert curve is not None and curve.area == 1
    assert threshold_of(scores) is None


def _false_decline(number: int) -> Score:
    told = made(number, right=True)
    assert told.result
    return score(told.question, told.result.model_copy(update={"declined": True, "score": 0.4}))


def test_a_confidence_means_what_became_of_its_questions() -> None:
    """Tenths with their questions, those of 1 in the last; a decline is no answer, right or wrong."""
    told = (0.05, 0.55, 0.5, 0.999, 1.0)
    scores = [made(number, right=number != 1, score=confidence) for number, confidence in enumerate(told)]
    scores.append(made(9, right=True, declined=True, score=0.09))
    scores.append(made(10, right=True, score=None))
    first, middle, last = steps(scores)
    assert (first.low, first.high, first.confidence) == (0.0, 0.1, pytest.approx(0.07))
    assert (first.answerable, first.right) == (Share(count=1, of=2), Share(count=1, of=1))
    assert (middle.answerable, middle.right) == (Share(count=2, of=2), Share(count=1, of=2))
    assert (last.low, last.right) == (0.9, Share(count=2, of=2))


def test_the_threshold_is_told_where_all_agree() -> None:
    """Answers of two different settings have no threshold in common."""
    assert threshold_of([made(1, right=True, threshold=0.5), made(2, right=True)]) == 0.5
    assert threshold_of([made(1, right=True, threshold=0.5), made(2, right=True, threshold=0.6)]) is None


def test_a_comparison_finds_what_changed() -> None:
    """Better and worse by question, over those that a figure applies to in both runs."""
    before = run(True, True, False, False, seconds=0.2)
    after = run(True, False, True, True, seconds=0.1)
    found = compared(before, after)
    right = found.changes[0]
    assert (right.figure, right.before.count, right.after.count, right.better, right.worse) == ("right", 2, 3, 2, 1)
    assert [one.question.id for one in found.better] == ["2", "3"]
    assert [one.question.id for one in found.worse] == ["1"]
    assert found.seconds.median == pytest.approx(-0.1) and found.seconds.interval is None


def test_fewer_false_declines_are_better() -> None:
    """Where less is better, what went away counts as better, and enough of it is more than luck."""
    before, after = [_false_decline(number) for number in range(8)], run(*[True] * 8)
    change = next(one for one in compared(before, after).changes if one.figure == "false declines")
    assert (change.better, change.worse, change.significant) == (8, 0, True)
    back = next(one for one in compared(after, before).changes if one.figure == "false declines")
    assert (back.better, back.worse, back.chance) == (0, 8, change.chance)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_comparing_turned_round_turns_better_and_worse(pairs: list[tuple[bool, bool]]) -> None:
    """And a run against itself changes nothing."""
    one, other = run(*(was for was, _ in pairs)), run(*(now for _, now in pairs))
    there, back = compared(one, other), compared(other, one)
    for change, turned in zip(there.changes, back.changes, strict=True):
        assert (change.better, change.worse, change.chance) == (turned.worse, turned.better, turned.chance)
    assert [score.question for score in there.better] == [score.question for score in back.worse]
    assert all(change.chance == 1 for change in compared(one, one).changes)


def test_a_report_holds_its_tables_and_failures() -> None:
    """Every table is one when rendered, the failures stand at the end, and not where nobody wants them."""
    scores = [*run(True, False), made(7, right=True, declined=True, threshold=0.5)]
    text = report(scores, title="shop", comparison=compared(scores, scores), chart="a chart.svg")
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == text.count("\n| --- |") == 7
    assert 'src="a%20chart.svg"' in html
    assert "lacks yes" in html and "0.500 (in use)" in html
    assert "lacks" not in report(scores, title="shop", failures=False)
    assert row("all", scores).questions == 3


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_nothing_of_an_answer_is_markdown(text: str) -> None:
    """What a visitor or a model wrote stays within its cell and is shown as it is."""
    table = as_markdown(Table(title="t", heads=("a", "b"), rows=((text, "x"),)))
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(table)
    assert html.count("<td") == 2
    assert not any(f"<{tag}" in html for tag in ("em", "strong", "a ", "img", "code", "script", "s>"))


def test_beginnings_are_one_short_line() -> None:
    """A long answer is cut, a short one is whole."""
    assert beginning(" a \n\n b ") == "a / b"
    assert beginning("x" * 999) == "x" * 300 + " …"
    assert plain("a\nb|c") == "a b\\|c"


def test_classifiers_have_tables_too() -> None:
    """A row for each label, right ones down, told ones across."""
    counted = confusion([("good", "good"), ("good", "bad"), ("bad", "bad")])
    assert confusion_table(counted).rows == (("bad", "1", "0"), ("good", "1", "1"))
    told = labels_table(measured(counted))
    assert told.rows[0] == ("bad", "50.0 % 1/2", "100.0 % 1/1", "0.667")
    assert "66.7 % 2/3" in told.note
    assert WORSE not in as_markdown(told)
