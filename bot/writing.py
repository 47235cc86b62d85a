"""A model writes with a template: the prompt is composed within its budget, and what comes is shown as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from bot.answer.guard import Guard, hosts_of
from bot.answer.live import Live
from bot.config import Config, PromptsConfig
from bot.draft import Draft, aside, owner
from bot.engine.base import ChatMessage, Engine, Usage
from bot.events import Citation, Passage
from bot.explaining import chosen
from bot.explanation import Asked
from bot.question import Question
from prompts.compose import Composed, compose, messages
from prompts.memory import Remembered
from prompts.template import Library, Template
from prompts.tokens import MESSAGE_TOKENS, estimate_tokens

_ECHO_TOKENS = 10_000_000
_CHARACTERS_A_TOKEN = 16
"""More than any text has: what is longer than its tokens allow comes from a server that does not keep to them."""


class Writer:
    """An engine behind the templates."""

    def __init__(self, config: Config, engine: Engine, *, library: Library, count: Callable[[str], int]) -> None:
        self._config, self._engine, self._library, self._count = config, engine, library, count

    def template(self, name: str, language: str) -> Template:
        """Raises `TemplateError`."""
        return self._library.get(name, language)

    async def write(
        self,
        name: str,
        question: Question,
        passages: tuple[Passage, ...],
        draft: Draft,
        *,
        values: Mapping[str, str] | None = None,
        budget: PromptsConfig | None = None,
        checked: bool = False,
    ) -> Composed:
        """Write into `draft` what template `name` makes of `question`; the passages in the prompt are its sources.

        `values` are the template's own variables; `budget` takes the place of the configured one. `checked`: what is
        written will be held against its sources. Raises what the engine raises, and `TemplateError`.
        """

        def composing() -> Composed:
            return compose(
                template=self.template(name, question.language),
                question=question.text,
                language=question.language,
                passages=passages,
                remembered=question.remembered,
                site=self._config.site,
                config=budget or self._config.prompts,
                memory=self._config.memory,
                count=self._count,
                now=time.time(),
                values=values or {},
            )

        with draft.how.stage("prompt"):
            composed = await aside(len(question.text) + sum(len(passage.text) for passage in passages), composing)
        draft.sources = tuple(
            Citation(number=number, title=passage.title, location=passage.location, url=passage.url)
            for number, passage in enumerate(composed.prompt.passages, 1)
        )
        with draft.how.stage("writing"):
            guard = self._guard(composed, question.remembered, values or {})
            await self._stream(name, composed, draft, guard, Live(composed.prompt.passages) if checked else None)
        return composed

    def _guard(self, composed: Composed, remembered: Remembered, values: Mapping[str, str]) -> Guard | None:
        """What stands between a model and whoever reads it; an echo only says what people wrote."""
        if not self._config.engine.models:
            return None
        prompt, site = composed.prompt, self._config.site
        told = [turn.text for turn in prompt.turns if turn.role != "system"]
        found = [text for one in prompt.passages for text in (one.title, *one.heading, one.text, one.url, one.location)]
        hosts = hosts_of([self._config.server.public_url, *(passage.url for passage in prompt.passages)])
        known = [remembered.summary, *remembered.facts, site.name, site.description, site.contact]
        material = [*told, *found, *known, *values.values()]
        return Guard(prompt.system, material, hosts | set(self._config.web.link_hosts))

    async def _stream(
        self, name: str, composed: Composed, draft: Draft, guard: Guard | None, live: Live | None
    ) -> None:
        asked = [ChatMessage(role=part["role"], content=part["content"]) for part in messages(composed.prompt)]
        sampling = composed.sampling
        if self._config.engine.kind == "echo" and self._config.prompts.max_tokens is None:
            sampling = replace(sampling, max_tokens=_ECHO_TOKENS)  # a template's limit is meant for models
        draft.how.asked = Asked(
            template=name,
            messages=tuple((message["role"], message["content"]) for message in asked),
            sampling=chosen(sampling),
            shortened=composed.shortened,
        )
        usage: Usage | None = None
        most, came = sampling.max_tokens * _CHARACTERS_A_TOKEN, 0
        try:
            async with aclosing(self._engine.stream(asked, sampling, owner=owner(draft.message))) as stream:
                async for delta in stream:
                    if piece := delta.text[: most - came]:
                        text = guard.add(piece) if guard else draft.text + piece
                        await draft.show(live.of(text) if live else text)
                    draft.reason = delta.finish_reason or draft.reason
                    usage = delta.usage or usage
                    came += len(piece)
                    if came == most:
                        draft.reason = "length"
                        break
        finally:  # what does not come to its end is not checked later
            written = guard.end() if guard else draft.text
            draft.text = live.of(written) if live else written
        draft.text = written
        draft.how.asked = _counted(draft.how.asked, usage, draft.text)


def _counted(asked: Asked, usage: Usage | None, answer: str) -> Asked:
    """With the tokens that the engine counted, or else as many as they may have been."""
    if usage is None:
        prompt = sum(estimate_tokens(content) + MESSAGE_TOKENS for _, content in asked.messages)
        return replace(asked, prompt_tokens=prompt, answer_tokens=estimate_tokens(answer), estimated=True)
    return replace(
        asked,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        answer_tokens=usage.completion_tokens,
    )
