"""The `state` of an installation: signed, short-lived, for one browser, and good for one use.

It is what keeps a stranger from finishing their installation in somebody else's browser (RFC 6749, section 10.12). The
key lives as long as the process, so that what was used before a restart is not taken after it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time

SECONDS = 600
"""How long somebody may take between /slack/install and Slack's consent."""
_USED = 10_000
"""States that are remembered as used. They are forgotten when they would have ended anyway."""
_BROWSER = re.compile(r"[\w-]{43}", re.ASCII)


class States:
    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._used: dict[str, int] = {}

    def browser(self, known: str = "") -> str:
        """What the browser's cookie holds: what it held already, or something new."""
        return known if _BROWSER.fullmatch(known) else secrets.token_urlsafe(32)

    def issue(self, browser: str) -> str:
        """A state for the browser with this cookie."""
        ends, nonce = str(int(time.time()) + SECONDS), secrets.token_urlsafe(16)
        return f"{ends}.{nonce}.{self._signature(ends, nonce, browser)}"

    def redeem(self, state: str, browser: str) -> bool:
        """Whether it is ours, not over, for this browser, and used for the first time."""
        ends, _, rest = state.partition(".")
        nonce, _, signature = rest.partition(".")
        expected = self._signature(ends, nonce, browser)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
            return False
        now = int(time.time())
        self._used = {used: until for used, until in self._used.items() if until > now}
        if int(ends) <= now or nonce in self._used or len(self._used) >= _USED:
            return False
        self._used[nonce] = int(ends)
        return True

    def _signature(self, ends: str, nonce: str, browser: str) -> str:
        signed = "\n".join((ends, nonce, browser)).encode("utf-8", "replace")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()
