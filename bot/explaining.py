"""From what a turn knows to the words of `bot.explanation`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.answer.quote import Answer
from bot.config import EngineConfig
from bot.events import Failed, Message, Passage, Reply, Sampling
from bot.explanation import Decided, Explanation, Found, Understood, Why
from bot.question import Question

_UNSAID = asdict(Sampling())


def begun(message: Message, question: Question, config: EngineConfig) -> Explanation:
    """The explanation of an answer that is about to be made."""
    how = Explanation(engine=config.kind)
    if config.models:
        how.model = config.model or config.openai.model
    how.understood = Understood(
        text=question.text,
        standalone=question.alone,
        intent=question.intent,
        command=message.command,
        detected=question.asked_in,
        before=question.remembered.language,
        hint=message.language,
        preferred=question.preferred,
        answered=question.language,
        redacted=dict(question.redacted),
        attachments=tuple(attachment.name for attachment in question.attachments),
    )
    return how


def ended(how: Explanation, question: Question, event: Reply | Failed) -> Mapping[str, Any]:
    """The document of an answer that is about to be committed."""
    if isinstance(event, Reply):
        how.finish = event.finish_reason
        how.sources = tuple(citation.location for citation in event.citations)
    else:
        how.finish, how.error = "failed", event.reason
    repeats = how.asked is not None or question.alone != question.text
    how.since = min((turn.at for turn in question.remembered.turns), default=None) if repeats else None
    return how.document()


def found(passage: Passage, why: Why = Why()) -> Found:
    return Found(
        title=passage.title,
        location=passage.location,
        heading=passage.heading,
        language=passage.language,
        score=passage.score,
        begins=passage.text,
        why=why,
    )


def decided(answer: Answer) -> Decided:
    """What was made of an answer that quotes. What is said to a greeting was weighed against nothing."""
    weighed = answer.kind in ("quote", "decline")
    return Decided(
        kind=answer.kind,
        confidence=answer.score if weighed else None,
        threshold=answer.threshold if weighed else None,
        parts=answer.parts if len(answer.parts) > 1 else (),
    )


def chosen(sampling: Sampling) -> dict[str, Any]:
    """What differs from the usual in how a model is to choose its words, and always how freely and how much."""
    said = asdict(sampling)
    usual = ("temperature", "max_tokens")
    return {name: value for name, value in said.items() if name in usual or value != _UNSAID[name]}
