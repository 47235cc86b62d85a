"""The head of a template file: YAML between two lines of `---`, read strictly.

---
name: answer
description: Answers from knowledge.
languages: [en]
variables:
  site_name: Who the bot speaks for.             # must be given
  tone: {description: How it sounds., default: friendly}
sampling: {temperature: 0.2, max_tokens: 400}
---
The text begins here.
"""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import yaml

from bot.errors import TemplateError
from bot.events import Sampling

Value = str | int | float | bool | list[Any]
"""What a variable may hold: text, a number, yes or no, or a list of these."""

FILE_CHARACTERS = 100_000
_KEYS = ("name", "description", "languages", "variables", "sampling")
_HEAD = re.compile(r"---[ \t]*\n(?P<yaml>.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_RESERVED = {"loop", "self", "super", "caller", "varargs", "kwargs", "true", "false", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What a template wants to be told. `default` is None when the value is required."""

    description: str = ""
    default: Value | None = None

    @property
    def required(self) -> bool:
        return self.default is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A template's front matter; what the file does not say is empty."""

    name: str = ""
    description: str = ""
    languages: tuple[str, ...] = ()
    variables: Mapping[str, Variable] = field(default_factory=dict)
    sampling: Mapping[str, Any] = field(default_factory=dict)


def read(text: str) -> tuple[Head | None, str]:
    """The head of a file (None when it has none) and its body, which keeps its line numbers.

    Raises `TemplateError` with a sentence that does not name the file.
    """
    if len(text) > FILE_CHARACTERS:
        raise TemplateError(f"the file has more than {FILE_CHARACTERS} characters: a prompt is shorter than that")
    found = _HEAD.match(text)
    if not found:
        if re.match(r"---[ \t]*\n", text):
            raise TemplateError("the front matter has no end: close it with a line of ---")
        return None, text
    return _head(_yaml(found["yaml"])), "\n" * found[0].count("\n") + text[found.end() :]


def near(wrong: str, known: Iterable[str]) -> str:
    """ ", did you mean …" for the nearest of `known`, or what there is when none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=3, cutoff=0.6)
    if close:
        return f": did you mean {' or '.join(close)}?"
    return f": there is {', '.join(names)}" if names else ": there is none"


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, of which YAML would silently drop the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise TemplateError(f"the front matter has the key {str(twice)!r} twice: keep one of them")
        return super().construct_mapping(node, deep)


def _yaml(text: str) -> dict[str, Any]:
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 2}" if error.problem_mark else ""
        raise TemplateError(f"the front matter is not YAML{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise TemplateError(f"the front matter is not YAML: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise TemplateError("the front matter is not a mapping: write it as lines of `key: value`")
    for key in tree:
        if key not in _KEYS:
            raise TemplateError(f"the front matter has an unknown key {str(key)!r}{near(str(key), _KEYS)}")
    return tree


def _head(tree: Mapping[str, Any]) -> Head:
    return Head(
        name=_text(tree, "name"),
        description=_text(tree, "description"),
        languages=_languages(tree.get("languages")),
        variables=_variables(tree.get("variables")),
        sampling=sampling(tree.get("sampling")),
    )


def _text(tree: Mapping[str, Any], key: str) -> str:
    value = tree.get(key, "")
    if not isinstance(value, str):
        raise TemplateError(f"{key!r} in the front matter must be text")
    return value.strip()


def _languages(value: Any) -> tuple[str, ...]:
    languages = [value] if isinstance(value, str) else value or []
    if not isinstance(languages, list) or not all(
        isinstance(code, str) and re.fullmatch("[a-z]{2,3}", code) for code in languages
    ):
        raise TemplateError("'languages' in the front matter must be codes of two letters, such as [en, zh]")
    return tuple(languages)


def _variables(tree: Any) -> dict[str, Variable]:
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise TemplateError("'variables' in the front matter must be lines of `name: description`")
    for name in tree:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name in _RESERVED:
            raise TemplateError(f"a variable cannot be called {str(name)!r}: use letters, digits and _")
    return {name: _variable(name, value) for name, value in tree.items()}


def _variable(name: str, value: Any) -> Variable:
    if value is None or isinstance(value, str):
        return Variable(description=value or "")
    if not isinstance(value, dict):
        raise TemplateError(f"variable {name!r} must have a description, or {{description: …, default: …}}")
    known = ("description", "default")
    for key in value:
        if key not in known:
            raise TemplateError(f"variable {name!r} has an unknown key {str(key)!r}{near(str(key), known)}")
    default = value.get("default")
    if "default" in value and default is None:
        default = ""
    if default is not None and not isinstance(default, str | int | float | bool | list):
        raise TemplateError(f"the default of variable {name!r} must be text, a number, true, false or a list")
    return Variable(description=_text(value, "description"), default=default)


def _between(low: float, high: float) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: _number(value) and low <= value <= high, f"a number from {low:g} to {high:g}")


def _whole(low: int, high: int) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: type(value) is int and low <= value <= high, f"a whole number from {low} to {high}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SAMPLING: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "temperature": _between(0, 2),
    "top_p": (lambda value: _number(value) and 0 < value <= 1, "a number above 0 and up to 1"),
    "top_k": _whole(0, 1_000_000),
    "min_p": _between(0, 1),
    "max_tokens": _whole(1, 1_000_000),
    "stop": (
        lambda value: isinstance(value, list) and len(value) <= 16 and all(isinstance(it, str) and it for it in value),
        "a list of at most 16 texts",
    ),
    "seed": (lambda value: value is None or type(value) is int, "a whole number"),
    "frequency_penalty": _between(-2, 2),
    "presence_penalty": _between(-2, 2),
    "repetition_penalty": (lambda value: _number(value) and 0 < value <= 2, "a number above 0 and up to 2"),
    "n": _whole(1, 16),
}
_FIELDS = tuple(one.name for one in fields(Sampling))


def sampling(tree: Any) -> dict[str, Any]:
    """Settings for `bot.events.Sampling`, checked field by field. Raises `TemplateError`."""
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise TemplateError("'sampling' in the front matter must be lines of `field: value`")
    for name, value in tree.items():
        if name not in _FIELDS:
            raise TemplateError(f"'sampling' has an unknown field {str(name)!r}{near(str(name), _FIELDS)}")
        good, what = _SAMPLING[name]
        if not good(value):
            raise TemplateError(f"'sampling.{name}' must be {what}, not {value!r}")
    return {name: tuple(value) if name == "stop" else value for name, value in tree.items()}
