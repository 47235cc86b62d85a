"""Messages to the text that a model was trained to answer, by the chat template that comes with its tokenizer."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from bot.engine.base import ChatMessage, EngineRefused

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TURN_ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<end_of_turn>",
    "<turn|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|return|>",
    "<|call|>",
)
"""How families of models end a turn. Not all name it in their configuration."""


_ROLES = re.compile(r"<[|｜].+[|｜]>|<(?:start|end)_of_turn>")
"""How tokens look with which templates separate roles. Not all models mark theirs as special."""

_TRIAL = "Answer in one word."


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a rendered prompt. In a `literal` one nothing is a special token, whatever it looks like."""

    text: str
    literal: bool = False


class ChatTemplate:
    """The template of `tokenizer`, or `template` instead where one is given; `model` is named in errors.

    What people write cannot end their turn and begin another's: text in a message that looks like a special token
    is read as text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: str = "", model: str = "") -> None:
        self._tokenizer = tokenizer
        self._given = template
        self._model = model or "this model"
        added = dict(tokenizer.added_tokens_decoder)
        specials = {token.content for token in added.values() if token.special}
        roles = {at: token.content for at, token in added.items() if _is_role(token.content) and not token.special}
        self.unmarked = frozenset(roles)
        """Tokens that separate roles but are not marked as special: a tokenizer always reads them as what they are."""
        covered = specials.union(roles.values())
        self._special = re.compile(_longest_of(covered) if covered else "(?!)")
        self._takes_system: dict[str, bool] = {}

    def source(self, *, tools: bool = False) -> str:
        """The template's own text, "" where there is none."""
        if self._given:
            return self._given
        named = self._tokenizer.chat_template
        if isinstance(named, dict):
            return str(named.get("tool_use" if tools and "tool_use" in named else "default", ""))
        return named or ""

    def end_tokens(self) -> frozenset[int]:
        """The tokens that end a turn in this template."""
        source, added = self.source(), self._tokenizer.get_added_vocab()
        ends = [text for text in _TURN_ENDS if text in source and text in added]
        if "<|return|>" in ends:  # gpt-oss: there <|end|> only ends one of several messages of an answer
            ends = [text for text in ends if text != "<|end|>"]
        return frozenset(added[text] for text in ends)

    def render(self, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] = ()) -> list[Piece]:
        """The prompt for the assistant's next turn, special tokens such as the first one included.

        A template that takes no system message, or leaves it out, gets the system's text before the first user's.

        Raises:
            EngineRefused: `messages` or `tools` are not what the template takes; it says what and where.
        """
        source = self.source(tools=bool(tools))
        if not source:
            raise EngineRefused(
                f"There is no chat template for {self._model}: set engine.local.chat_template, or take one "
                "made for chat. /v1/completions needs none.",
                field="messages",
            )
        if tools and "tools" not in source:
            raise EngineRefused(f"The chat template of {self._model} has no place for tools.", field="tools")
        checked = _checked(messages)
        shield = _Shield(self._special)
        shown, offered = shield.over(checked), shield.over(list(tools))
        return shield.taken_off(self._fill(source, shown, offered))

    def _fill(self, source: str, messages: list[dict[str, Any]], tools: list[Any]) -> str:
        if messages[0]["role"] == "system" and len(messages) > 1 and not self._system_reaches(source):
            messages = _folded(messages)
        return self._apply(source, messages, tools)

    def _system_reaches(self, source: str) -> bool:
        """Whether a system message is in what the template makes of it. Tried once, on a message of our own."""
        if source not in self._takes_system:
            trial = [{"role": "system", "content": _TRIAL}, {"role": "user", "content": "?"}]
            try:
                self._takes_system[source] = _TRIAL in self._apply(source, trial, [])
            except EngineRefused:
                self._takes_system[source] = False
        return self._takes_system[source]

    def _apply(self, source: str, messages: list[dict[str, Any]], tools: list[Any]) -> str:
        try:
            text = self._tokenizer.apply_chat_template(
                messages,
                tools=tools or None,
                chat_template=source,
                add_generation_prompt=True,
                tokenize=False,
            )
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            said = str(error).strip() or type(error).__name__
            raise EngineRefused(
                f"The chat template of {self._model} does not take these messages: {said}", field="messages"
            ) from error
        return str(text)


def _is_role(token: str) -> bool:
    return token in _TURN_ENDS or _ROLES.fullmatch(token) is not None


def _folded(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the system message, whose text goes before that of the first user message."""
    system, *rest = messages
    at = next((at for at, message in enumerate(rest) if message["role"] == "user"), None)
    if at is None:
        return messages
    rest[at] = {**rest[at], "content": f"{system['content']}\n\n{rest[at]['content']}"}
    return rest


def _checked(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    if not messages:
        raise EngineRefused("There are no messages: send at least one.", field="messages")
    return [_checked_message(message, f"messages[{at}]") for at, message in enumerate(messages)]


def _checked_message(message: ChatMessage, where: str) -> dict[str, Any]:
    """Templates want text, so content that is missing beside calls of tools becomes "", and arguments as an object."""
    checked: dict[str, Any] = dict(message)
    role, content, calls = checked.get("role"), checked.get("content"), checked.get("tool_calls")
    if not isinstance(role, str) or not role:
        raise EngineRefused(f"{where}.role must be a name such as user, not {role!r:.80}.", field="messages")
    if content is None and calls:
        checked["content"] = ""
    elif not isinstance(content, str):
        raise EngineRefused(f"{where}.content must be text, not {type(content).__name__}.", field="messages")
    if calls:
        checked["tool_calls"] = [_checked_call(call, f"{where}.tool_calls[{at}]") for at, call in enumerate(calls)]
    return checked


def _checked_call(call: Mapping[str, Any], where: str) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise EngineRefused(f"{where} must have a function with a name.", field="messages")
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            raise EngineRefused(f"{where}.function.arguments is not JSON: {error}.", field="messages") from error
    return {**call, "function": {**function, "arguments": arguments}}


@dataclass(slots=True)
class _Shield:
    """Stands in, while a template is filled, for text that looks like a special token."""

    special: re.Pattern[str]
    covered: list[str] = field(default_factory=list)
    mark: str = field(default_factory=lambda: f"shield{secrets.token_hex(8)}n")

    def over(self, value: Any) -> Any:
        """`value` with every such text in its strings replaced by a mark that no template changes."""
        if isinstance(value, str):
            return self.special.sub(self._cover, value)
        if isinstance(value, Mapping):
            return {self.over(key): self.over(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.over(item) for item in value]
        return value

    def _cover(self, found: re.Match[str]) -> str:
        self.covered.append(found[0])
        return f"{self.mark}{len(self.covered) - 1}x"

    def taken_off(self, text: str) -> list[Piece]:
        """`text` in pieces, with what was covered in literal ones."""
        if not self.covered:
            return [Piece(text)]
        parts = re.split(f"{self.mark}([0-9]+)x", text)
        pieces = [Piece(self.covered[int(p)], literal=True) if at % 2 else Piece(p) for at, p in enumerate(parts)]
        return [piece for piece in pieces if piece.text]


def _longest_of(words: Collection[str]) -> str:
    """A pattern for the longest of `words` at a place; thousands of them cost little, for beginnings are shared."""
    rests: dict[str, set[str]] = {}
    for word in words:
        if word:
            rests.setdefault(word[0], set()).add(word[1:])
    if not rests:
        return ""
    branches = [re.escape(first) + _longest_of(rest) for first, rest in sorted(rests.items())]
    if len(branches) == 1 and "" not in words:
        return branches[0]
    return f"(?:{'|'.join(branches)}){'?' if '' in words else ''}"
