"""What `POST /v1/responses` asks for: text in, text out. Pure.

https://platform.openai.com/docs/api-reference/responses/create. Nothing is kept here, so a conversation is sent whole
each time; tools and reasoning are refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.openai.chat import MOST_LOGPROBS, Asked, form_names, read_model, read_user
from adapters.openai.fields import Fields
from adapters.openai.generator import ChatMessage
from adapters.openai.messages import content
from adapters.openai.problem import missing, unsupported, wrong_type, wrong_value
from adapters.openai.sampling import Form, only_form, read_length, read_response_format
from bot.config import ApiConfig
from bot.events import Sampling

LOGPROBS = "message.output_text.logprobs"
_INSTEAD = {
    "previous_response_id": "Nothing is kept here: send the conversation in `input`.",
    "conversation": "Nothing is kept here: send the conversation in `input`.",
    "tools": "Tools are known at /v1/chat/completions.",
    "store": "Nothing is kept here.",
}
_NEUTRAL: Mapping[str, Collection[object]] = {
    "access_programs": (),
    "background": (False,),
    "background_options": (),
    "context_management": ([],),
    "conversation": (),
    "image": (),
    "max_tool_calls": (),
    "moderation": (),
    "parallel_tool_calls": (True, False),
    "previous_response_id": (),
    "prompt": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": ("in_memory",),
    "reasoning": ({}, {"effort": "none"}),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("auto", "none"),
    "tools": ([],),
    "truncation": ("disabled",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest(Asked):
    messages: Sequence[ChatMessage]
    shown: Mapping[str, Any]
    """What the answer repeats of the request."""


def read_response(body: Mapping[str, object], config: ApiConfig, model: str) -> ResponseRequest:
    """Raises `Problem`."""
    fields = Fields(body)
    read_model(fields, model)
    instructions = fields.text("instructions")
    messages = ([{"role": "system", "content": instructions}] if instructions else []) + _input(fields)
    form, text = _form(fields)
    limit = fields.take("max_output_tokens")
    max_tokens, _ = read_length(Fields({"max_output_tokens": limit}), config, "max_output_tokens")
    logprobs = _logprobs(fields)
    sampling = Sampling(
        temperature=fields.number("temperature", 1.0, 0, 2),
        top_p=fields.number("top_p", 1.0, 0, 1),
        max_tokens=max_tokens,
        logprobs=logprobs is not None,
        top_logprobs=logprobs or 0,
        json_schema=form.json_schema,
    )
    shown = {
        "instructions": instructions or None,
        "max_output_tokens": limit,
        "metadata": _metadata(fields),
        "temperature": sampling.temperature,
        "text": {"format": text},
        "top_logprobs": logprobs or 0,
        "top_p": sampling.top_p,
    }
    stream = _streaming(fields)
    user = read_user(fields)
    fields.refuse(_NEUTRAL, _INSTEAD)
    fields.done()
    names = form_names(form.param) | {"max_tokens": "max_output_tokens", "messages": "input", "prompt": "input"}
    return ResponseRequest(messages=messages, sampling=sampling, user=user, stream=stream, names=names, shown=shown)


def _input(fields: Fields) -> list[ChatMessage]:
    given = fields.take("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if given is None or given == []:
        raise missing("input")
    if not isinstance(given, list):
        raise wrong_type("input", "text, or an array of messages", given)
    return [_message(one) for one in Fields({"input": given}).objects("input")]


def _message(given: Fields) -> ChatMessage:
    """A message, as it was written or as an earlier answer had it."""
    if given.text("type", "message") != "message":
        raise unsupported(given.name("type"), "Only messages of text are read.")
    role = given.choice("role", "", ("system", "developer", "user", "assistant"))
    text = content(given, needed=True)
    for left_over in ("id", "status", "phase"):
        given.text(left_over)
    given.done()
    return {"role": "system" if role == "developer" else role, "content": text}


def _form(fields: Fields) -> tuple[Form, Mapping[str, Any]]:
    """The form that is bound, and how the request wrote it."""
    given = fields.mapping("text")
    if given is None:
        return Form(), {"type": "text"}
    inner = Fields(given, "text")
    form = only_form(read_response_format(inner, "format", nested=False))
    inner.refuse({"verbosity": ("medium",)})
    inner.done()
    return form, given.get("format") or {"type": "text"}


def _logprobs(fields: Fields) -> int | None:
    include, top = fields.array("include"), fields.integer("top_logprobs", 0, MOST_LOGPROBS)
    for number, one in enumerate(include):
        if one != LOGPROBS:
            raise unsupported(f"include[{number}]", f'Only "{LOGPROBS}" is.')
    if top and not include:
        raise wrong_value("top_logprobs", f'needs `include` to have "{LOGPROBS}".')
    return (top or 0) if include else None


def _metadata(fields: Fields) -> Mapping[str, str]:
    given = fields.mapping("metadata") or {}
    if len(given) > 16 or not all(isinstance(value, str) and len(value) <= 512 for value in given.values()):
        raise wrong_value("metadata", "may hold up to 16 texts of up to 512 characters.")
    return given


def _streaming(fields: Fields) -> bool:
    options = fields.inner("stream_options")
    if options is not None:
        options.refuse({"include_obfuscation": (False,)})
        options.done()
    return fields.flag("stream")
