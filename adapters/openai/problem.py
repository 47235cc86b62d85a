"""What went wrong, in the words of OpenAI's API: https://platform.openai.com/docs/guides/error-codes"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A request that is answered with an error.

    `param` is the field that is at fault, `code` a word for programs, `retry_after` seconds (0: of no use).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "",
        retry_after: float = 0,
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.kind = kind or ("server_error" if status >= 500 else "invalid_request_error")
        self.retry_after = math.ceil(retry_after)

    def body(self) -> dict[str, Any]:
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> Mapping[str, str]:
        found = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def wrong_type(param: str, wanted: str, given: object) -> Problem:
    return Problem(
        400, f"`{param}` must be {wanted}, but it is {_kind(given)}.", param=param, code="invalid_type"
    )  # fmt: skip


def wrong_value(param: str, message: str) -> Problem:
    return Problem(400, f"`{param}` {message}", param=param, code="invalid_value")


def missing(param: str) -> Problem:
    return Problem(400, f"`{param}` is missing.", param=param, code="missing_required_parameter")


def unknown(param: str) -> Problem:
    return Problem(400, f"`{param}` is not a parameter that is known here.", param=param, code="unknown_parameter")


def unsupported(param: str, instead: str = "") -> Problem:
    message = f"`{param}` is not supported here. {instead or 'Leave it out.'}"
    return Problem(400, message, param=param, code="unsupported_parameter")


def no_model(name: str, offered: str) -> Problem:
    shown = name if len(name) <= 100 else name[:100] + "…"
    message = f"The model `{shown}` does not exist here: ask for `{offered}`."
    return Problem(404, message, param="model", code="model_not_found")


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
    return "an object"
