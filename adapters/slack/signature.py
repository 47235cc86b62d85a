"""Whether a request is Slack's, by the signature over its raw bytes. Pure: time and bytes come in from outside.

https://api.slack.com/authentication/verifying-requests-from-slack: `X-Slack-Signature` is "v0=" and the hex HMAC-SHA256
of "v0:{timestamp}:{body}" under the app's signing secret; what is older than five minutes may be a replay.
The headers are looked at before the body is read, and the body is verified before it is parsed: what nobody signed
costs neither memory nor a parser's mistakes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import ConfigError

FRESH_SECONDS = 300.0

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class Denied(Exception):
    """A request that is not taken: `status` is 400, 401 or 403, and the message says why without quoting it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers say; true only when `verify_body` says so."""

    timestamp: str
    signature: str


def verify(body: bytes, headers: Mapping[str, str], secret: str, now: float) -> None:
    """Raises `Denied` (401) unless `body` was signed with `secret` within five minutes of `now`."""
    verify_body(body, claim_of(headers, now), secret)


def claim_of(headers: Mapping[str, str], now: float) -> Claim:
    """What the headers claim, when they could be Slack's and are fresh. Raises `Denied` (401)."""
    timestamp = headers.get("X-Slack-Request-Timestamp", "")
    signature = headers.get("X-Slack-Signature", "")
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        raise Denied(401, "The request is not signed as Slack signs.")
    if abs(now - int(timestamp)) > FRESH_SECONDS:
        raise Denied(401, "The request is too old, or a clock is wrong.")
    return Claim(timestamp, signature)


def verify_body(body: bytes, claim: Claim, secret: str) -> None:
    """Raises `Denied` (401) unless `claim` was made for `body` by who has `secret`."""
    expected = sign(body, claim.timestamp, secret)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise Denied(401, "The request's signature is wrong.")


def sign(body: bytes, timestamp: str, secret: str) -> str:
    """The signature that Slack sends with `body`. Raises `ConfigError` for a blank secret, which proves nothing."""
    if not secret.strip():
        raise ConfigError("SLACK_SIGNING_SECRET is blank: set it to the app's signing secret (Basic Information).")
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"
