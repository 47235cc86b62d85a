"""The tools that a request offers, and how it wants them used. Pure.

`tool_choice` "required", or a tool's name, binds the text by a JSON schema, so that it cannot fail to be a call:
an array of {"name", "arguments"} for "required", the arguments alone for a named tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adapters.openai.fields import Fields
from adapters.openai.generator import Tool
from adapters.openai.problem import missing, unsupported, wrong_type, wrong_value
from adapters.openai.sampling import Form, dump

MOST = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ANY: Mapping[str, Any] = {"type": "object"}

Use = Literal["none", "auto", "required", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`offered` go to the chat template; `use` says what the text will be; `only` is the tool that was named."""

    offered: tuple[Tool, ...] = ()
    use: Use = "none"
    only: str = ""
    parallel: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(str(tool["function"]["name"]) for tool in self.offered)

    def form(self) -> Form:
        """What the text has to look like for the chosen use."""
        if self.use == "named":
            return Form("tool_choice", json_schema=dump(self._parameters(self.only)))
        if self.use == "required":
            return Form("tool_choice", json_schema=dump(self._calls()))
        return Form()

    def _parameters(self, name: str) -> Mapping[str, Any]:
        function = next(tool["function"] for tool in self.offered if tool["function"]["name"] == name)
        found: Mapping[str, Any] = function.get("parameters") or _ANY
        return found

    def _calls(self) -> Mapping[str, Any]:
        """Each tool's own schema is put under $defs, and what it points to within itself is pointed there."""
        names = sorted(self.names)
        schemas = {f"tool{at}": _moved(self._parameters(name), f"#/$defs/tool{at}") for at, name in enumerate(names)}
        calls = [
            {
                "type": "object",
                "properties": {"name": {"const": name}, "arguments": {"$ref": f"#/$defs/tool{at}"}},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for at, name in enumerate(names)
        ]
        most = {} if self.parallel else {"maxItems": 1}
        return {"type": "array", "minItems": 1, **most, "items": {"anyOf": calls}, "$defs": schemas}


def read_tools(fields: Fields) -> Tools:
    """`tools`, `tool_choice` and `parallel_tool_calls`."""
    instead = {"functions": "Use `tools`.", "function_call": "Use `tool_choice`."}
    fields.refuse({"functions": ([],), "function_call": ("none", "auto")}, instead)
    parallel = fields.flag("parallel_tool_calls", True)
    offered = tuple(_tool(one) for one in fields.objects("tools"))
    names = [tool["function"]["name"] for tool in offered]
    if len(names) > MOST:
        raise wrong_value("tools", f"may hold up to {MOST} tools.")
    if len(set(names)) < len(names):
        raise wrong_value("tools", "has two tools of one name.")
    use, only = _choice(fields)
    if use != "none" and not offered:
        if use in ("required", "named"):
            raise missing("tools")
        use = "none"
    if only and only not in names:
        raise wrong_value("tool_choice", "names a tool that `tools` does not have.")
    return Tools(offered=offered if use != "none" else (), use=use, only=only, parallel=parallel)


def _tool(given: Fields) -> Tool:
    if given.text("type") != "function":
        raise unsupported(given.name("type"), 'Only tools of type "function" are.')
    function = given.inner("function")
    if function is None:
        raise missing(given.name("function"))
    name = function.need("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise wrong_value(function.name("name"), "must be 1 to 64 letters, digits, _, . or -.")
    described: dict[str, Any] = {"name": name, "description": function.text("description")}
    described["parameters"] = function.mapping("parameters") or {"type": "object", "properties": {}}
    function.flag("strict")  # a call that is required is always bound to its schema
    function.done()
    given.done()
    return {"type": "function", "function": described}


def _choice(fields: Fields) -> tuple[Use, str]:
    value = fields.take("tool_choice")
    match value:
        case None | "auto":
            return "auto", ""
        case "none":
            return "none", ""
        case "required":
            return "required", ""
        case {"type": "function", "function": {"name": str(name), **more}, **rest} if not (more or rest):
            return "named", name
        case str() | dict():
            raise unsupported("tool_choice", 'It is "none", "auto", "required", or an object that names one function.')
    raise wrong_type("tool_choice", "a string or an object", value)


def _moved(schema: Any, root: str) -> Any:
    """`schema` with every reference within itself ("#…") pointed below `root`."""
    if isinstance(schema, Mapping):
        return {
            key: root + value[1:]
            if key == "$ref" and isinstance(value, str) and value.startswith("#")
            else _moved(value, root)
            for key, value in schema.items()
        }
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return [_moved(value, root) for value in schema]
    return schema
