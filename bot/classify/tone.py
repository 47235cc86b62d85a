"""The tone of what somebody wrote: by a model through its template, else by a classifier.

Whatever a text talks a model into, nothing but a label is taken from what it says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from bot.classify.model import Classifier, likeliest
from bot.config import Config, PromptsConfig
from bot.draft import Draft, aside
from bot.engine.base import EngineFault
from bot.events import Reply
from bot.phrases import said
from bot.question import Question
from bot.writing import Writer
from prompts.memory import Remembered

log = structlog.get_logger()

SHIPPED = Path(__file__).with_name("sentiment.json")
"""Tells positive, neutral and negative apart; `docs/tasks.md` says how well."""
_NAMED = frozenset({"positive", "neutral", "negative"})
"""Labels that have a word in each language."""
_DOUBTFUL = 0.6
_SURE = 0.99
"""No classifier is surer than that."""
_SPOKEN = re.compile(r"\s*(?P<name>[^\s:：][^:：\n]{0,59})(?::\s+|：\s*)(?P<rest>\S.*)")


@dataclass(frozen=True, slots=True)
class Tone:
    """`share` is how likely a classifier takes it for; None where a model said it."""

    label: str
    share: float | None = None


class Tones:
    """Judges tones. A classifier of the site's own is read at once; without one, ours is read when it is needed. Raises
    `UsageError` for a file that cannot be read."""

    def __init__(self, config: Config) -> None:
        own = config.tasks.classifier
        self._classifier = Classifier.load(config.root / Path(own).expanduser()) if own else None

    def classifier(self) -> Classifier:
        if self._classifier is None:
            self._classifier = Classifier.load(SHIPPED)
        return self._classifier

    async def judged(self, text: str) -> Tone:
        """By the classifier."""
        told = await aside(len(text), self.classifier().probabilities, text)
        return Tone(*likeliest(told))

    async def asked(self, writer: Writer, question: Question, text: str, draft: Draft, budget: PromptsConfig) -> Tone:
        """By the model; by the classifier where that fails, or names no label or several. `draft` shows nothing of it.

        Raises `TemplateError`.
        """
        labels = self.classifier().labels
        scratch = Draft(draft.message, draft.attempt, draft.language, _unseen, how=draft.how)
        alone = replace(question, text=text, remembered=Remembered())
        values = {"labels": ", ".join(labels)}
        try:
            await writer.write("sentiment", alone, (), scratch, values=values, budget=budget)
        except EngineFault as error:
            log.error("tone.engine", message=draft.message.id, error=str(error))
            return await self.judged(text)
        label = named(scratch.text, labels)
        return Tone(label) if label else await self.judged(text)


def in_words(tone: Tone, language: str) -> str:
    """What the person is told."""
    name = said(f"tone_{tone.label}", language) if tone.label in _NAMED else tone.label
    if tone.share is None:
        return said("tone", language, tone=name)
    share = f"{100 * min(tone.share, _SURE):.0f}"
    return said("tone_share" if tone.share >= _DOUBTFUL else "tone_doubtful", language, tone=name, share=share)


def named(answer: str, labels: Sequence[str]) -> str:
    """The one of `labels` that a model's `answer` names; "" when it names none, or several."""
    found = [label for label in labels if re.search(rf"(?<!\w){re.escape(label.casefold())}(?!\w)", answer.casefold())]
    return found[0] if len(found) == 1 else ""


def own_words(question: Question, commands: Sequence[str]) -> str:
    """What the visitor said in this conversation. A turn of theirs that is one of `commands` is no word of theirs."""
    turns = question.remembered.turns
    return "\n".join(turn.text for turn in turns if turn.role == "user" and turn.text not in commands)


def others_words(threads: Sequence[str], asker: str) -> str:
    """What people but `asker` said in threads of lines "Name: text"; a line without a name goes on with the last."""
    kept: list[str] = []
    for thread in threads:
        theirs = True
        for line in thread.splitlines():
            spoken = _SPOKEN.fullmatch(line)
            if spoken:
                theirs = not asker or spoken["name"].strip() != asker.strip()
            if theirs:
                kept.append(spoken["rest"] if spoken else line)
    return "\n".join(kept)


async def _unseen(reply: Reply) -> None:
    """A model's label is no answer yet."""
