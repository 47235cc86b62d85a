"""Text that is written on: `POST /v1/completions`, what it asks for and what it is answered with. Pure.

https://platform.openai.com/docs/api-reference/completions: older than chats, and what load tools and evaluations use.
A prompt is text or the ids of its tokens; several prompts are answered in one request, each `n` times.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.openai import words
from adapters.openai.chat import Asked, form_names, read_model, read_streaming, read_user
from adapters.openai.fields import Fields
from adapters.openai.generator import Delta, Prompt, TokenLogprob, Usage
from adapters.openai.problem import Problem, missing, unsupported, wrong_type, wrong_value
from adapters.openai.sampling import only_form, read_guided, read_length, read_response_format, read_sampling
from adapters.openai.words import DONE, FINGERPRINT, encoded, event, ident, quoted
from bot.config import ApiConfig

MOST_LOGPROBS = 5
_NEUTRAL: Mapping[str, Collection[object]] = {"suffix": ("",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest(Asked):
    prompts: Sequence[Prompt]
    echo: bool = False


def read_completion(body: Mapping[str, object], config: ApiConfig, model: str) -> CompletionRequest:
    """Raises `Problem`."""
    fields = Fields(body)
    read_model(fields, model)
    prompts = _prompts(fields, config.limits.prompts)
    form = only_form(read_response_format(fields), read_guided(fields))
    max_tokens, length = read_length(fields, config, "max_tokens")
    logprobs = fields.integer("logprobs", 0, MOST_LOGPROBS)
    sampling = read_sampling(fields, config, max_tokens=max_tokens, form=form, logprobs=logprobs)
    stream, include_usage = read_streaming(fields)
    echo = fields.flag("echo")
    if echo and (logprobs is not None or not all(isinstance(prompt, str) for prompt in prompts)):
        raise unsupported("echo", "It is only for prompts of text, without `logprobs`.")
    user = read_user(fields)
    fields.refuse({**_NEUTRAL, "best_of": (sampling.n,)}, {"best_of": "Use `n`."})
    fields.done()
    return CompletionRequest(
        prompts=prompts,
        echo=echo,
        sampling=sampling,
        user=user,
        stream=stream,
        include_usage=include_usage,
        names=form_names(form.param) | {"max_tokens": length, "messages": "prompt", "top_logprobs": "logprobs"},
    )


def _prompts(fields: Fields, most: int) -> list[Prompt]:
    given = fields.take("prompt")
    if given is None or given == []:
        raise missing("prompt")
    if isinstance(given, str) or (isinstance(given, list) and all(type(one) is int for one in given)):
        given = [given]
    if not isinstance(given, list):
        raise wrong_type("prompt", "text, token ids, or an array of such", given)
    if len(given) > most:
        raise wrong_value("prompt", f"may hold up to {most} prompts.")
    for number, one in enumerate(given):
        tokens = isinstance(one, list) and one and all(type(token) is int and 0 <= token < 2**31 for token in one)
        if not (isinstance(one, str) or tokens):
            raise wrong_type(f"prompt[{number}]", "text, or token ids of which there is at least one", one)
    return given


class CompletionStream:
    """Deltas into server-sent events. `delta.index` counts over all prompts: prompt times n plus answer."""

    def __init__(self, request: CompletionRequest, model: str, created: int) -> None:
        self._include_usage = request.include_usage
        self._shared = {
            "id": ident("cmpl-"),
            "object": "text_completion",
            "created": created,
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }
        self._head = b"data: " + encoded(self._shared)[:-1] + b',"choices":[{"index":'
        usage = b',"usage":null' if self._include_usage else b""
        self._tail = b',"logprobs":null,"finish_reason":null}]' + usage + b"}\n\n"
        self._starts = _starts(request)
        self._offsets = [len(start) for start in self._starts]

    def feed(self, delta: Delta) -> bytes:
        start, self._starts[delta.index] = self._starts[delta.index], ""
        text = start + delta.text
        if not delta.logprobs and not delta.finish_reason:
            if not text:
                return b""
            return self._head + str(delta.index).encode() + b',"text":' + quoted(text) + self._tail
        known = _logprobs(delta.logprobs, self._offsets[delta.index]) if delta.logprobs else None
        self._offsets[delta.index] += sum(len(one.token) for one in delta.logprobs)
        choice = {"index": delta.index, "text": text, "logprobs": known, "finish_reason": delta.finish_reason or None}
        return event({**self._shared, "choices": [choice]} | ({"usage": None} if self._include_usage else {}))

    def end(self, usage: Usage) -> bytes:
        """After the last delta."""
        counted = {**self._shared, "choices": [], "usage": words.usage(usage)}
        return (event(counted) if self._include_usage else b"") + DONE

    def fail(self, problem: Problem) -> bytes:
        return words.failure(problem)


class CompletionDocument:
    """Deltas into one document."""

    def __init__(self, request: CompletionRequest, model: str, created: int) -> None:
        self._shared = {"created": created, "model": model, "system_fingerprint": FINGERPRINT}
        starts = _starts(request)
        self._texts = [[start] for start in starts]
        self._offsets = [len(start) for start in starts]
        self._logprobs: list[list[TokenLogprob]] = [[] for _ in starts]
        self._finish = ["stop" for _ in starts]
        self._wanted = request.sampling.logprobs

    def feed(self, delta: Delta) -> None:
        self._texts[delta.index].append(delta.text)
        self._logprobs[delta.index] += delta.logprobs
        self._finish[delta.index] = delta.finish_reason or self._finish[delta.index]

    def end(self, usage: Usage) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "text": "".join(text),
                "logprobs": _logprobs(self._logprobs[index], self._offsets[index]) if self._wanted else None,
                "finish_reason": self._finish[index],
            }
            for index, text in enumerate(self._texts)
        ]
        found = {"id": ident("cmpl-"), "object": "text_completion", **self._shared}
        return {**found, "choices": choices, "usage": words.usage(usage)}


def _starts(request: CompletionRequest) -> list[str]:
    """What each answer begins with: its prompt, where `echo` asks for it."""
    shown = [prompt if request.echo and isinstance(prompt, str) else "" for prompt in request.prompts]
    return [start for start in shown for _ in range(request.sampling.n)]


def _logprobs(found: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """The older form: parallel arrays; `offset` is how many characters came before."""
    offsets = []
    for one in found:
        offsets.append(offset)
        offset += len(one.token)
    return {
        "tokens": [one.token for one in found],
        "token_logprobs": [words.logprob(one) for one in found],
        "top_logprobs": [{other.token: words.logprob(other) for other in one.top} for one in found],
        "text_offset": offsets,
    }
