"""The conversation that a request brings, as chat templates take it. Pure.

Only text is read: a part with an image, sound or a file is refused by name. "developer" is OpenAI's newer word for
"system", and templates know the older one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.openai.fields import Fields, parse_object
from adapters.openai.generator import ChatMessage
from adapters.openai.problem import Problem, missing, unsupported, wrong_type, wrong_value

ROLES = ("system", "developer", "user", "assistant", "tool")
_TEXT_PARTS = ("text", "input_text", "output_text")


def read_messages(fields: Fields) -> list[ChatMessage]:
    """`messages` of a chat, at least one."""
    called: set[str] = set()
    messages = [_message(one, called) for one in fields.objects("messages")]
    if not messages:
        raise missing(fields.name("messages"))
    return messages


def _message(given: Fields, called: set[str]) -> ChatMessage:
    role = given.choice("role", "", ROLES)
    message: dict[str, Any] = {"role": "system" if role == "developer" else role}
    message |= _READERS.get(role, _said)(given, called)
    given.done()
    return message


def _said(given: Fields, _: set[str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {"content": content(given, needed=True)}
    if name := given.text("name"):
        found["name"] = name
    return found


def _answered(given: Fields, called: set[str]) -> Mapping[str, Any]:
    """What the assistant said: our own answers, sent back as they were, are understood."""
    given.refuse({"audio": (), "function_call": (), "annotations": ([],)})
    calls = [_call(one, called) for one in given.objects("tool_calls")]
    refusal = given.text("refusal")
    found: dict[str, Any] = {"content": content(given, needed=not (calls or refusal)) or refusal}
    if name := given.text("name"):
        found["name"] = name
    return found | ({"tool_calls": calls} if calls else {})


def _call(given: Fields, called: set[str]) -> Mapping[str, Any]:
    given.choice("type", "function", ("function",))
    ident = given.text("id")
    given.take("index")  # clients that put streamed calls together leave it in
    function = given.inner("function")
    if function is None:
        raise missing(given.name("function"))
    name, arguments = function.need("name"), function.text("arguments")
    if not isinstance(name, str):
        raise wrong_type(function.name("name"), "a string", name)
    function.done()
    given.done()
    called.add(ident)
    param = function.name("arguments")
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": _arguments(arguments, param)}}


def _arguments(text: str, param: str) -> Mapping[str, Any]:
    if not text.strip():
        return {}
    try:
        return parse_object(text.encode())
    except Problem:
        raise wrong_value(param, "must be a JSON object, as text.") from None


def _returned(given: Fields, called: set[str]) -> Mapping[str, Any]:
    """What a tool gave back."""
    ident = given.text("tool_call_id")
    if not ident:
        raise missing(given.name("tool_call_id"))
    if ident not in called:
        raise wrong_value(given.name("tool_call_id"), "answers no call of a message before it.")
    found: dict[str, Any] = {"content": content(given, needed=True), "tool_call_id": ident}
    if name := given.text("name"):
        found["name"] = name
    return found


_READERS: Mapping[str, Callable[[Fields, set[str]], Mapping[str, Any]]] = {"assistant": _answered, "tool": _returned}


def content(given: Fields, *, needed: bool) -> str:
    """Text, or parts of it, which are joined by line breaks."""
    value = given.take("content")
    if value is None:
        if needed:
            raise missing(given.name("content"))
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise wrong_type(given.name("content"), "a string or an array of parts", value)
    return "\n".join(_part(part, f"{given.name('content')}[{at}]") for at, part in enumerate(value))


def _part(part: object, at: str) -> str:
    if not isinstance(part, dict):
        raise wrong_type(at, "an object", part)
    fields = Fields(part, at)
    kind = fields.text("type")
    if kind == "refusal":
        text = fields.need("refusal")
    elif kind in _TEXT_PARTS:
        text = fields.need("text")
    else:
        raise unsupported(fields.name("type"), "Only text is read: leave out images, sound and files.")
    if not isinstance(text, str):
        raise wrong_type(fields.name("text"), "a string", text)
    fields.refuse({"annotations": ([],), "logprobs": ([],)})
    fields.done()
    return text
