"""Whether an answer is right, as the scorer sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import UsageError
from bot.scoring.facts import fold, holds
from bot.scoring.judge import Score, score, score_all
from bot.scoring.question import Question, read_questions
from bot.scoring.result import Result, read_results
from bot.scoring.share import Share

QUESTION: dict[str, Any] = {
    "id": "q",
    "question": "?",
    "lang": "en",
    "kind": "direct",
    "sources": ["a.md"],
    "must": [["€29"], ["two", "2 days"]],
    "must_not": ["€36"],
    "declined": False,
}
RESULT: dict[str, Any] = {
    "id": "q",
    "answer": "It is **€29** and takes 2\u00a0days.",
    "sources": ["en/a.md", "b.md"],
    "cited": ["en/a.md"],
    "languages": {"en/a.md": "en"},
    "language": "en",
}


def _score(question: dict[str, Any] | None = None, **changes: Any) -> Score:
    return score(Question(**QUESTION | (question or {})), Result(**RESULT | changes))


def test_one_alternative_of_each_fact_is_enough() -> None:
    """Emphasis and spaces do not matter; the source may carry its folder."""
    good = _score()
    assert good.right
    assert (good.answer_right, good.source_right, good.false_decline, good.language_right) == (True, True, False, True)
    assert good.reasons == ()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"answer": "€290, 2 days"}, "answer_right"),
        ({"answer": "€29.50, 2 days"}, "answer_right"),
        ({"answer": "€29, 12 days"}, "answer_right"),
        ({"answer": "€29 or €36, 2 days"}, "answer_right"),
        ({"declined": True}, "answer_right"),
        ({"sources": ["b.md", "c.md", "d.md", "a.md"]}, "source_right"),
        ({"language": "de"}, "language_right"),
    ],
)
def test_what_is_wrong_is_found_and_told(changes: dict[str, Any], wrong: str) -> None:
    """A part of a longer number, a forbidden fact, a decline, a fourth source and another language all count."""
    bad = _score(**changes)
    assert getattr(bad, wrong) is False
    assert bad.reasons


def test_declines_are_judged_apart() -> None:
    """A question to decline counts among the declines alone; answering it is wrong, and needs no source."""
    unknown = {"declined": True, "must": [], "sources": []}
    declined = _score(unknown, declined=True, sources=[])
    assert (declined.decline_right, declined.right) == (True, True)
    answered = _score(unknown)
    assert (answered.decline_right, answered.answer_right, answered.false_decline) == (False, None, None)
    assert not answered.right


def test_what_must_not_be_said_matters_in_an_answer_alone() -> None:
    """A decline that names the forbidden word says nothing wrong: the reason is the decline itself."""
    assert _score(answer="Nothing about €36.", declined=True).reasons == ("declined",)


def test_a_greeting_cites_nothing() -> None:
    """Where no source is due none may be cited; what else was found is no citation."""
    greeting = {"sources": [], "must": [], "must_not": []}
    assert _score(greeting, cited=[]).right
    assert not _score(greeting).right
    assert not _score(greeting, cited=[], declined=True).right


def test_an_answer_quotes_the_questions_language_where_a_source_has_it() -> None:
    """A frame in the right language around a quote in another is wrong only when a due source is in the right one."""
    both = {"sources": ["a.md", "zh.md"], "lang": "zh"}
    known = {"en/a.md": "en", "zh.md": "zh"}
    assert _score(both, language="zh", languages=known).language_right is False
    assert _score(both, language="zh", languages=known, cited=["en/a.md", "zh.md"]).language_right is True
    assert _score({"lang": "zh"}, language="zh", languages=known).language_right is True
    assert _score(both, language="zh", languages=known, declined=True).language_right is True
    assert _score({"lang": ""}).language_right is None


def test_numbers_without_a_source_are_told() -> None:
    """They count beside right and wrong, and not in a decline."""
    assert _score(unheld=[29.0]).number_unheld is True
    assert "no source holds 29" in _score(unheld=[29.0]).reasons
    assert _score(unheld=[29.0], declined=True).number_unheld is None


def test_a_missing_result_counts_as_wrong() -> None:
    """What was not answered is not right, nor is it a decline; a stranger's result is an error."""
    question = Question(**QUESTION)
    (missing,) = score_all([question], [])
    assert (missing.answer_right, missing.false_decline, missing.reasons) == (False, False, ("no answer",))
    assert str(Share.among([missing.decline_right])) == "–"
    with pytest.raises(UsageError, match="no question"):
        score_all([question], [Result(**RESULT | {"id": "stranger"})])


def test_questions_that_expect_nothing_are_not_scored() -> None:
    """An empty expectation is one; none at all is none. A fact may stand without a list of alternatives."""
    assert score_all([Question(id="a", question="?", lang="en")], []) == []
    assert len(score_all([Question(id="a", question="?", must=())], [])) == 1
    assert Question.model_validate({"id": 7, "question": "?", "must": ["a", ["b", "c"]]}).must == (("a",), ("b", "c"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"id": "a"}', "line 2: question"),
        ("nonsense", "line 2"),
        ('{"id": "a", "question": "?", "must": [[]]}', "line 2: must"),
        ('{"id": "a", "question": "?", "declined": "perhaps"}', "line 2: declined"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, told: str) -> None:
    """Whoever wrote the file reads which line, and which part of it."""
    file = tmp_path / "q.jsonl"
    file.write_text(f'{{"id": "a", "question": "?"}}\n{line}\n', "utf-8")
    with pytest.raises(UsageError, match=told):
        read_questions(file)


def test_files_without_a_line_say_so(tmp_path: Path) -> None:
    """An empty file of questions or answers is a mistake, not a run without failures."""
    (tmp_path / "empty.jsonl").write_text("\n", "utf-8")
    with pytest.raises(UsageError, match="no question"):
        read_questions(tmp_path / "empty.jsonl")
    with pytest.raises(UsageError, match="no answer"):
        read_results(tmp_path / "empty.jsonl")
    with pytest.raises(UsageError, match="Cannot read"):
        read_results(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Costs 3.90\u202f€ a month", "3.90€"),
        ("up to 5 GB", "5GB"),
        ("up to 5GB", "5 GB"),
        ("满 ９９ 元包邮", "满99元"),
        ("周一至周五：９：００—１８：００", "9:00-18:00"),
        ("10:00 – 20:00", "10:00–20:00"),
        ("We “don’t” ship", '"don\'t" ship'),
        ("within **60**\ndays", "60 days"),
        ("EUR 29.", "eur29"),
        ("−5 °C", "-5°C"),
        ("As of 2024. 30 days remain", "30 days"),
    ],
)
def test_settings_of_type_do_not_matter(text: str, fact: str) -> None:
    """White space, quotes, dashes, emphasis, widths and case are how a fact is set, not what it says."""
    assert holds(text, fact)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("3.90 €", "3,90 €"),
        ("€290", "€29"),
        ("1,190 km", "190 km"),
        ("0.5 GB", "5 GB"),
        ("29,5", "29"),
        ("１２９元", "29元"),
    ],
)
def test_other_numbers_are_other_facts(text: str, fact: str) -> None:
    """A decimal comma is not a point, and a part of a number is not the number."""
    assert not holds(text, fact)


@given(st.text())
@example("*\u0301a *")
@example("5 \u200b€")
def test_folding_twice_changes_nothing(text: str) -> None:
    """Folding has one outcome, so that both sides of a comparison are folded alike."""
    assert fold(fold(text)) == fold(text)


@given(st.integers(0, 10**6), st.integers(0, 9))
def test_a_number_is_not_found_within_a_longer_one(number: int, digit: int) -> None:
    """A digit more on either side makes another number."""
    assert holds(f"costs €{number} today", f"€{number}")
    assert not holds(f"costs €{number}{digit} today", f"€{number}")
    assert not holds(f"takes 1{number} days", f"{number} days")
