"""The engine for other programs, over OpenAI's API: chats, completions, responses, models.

    problem, fields   what goes wrong, and reading JSON that anybody may have sent: pure
    sampling, messages, tools, chat, completions, responses
                      what each address asks for: pure
    calls, json_text, choice
                      tool calls, found in the text while it streams: pure
    words, *_answer   what each address answers: pure
    generator         what has to stand behind: a protocol, which `bot/generator.py` makes of an engine
    secret, account, keys, meter
                      who asks, what a key may use, and what it used
    gate              what every request passes on its way in, and every answer on its way out
    endpoints, wire, answering
                      one request, from its body to its last byte
    adapter           the routes

It is an adapter, so that the desk starts, drains and closes it like a channel; but no visitor's message passes here:
what comes in is answered by the generator alone, without prompts, knowledge or memory.
"""

from __future__ import annotations

from adapters.base import Adapter, Context
from adapters.openai.generator import Generator


def make(context: Context, generator: Generator, model: str) -> Adapter:
    """The API over `generator`, known to clients as `model`. Raises `ConfigError` when it cannot be."""
    from adapters.openai.adapter import ApiAdapter

    return ApiAdapter(context, generator, model)
