"""Whether an answer is right, and if not, why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.errors import UsageError
from bot.scoring.facts import holds
from bot.scoring.question import Question
from bot.scoring.result import Result

FIRST = 3
"""A source counts when it stands among so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What became of one question. None where a figure does not apply to it; `reasons` say what went wrong.

    `right` is the verdict over all: the answer is right, or the decline is. `result` is None where there is no answer.
    """

    question: Question
    result: Result | None
    answer_right: bool | None
    source_right: bool | None
    decline_right: bool | None
    false_decline: bool | None
    language_right: bool | None
    number_unheld: bool | None
    reasons: tuple[str, ...]

    @property
    def right(self) -> bool:
        return bool(self.decline_right if self.question.declined else self.answer_right)

    @property
    def declined(self) -> bool:
        return self.result is not None and self.result.declined


def score(question: Question, result: Result | None) -> Score:
    """Judge one result (None: there is none) against its question.

    An answer is right when every fact of `must` occurs in it, nothing of `must_not` does, and it is no decline; where
    no source is expected (greetings), none may be cited.
    """
    wrong = ["no answer"] if result is None else list(_wrong(question, result))
    answered = not question.declined
    source = _source_right(question, result) if answered and question.sources else None
    language = _language_right(question, result) if result and question.lang else None
    reasons = [*wrong]
    if result and source is False:
        reasons.append(f"sources {', '.join(result.sources[:FIRST]) or 'none'}")
    if result and language is False:
        reasons.append(f"language {result.language or 'none'} for {question.lang}{_spoken(result)}")
    if result and result.unheld and not result.declined:
        reasons.append(f"no source holds {', '.join(f'{number:g}' for number in result.unheld)}")
    return Score(
        question=question,
        result=result,
        answer_right=not wrong if answered else None,
        source_right=source,
        decline_right=None if answered else not wrong,
        false_decline=(result is not None and result.declined) if answered else None,
        language_right=language,
        number_unheld=bool(result.unheld) if result and not result.declined else None,
        reasons=tuple(reasons),
    )


def score_all(questions: Sequence[Question], results: Iterable[Result]) -> list[Score]:
    """One score for each question that expects something, in their order.

    Raises `UsageError` for a result that no question has asked for.
    """
    by_id = {str(result.id): result for result in results}
    if unknown := by_id.keys() - {str(question.id) for question in questions}:
        raise UsageError(f"There is no question {min(unknown)}: are these the answers to another file of questions?")
    return [score(question, by_id.get(str(question.id))) for question in questions if question.expects]


def _wrong(question: Question, result: Result) -> Iterable[str]:
    if question.declined:
        if not result.declined:
            yield "answered what it cannot know"
        return
    if result.declined:
        yield "declined"
        return
    for group in question.must:
        if not any(holds(result.answer, fact) for fact in group):
            yield f"lacks {' | '.join(group)}"
    if not question.sources and _cited(result):
        yield "cites a source where none is due"
    for fact in question.must_not:
        if holds(result.answer, fact):
            yield f"says {fact}"


def _source_right(question: Question, result: Result | None) -> bool:
    return bool(result and {_name(source) for source in result.sources[:FIRST]} & _names(question.sources))


def _language_right(question: Question, result: Result) -> bool:
    """The answer speaks the question's language, and quotes it where a source that is due is written in it."""
    if result.language != question.lang:
        return False
    languages = {_name(source): language for source, language in result.languages.items()}
    due = {languages.get(name) for name in _names(question.sources)}
    quoted = {languages.get(_name(source)) for source in _cited(result)}
    return result.declined or question.lang not in due or not quoted or question.lang in quoted


def _spoken(result: Result) -> str:
    quoted = sorted({result.languages[source] for source in _cited(result) if source in result.languages})
    return f", quoting {', '.join(quoted)}" if quoted else ""


def _cited(result: Result) -> tuple[str, ...]:
    return result.sources if result.cited is None else result.cited


def _names(sources: Iterable[str]) -> set[str]:
    return {_name(source) for source in sources}


def _name(source: str) -> str:
    return PurePosixPath(source).name
