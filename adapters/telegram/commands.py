"""What comes behind a slash in Telegram beside the commands themselves, and what a deep link carries. Pure."""

from __future__ import annotations

import base64
import binascii
import re

NOWHERE = "inline"
"""A deep link's payload that is about nothing: it only leads into the private chat."""
_LINK_BYTES = 48
"""As many as base64 makes 64 letters of."""

_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{1,64})?(?=\s|$)")
_NAMED = re.compile(r"/[A-Za-z0-9_]{1,32}@([A-Za-z0-9_]{1,64})")
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GAPS = re.compile(r"[_\s-]+")


def looks_like_command(text: str) -> bool:
    """Whether Telegram shows the beginning of `text` as a command, be it one or not."""
    return _COMMAND.match(text) is not None


def commanded(text: str) -> str:
    """The name of the bot for which the command that `text` begins with is meant, "" when it names none."""
    named = _NAMED.match(text)
    return named[1] if named else ""


def link(text: str) -> str:
    """The payload of a deep link that is about `text`, or about its beginning when that is long."""
    known = text.strip().encode("utf-8", "replace")[:_LINK_BYTES].decode("utf-8", "ignore")
    short = known if known == text.strip() else known.rpartition(" ")[0] or known
    payload = base64.urlsafe_b64encode(short.encode()).decode().rstrip("=")
    return payload if short and topic(payload) == short else NOWHERE


def topic(payload: str) -> str:
    """What a deep link is about: https://t.me/BOT?start=payload, 1 to 64 letters, digits, "_" and "-".

    That is the topic in base64url, as other languages need it, or plain words with "-" or "_" between them. Words
    without a capital are plain: what is base64 has capitals, but for the shortest. Anything else is nobody's link, and
    stays as it was typed.
    """
    payload = payload.strip()
    if payload == NOWHERE:
        return ""
    if not _PAYLOAD.fullmatch(payload):
        return payload
    if payload != payload.lower() and (text := _decoded(payload)):
        return text
    return _GAPS.sub(" ", payload).strip()


def _decoded(payload: str) -> str:
    """The text that `payload` is in base64url, "" when it is none."""
    try:
        text = base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.strip() if text.isprintable() else ""
