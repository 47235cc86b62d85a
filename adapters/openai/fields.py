"""Reading JSON that anybody may have sent: each field once, by its type and range, and nothing left unread. Pure.

Whatever bytes arrive, the outcome is a value of the right type or a `Problem` (4xx) that names the field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from adapters.openai.problem import Problem, missing, unknown, unsupported, wrong_type, wrong_value

DEEPEST = 64
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`: UTF-8, whole characters, no NaN or infinity, not nested deeper than `DEEPEST`."""
    try:
        parsed = json.loads(body.decode("utf-8"), parse_constant=_not_a_number, parse_float=_finite)
    except UnicodeDecodeError:
        raise _unreadable("The body is not UTF-8.") from None
    except RecursionError:
        raise _unreadable("The body is nested too deeply.") from None
    except ValueError:
        raise _unreadable("The body is not JSON: check for NaN, a missing quote or a comma too many.") from None
    if not isinstance(parsed, dict):
        raise _unreadable("The body must be a JSON object.")
    if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(parsed) > DEEPEST:
        raise _unreadable("The body is nested too deeply.")
    if _HALF_CHARACTER.search(body) and not _is_text(parsed):
        raise _unreadable("The body holds half a character: a \\ud800 to \\udfff without its other half.")
    return parsed


def _unreadable(message: str) -> Problem:
    return Problem(400, message, code="invalid_json")


def _not_a_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _depth(value: object) -> int:
    """Levels of arrays and objects, one by one, so that no depth can end us."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > DEEPEST:
            return depth
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _is_text(parsed: object) -> bool:
    try:
        json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class Fields:
    """The fields of one object. null counts as left out, as OpenAI's clients mean it.

    `at` is where the object stands ("messages[2]"), so that a `Problem` names the field in full.
    """

    def __init__(self, given: Mapping[str, Any], at: str = "") -> None:
        self._left = dict(given)
        self._at = at

    def name(self, field: str) -> str:
        return f"{self._at}.{field}" if self._at else field

    def take(self, field: str) -> Any:
        """Whatever stands there; None when nothing does."""
        return self._left.pop(field, None)

    def need(self, field: str) -> Any:
        value = self.take(field)
        if value is None:
            raise missing(self.name(field))
        return value

    def text(self, field: str, default: str = "") -> str:
        value = self.take(field)
        if value is None:
            return default
        return value if isinstance(value, str) else self._mistyped(field, "a string", value)

    def flag(self, field: str, default: bool = False) -> bool:
        value = self.take(field)
        if value is None:
            return default
        return value if isinstance(value, bool) else self._mistyped(field, "a boolean", value)

    def number(self, field: str, default: float, low: float, high: float) -> float:
        value = self.take(field)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._mistyped(field, "a number", value)
        self._within(field, value, low, high)
        return float(value)

    def integer(self, field: str, low: int, high: int) -> int | None:
        value = self.take(field)
        if value is None:
            return None
        if type(value) is not int:
            self._mistyped(field, "a whole number", value)
        self._within(field, value, low, high)
        return int(value)

    def choice(self, field: str, default: str, options: Sequence[str]) -> str:
        value = self.text(field, default)
        if value not in options:
            raise wrong_value(self.name(field), f"must be one of {', '.join(options)}.")
        return value

    def array(self, field: str) -> list[Any]:
        value = self.take(field)
        if value is None:
            return []
        return value if isinstance(value, list) else self._mistyped(field, "an array", value)

    def inner(self, field: str) -> Fields | None:
        """The object there, to be read in turn."""
        value = self.mapping(field)
        return None if value is None else Fields(value, self.name(field))

    def mapping(self, field: str) -> dict[str, Any] | None:
        """The object there, whatever it holds."""
        value = self.take(field)
        if value is None or isinstance(value, dict):
            return value
        return self._mistyped(field, "an object", value)

    def objects(self, field: str) -> Iterator[Fields]:
        for number, value in enumerate(self.array(field)):
            at = f"{self.name(field)}[{number}]"
            if not isinstance(value, dict):
                raise wrong_type(at, "an object", value)
            yield Fields(value, at)

    def refuse(self, fields: Mapping[str, Collection[object]], instead: Mapping[str, str] | None = None) -> None:
        """Refuse each of `fields` unless it has one of the values beside it, with which it changes nothing."""
        for field, neutral in fields.items():
            value = self.take(field)
            if value is not None and not any(type(value) is type(one) and value == one for one in neutral):
                raise unsupported(self.name(field), (instead or {}).get(field, ""))

    def done(self) -> None:
        """Refuse what nobody asked for."""
        for field, value in self._left.items():
            if value is not None:
                raise unknown(self.name(field))

    def _mistyped(self, field: str, wanted: str, given: object) -> NoReturn:
        raise wrong_type(self.name(field), wanted, given)

    def _within(self, field: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            raise wrong_value(self.name(field), f"must be from {_plain(low)} to {_plain(high)}.")


def _plain(value: float) -> str:
    """A bound as people write it: 2147483647, not 2.14748e+09."""
    return str(value) if isinstance(value, int) else f"{value:g}"
