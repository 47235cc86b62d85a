"""Where templates run: Jinja2's immutable sandbox, reduced to what a prompt needs, and bounded.

A template sees its variables and nothing else. It may branch, loop, set and filter; it may not include other
files, define macros, recurse, or call anything but `range` and a few methods that make nothing longer than a
prompt. Autoescaping is off, because a prompt is not HTML. A value is never read as a template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.errors import TemplateError
from prompts.front_matter import near

RANGE = 1_000
"""How far a template's `range` may go."""
OUTPUT_CHARACTERS = 1_000_000
"""How long a rendered prompt, or any text on the way there, may get."""
_LOOPS = 2
_FAULTS = (TemplateRuntimeError, AssertionError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What filters raise for arguments that make no sense; a `SecurityError` is one of the first kind."""

_FILTERS = (
    *("capitalize", "lower", "replace", "string", "title", "trim", "truncate", "upper", "wordcount"),
    *("abs", "float", "int", "max", "min", "round", "sum", "count", "length", "d", "default"),
    *("dictsort", "first", "items", "join", "last", "list", "map", "reverse", "sort", "unique"),
    *("reject", "rejectattr", "select", "selectattr"),
)
_METHODS = frozenset(
    {"capitalize", "count", "endswith", "find", "get", "index", "isdigit", "items", "keys", "lower", "lstrip"}
    | {"removeprefix", "removesuffix", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper"}
    | {"values"}
)
_REFUSED: Mapping[type[nodes.Node], str] = {
    nodes.Include: "include another file",
    nodes.Import: "import another file",
    nodes.FromImport: "import another file",
    nodes.Extends: "extend another file",
    nodes.Block: "define blocks",
    nodes.Macro: "define macros",
    nodes.CallBlock: "define macros",
    nodes.FilterBlock: "filter whole blocks",
}


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox. One instance serves all templates; it keeps nothing of them."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.filters |= {"replace": _replace, "round": _round}
        self.globals = {"range": _range}

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        if type(owner) in (str, list, tuple, dict):
            return obj.__name__ in _METHODS
        return obj is _range or type(owner) is LoopContext

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            raise SecurityError("texts are not formatted with %: write {{ }} where the value goes")
        if operator == "**" or (operator == "*" and not (_plain(left) and _plain(right))):
            raise SecurityError(f"{operator!r} takes numbers only and ** none")
        if operator == "+" and isinstance(left, str | list | tuple) and len(left) + len(right) > OUTPUT_CHARACTERS:
            raise SecurityError("a text on the way is too long")
        return super().call_binop(context, operator, left, right)


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e15


def _range(*bounds: int) -> range:
    result = range(*bounds)
    if len(result) > RANGE:
        raise SecurityError(f"range goes over more than {RANGE} numbers")
    return result


def _replace(value: object, old: str, new: str) -> str:
    text = str(value)
    if not old or len(text) + text.count(old) * len(new) > OUTPUT_CHARACTERS:
        raise SecurityError("'replace' makes the text too long")
    return text.replace(old, new)


def _round(value: float, precision: int = 0) -> float:
    return round(float(value), max(-15, min(15, precision)))


_ENVIRONMENT = PromptEnvironment()


def check(body: str, known: Mapping[str, Any]) -> CodeType:
    """Compile `body`, which may use the variables `known`. Raises `TemplateError` with a line number."""
    try:
        tree = _ENVIRONMENT.parse(body)
        for node in tree.find_all(tuple(_REFUSED)):
            raise TemplateError(f"line {node.lineno}: a template cannot {_REFUSED[type(node)]}: it stands alone")
        _check_loops(tree, 0)
        _check_variables(tree, known)
        return _ENVIRONMENT.compile(tree, filename="<prompt>")
    except TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {(error.message or 'syntax error').rstrip('.')}") from None
    except RecursionError:
        raise TemplateError("the text is nested too deeply") from None


def _check_loops(node: nodes.Node, depth: int) -> None:
    if isinstance(node, nodes.For):
        depth += 1
        if node.recursive or depth > _LOOPS:
            raise TemplateError(f"line {node.lineno}: loops go at most {_LOOPS} deep and do not recurse")
    for child in node.iter_child_nodes():
        _check_loops(child, depth)


def _check_variables(tree: nodes.Template, known: Mapping[str, Any]) -> None:
    unknown = meta.find_undeclared_variables(tree) - set(known)
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            raise TemplateError(
                f"line {node.lineno}: unknown variable {node.name!r}{near(node.name, known)}"
                + (f" (known: {', '.join(sorted(known))})" if known else "")
                + "; declare a new one under 'variables' in the front matter"
            )


def render(code: CodeType, values: Mapping[str, Any]) -> str:
    """Run what `check` compiled. Raises `TemplateError` with a line number."""
    template = Template.from_code(_ENVIRONMENT, code, dict(_ENVIRONMENT.globals))
    parts: list[str] = []
    room = OUTPUT_CHARACTERS
    try:
        for part in _generate(template, values):
            room -= len(part)
            if room < 0:
                raise TemplateError(f"the prompt gets longer than {OUTPUT_CHARACTERS} characters")
            parts.append(part)
    except UndefinedError as error:
        raise TemplateError(f"{_line(error)}{error.message}") from None
    except RecursionError:
        raise TemplateError("the text is nested too deeply") from None
    except _FAULTS as error:
        raise TemplateError(f"{_line(error)}{error}") from None
    return "".join(parts).strip()


def _generate(template: Template, values: Mapping[str, Any]) -> Iterator[str]:
    # Not template.generate(): it would rewrite the traceback, from which the line is read here.
    context = template.new_context(dict(values))
    root: Callable[[Any], Iterator[str]] = template.root_render_func
    yield from root(context)


def _line(error: BaseException) -> str:
    """ "line n: " of the template where `error` was raised."""
    compiled = None
    trace = error.__traceback__
    while trace:
        compiled = trace if trace.tb_frame.f_code.co_filename == "<prompt>" else compiled
        trace = trace.tb_next
    if compiled is None:
        return ""
    debug = str(compiled.tb_frame.f_globals.get("debug_info", ""))
    pairs = [tuple(map(int, pair.split("="))) for pair in debug.split("&") if pair]
    lines = [line for line, code_line in pairs if code_line <= compiled.tb_lineno]
    return f"line {lines[-1]}: " if lines else ""
