"""Make one prompt of a template, knowledge, memory and a question, within a budget of tokens.

The template's own text is never cut and comes first; a site's description has at most 10 % of the whole.
What is left is shared out: 50 % to knowledge, 25 % to memory, 25 % to the question, and what one of them does
not use, the others get. Within memory: 60 % to turns, 25 % to the summary, 15 % to facts. Nothing is cut in
mid-sentence, a table only between rows and code only between lines; turns stay whole. A question that is too
long is shortened in its middle, visibly, and never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.config import Memory as MemoryConfig
from bot.config import PromptsConfig, Site
from bot.errors import TemplateError
from bot.events import Passage, Prompt, Sampling, Turn
from prompts import fences
from prompts.budget import share
from prompts.cut import fit, shorten
from prompts.memory import Remembered, newest
from prompts.names import language_name
from prompts.template import Template
from prompts.tokens import MESSAGE_TOKENS

SHARES = {"knowledge": 50, "memory": 25, "question": 25}
MEMORY_SHARES = {"turns": 60, "summary": 25, "facts": 15}
DESCRIPTION_SHARE = 10
"""In percent."""
PRIMING_TOKENS = 3
"""What the beginning of the answer costs in a chat format."""
LEAST_QUESTION = 50
"""Tokens that a template has to leave for the question."""
_LEAST_SUMMARY = 24

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A prompt that is ready to be sent. `shortened`: the question was too long and is marked where it was cut."""

    prompt: Prompt
    sampling: Sampling
    shortened: bool


def compose(
    *,
    template: Template,
    question: str,
    language: str,
    passages: Sequence[Passage],
    remembered: Remembered,
    site: Site,
    config: PromptsConfig,
    memory: MemoryConfig,
    count: Count,
    now: float,
    values: Mapping[str, str] = MappingProxyType({}),
) -> Composed:
    """The prompt that asks `question` in at most `config.context_tokens`, as `cost` counts them.

    `Prompt.passages` holds the passages that found room, in their order, as far as the model sees them, so that
    [n] means passages[n - 1]. `values` are for variables that the template has beside the usual ones. Raises
    `TemplateError` when the template alone leaves no room for a question, or wants a value that nobody supplies.
    """
    work = _Work(template, question, language, passages, remembered, site, config, memory, count, now, values)
    room = config.context_tokens - work.fixed()
    if room < LEAST_QUESTION:
        raise TemplateError(
            f"{template.source}: the template's own text leaves no room for a question within "
            f"prompts.context_tokens = {config.context_tokens}: make it shorter, or that number larger"
        )
    while True:
        prompt, shortened = work.attempt(room)
        # A tokenizer may count the whole higher than its parts; then everybody gets a little less.
        over = cost(prompt, count) - config.context_tokens
        if over <= 0 or room <= 1:
            return Composed(prompt=prompt, sampling=_sampling(template, config), shortened=shortened)
        room = max(1, room - over, room // 2)


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """`prompt` as chat messages: the system text, then turns that alternate, as chat templates demand."""
    said = [(turn.role, turn.text) for turn in prompt.turns]
    system = "\n\n".join(text for text in (prompt.system, *(text for role, text in said if role == "system")) if text)
    result = [{"role": "system", "content": system}] if system else []
    for role, text in said:
        if role == "system":
            continue
        if result and result[-1]["role"] == role:
            result[-1]["content"] += f"\n\n{text}"
        else:
            result.append({"role": role, "content": text})
    return result


def cost(prompt: Prompt, count: Count) -> int:
    """The tokens of the whole prompt in chat form."""
    return PRIMING_TOKENS + sum(MESSAGE_TOKENS + count(message["content"]) for message in messages(prompt))


def _sampling(template: Template, config: PromptsConfig) -> Sampling:
    own = template.sampling
    return replace(
        own,
        temperature=own.temperature if config.temperature is None else config.temperature,
        max_tokens=own.max_tokens if config.max_tokens is None else config.max_tokens,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What `compose` was given, and the steps of its way."""

    template: Template
    question: str
    language: str
    passages: Sequence[Passage]
    remembered: Remembered
    site: Site
    config: PromptsConfig
    memory: MemoryConfig
    count: Count
    now: float
    values: Mapping[str, str]

    def fixed(self) -> int:
        """The tokens of everything that is always there: the template with its headings, and the frames."""
        held = self.remembered
        system = self.system(
            knowledge="." if self.passages else "", summary="." if held.summary else "", facts="." if held.facts else ""
        )
        return self.count(system) + 2 * MESSAGE_TOKENS + PRIMING_TOKENS

    def system(self, **blocks: str) -> str:
        supplied: Mapping[str, Any] = {
            "site_name": self.site.name,
            "site_description": fit(
                self.site.description, self.config.context_tokens * DESCRIPTION_SHARE // 100, self.count
            ),
            "contact": self.site.contact,
            "language": self.language,
            "language_name": language_name(self.language, self.template.language),
            "today": datetime.fromtimestamp(self.now, UTC).date().isoformat(),
            **self.values,
            **blocks,
        }
        return self.template.render(**{key: supplied[key] for key in supplied if key in self.template.variables})

    def attempt(self, room: int) -> tuple[Prompt, bool]:
        """The prompt when everything but the fixed part gets `room` tokens, and whether the question was shortened."""
        ending = fences.suffix(self._contents())
        grants = share(room, self._needs(ending), SHARES)
        question, shortened = shorten(self.question, max(1, grants["question"]), self.count)
        left = room - self.count(question)
        turns, summary, facts = self._recollect(min(left, grants["memory"]), ending)
        left -= sum(map(self._turn_cost, turns)) + self.count(summary) + self.count(facts)
        kept = self._passages(left, ending)
        knowledge = "\n\n".join(fences.numbered(index, it, ending) for index, it in enumerate(kept, 1))
        asked = Turn(role="user", text=question, language=self.language, at=self.now)
        system = self.system(knowledge=knowledge, summary=summary, facts=facts)
        return Prompt(system=system, passages=kept, turns=(*turns, asked)), shortened

    def _contents(self) -> list[str]:
        """Everything that others wrote."""
        held = self.remembered
        texts = [self.question, held.summary, *held.facts, *(turn.text for turn in held.turns)]
        for passage in self.passages:
            texts += [passage.text, passage.title, *passage.heading]
        return texts

    def _needs(self, ending: str) -> dict[str, int]:
        return {
            "knowledge": sum(self._passage_cost(it, ending) for it in self.passages) if self._takes("knowledge") else 0,
            "memory": sum(self._memory_needs(ending).values()),
            "question": min(self.count(self.question), self.config.question_tokens),
        }

    def _memory_needs(self, ending: str) -> dict[str, int]:
        held = self.remembered
        turns = sum(map(self._turn_cost, held.turns))
        summary = self.count(fences.fenced("summary", held.summary, ending)) if held.summary else 0
        facts = self.count(fences.fenced("facts", _listed(held.facts), ending)) if held.facts else 0
        return {
            "turns": min(turns, self.memory.window_tokens),
            "summary": min(summary, self.memory.summary_tokens) if self._takes("summary") else 0,
            "facts": facts if self._takes("facts") else 0,
        }

    def _takes(self, name: str) -> bool:
        return name in self.template.variables

    def _recollect(self, tokens: int, ending: str) -> tuple[tuple[Turn, ...], str, str]:
        """What of the memory finds room: turns, the summary's block and the facts' block."""
        grants = share(tokens, self._memory_needs(ending), MEMORY_SHARES)
        turns = tuple(newest(self.remembered.turns, grants["turns"], self._turn_cost))
        return turns, self._summary(grants["summary"], ending), self._facts(grants["facts"], ending)

    def _summary(self, tokens: int, ending: str) -> str:
        room = tokens - self.count(fences.fenced("summary", "", ending))
        if room < min(_LEAST_SUMMARY, self.count(self.remembered.summary)):
            return ""
        text, _ = shorten(self.remembered.summary, room, self.count)
        return fences.fenced("summary", text, ending)

    def _facts(self, tokens: int, ending: str) -> str:
        for oldest in range(len(self.remembered.facts)):
            block = fences.fenced("facts", _listed(self.remembered.facts[oldest:]), ending)
            if self.count(block) <= tokens:
                return block
        return ""

    def _passages(self, tokens: int, ending: str) -> tuple[Passage, ...]:
        kept: list[Passage] = []
        for passage in self.passages if self._takes("knowledge") else ():
            frame = self._passage_cost(replace(passage, text=""), ending)
            text = fit(passage.text, tokens - frame, self.count)
            if text.strip():
                kept.append(replace(passage, text=text))
                tokens -= self._passage_cost(kept[-1], ending)
        return tuple(kept)

    def _passage_cost(self, passage: Passage, ending: str) -> int:
        return self.count(f"\n\n{fences.numbered(len(self.passages), passage, ending)}")

    def _turn_cost(self, turn: Turn) -> int:
        return self.count(turn.text) + MESSAGE_TOKENS


def _listed(facts: Sequence[str]) -> str:
    return "\n".join(f"- {fact}" for fact in facts)
