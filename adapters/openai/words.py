"""Small things that all answers are made of. Pure."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any

from adapters.openai.generator import TokenLogprob, Usage
from adapters.openai.problem import Problem
from bot import __version__

LEAST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON cannot hold."""
FINGERPRINT = f"frontdesk-{__version__}"
"""Tells what computes the answers: a seed repeats them as long as this stays."""
DONE = b"data: [DONE]\n\n"
_AWKWARD = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def ident(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(12)}"


def quoted(text: str) -> bytes:
    """`text` as a JSON string. What some readers take for the end of a line, or no text at all, is escaped."""
    encode = encode_basestring_ascii if _AWKWARD.search(text) else encode_basestring
    return encode(text).encode()


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + encoded(value) + b"\n\n"


def failure(problem: Problem) -> bytes:
    """What went wrong after the answer had begun: the official client raises it as an error."""
    return event(problem.body())


def usage(found: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "total_tokens": found.prompt_tokens + found.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": found.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def logprob(found: TokenLogprob) -> float:
    return max(found.logprob, LEAST_LOGPROB)


def logprobs(found: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """As chats and responses show them."""
    return [{**_logprob(one), "top_logprobs": [_logprob(other) for other in one.top]} for one in found]


def _logprob(found: TokenLogprob) -> dict[str, Any]:
    return {"token": found.token, "logprob": logprob(found), "bytes": list(found.raw)}
