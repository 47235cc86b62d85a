"""What a chat asks for: `POST /v1/chat/completions`. Pure.

https://platform.openai.com/docs/api-reference/chat/create: every field of it is known. What is not done here is
refused by name, unless it has the value with which it changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from adapters.openai.fields import Fields
from adapters.openai.generator import ChatMessage
from adapters.openai.messages import read_messages
from adapters.openai.problem import no_model, unsupported, wrong_type, wrong_value
from adapters.openai.sampling import only_form, read_guided, read_length, read_response_format, read_sampling
from adapters.openai.tools import Tools, read_tools
from bot.config import ApiConfig
from bot.events import Sampling

MOST_LOGPROBS = 20

_NEUTRAL: Mapping[str, Collection[object]] = {
    "audio": (),
    "metadata": ({},),
    "modalities": (["text"],),
    "moderation": (),
    "prediction": (),
    "prompt_cache_options": (),
    "prompt_cache_retention": ("in_memory",),
    "reasoning_effort": ("none",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all addresses have in common. `names` gives the client's names for what the engine may refuse."""

    sampling: Sampling
    user: str
    stream: bool = False
    include_usage: bool = False
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest(Asked):
    messages: Sequence[ChatMessage]
    tools: Tools


def read_chat(body: Mapping[str, object], config: ApiConfig, model: str) -> ChatRequest:
    """Raises `Problem`."""
    fields = Fields(body)
    read_model(fields, model)
    messages = read_messages(fields)
    tools = read_tools(fields)
    shape = only_form(read_response_format(fields), read_guided(fields))
    if shape.param and tools.use == "auto" and tools.offered:
        raise unsupported(shape.param, 'Beside `tools` it is only with `tool_choice` "none".')
    form = only_form(shape, tools.form())
    max_tokens, length = read_length(fields, config, "max_completion_tokens", "max_tokens")
    sampling = read_sampling(
        fields, config, max_tokens=max_tokens, form=form, logprobs=_read_logprobs(fields)
    )  # fmt: skip
    stream, include_usage = read_streaming(fields)
    user = read_user(fields)
    fields.refuse(_NEUTRAL)
    fields.done()
    return ChatRequest(
        messages=messages,
        tools=tools,
        sampling=sampling,
        user=user,
        stream=stream,
        include_usage=include_usage,
        names=form_names(form.param) | {"max_tokens": length, "prompt": "messages"},
    )


def read_model(fields: Fields, model: str) -> None:
    """`model` must be the one that there is."""
    asked = fields.need("model")
    if not isinstance(asked, str):
        raise wrong_type("model", "a string", asked)
    if asked != model:
        raise no_model(asked, model)


def read_user(fields: Fields) -> str:
    """Who of the client's own users asks. A key for the prompt cache is not needed: every prefix is looked up."""
    names = [fields.text(name) for name in ("safety_identifier", "user")]
    fields.text("prompt_cache_key")
    return next((name for name in names if name), "")[:200]


def read_streaming(fields: Fields) -> tuple[bool, bool]:
    """(stream, with usage)"""
    stream = fields.flag("stream")
    options = fields.inner("stream_options")
    if options is None:
        return stream, False
    if not stream:
        raise wrong_value("stream_options", "is for answers with `stream` alone.")
    include = options.flag("include_usage")
    options.refuse({"include_obfuscation": (False,), "continuous_usage_stats": (False,)})
    options.done()
    return stream, include


def form_names(param: str) -> dict[str, str]:
    """What the engine calls the form of the text, under the name of the field that asked for it."""
    return dict.fromkeys(("json_schema", "regex", "choice", "grammar"), param) if param else {}


def _read_logprobs(fields: Fields) -> int | None:
    wanted = fields.flag("logprobs")
    top = fields.integer("top_logprobs", 0, MOST_LOGPROBS)
    if top and not wanted:
        raise wrong_value("top_logprobs", "needs `logprobs` to be true.")
    return (top or 0) if wanted else None
