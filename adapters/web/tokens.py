"""Who a visitor is: a token of ours, bound to a random id or to a user whom the site vouches for.

Nothing is stored for a visitor: the token is the proof (JWT, HS256, RFC 7519). Two kinds of it meet here and are
never taken for each other: ours, signed with our secret and meant for `AUDIENCE`; and the site's, signed with the
identity secret, which only `Tokens.session` reads. The algorithm is pinned, `exp` and `sub` are required.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt

from adapters.web.protocol import Problem
from bot.config import Config
from bot.errors import ConfigError
from bot.privacy import pseudonym

AUDIENCE = "frontdesk-visitor"
ANONYMOUS_SECONDS = 30 * 24 * 3600
SIGNED_IN_SECONDS = 12 * 3600
LEEWAY_SECONDS = 10
SECRET_BYTES = 32
KEY_FILE = "web-token.key"

_USER = "user:"
_PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
_BROKEN = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor's token. `expires_at` in seconds since the epoch."""

    token: str
    visitor: str
    expires_at: int

    @property
    def anonymous(self) -> bool:
        return not self.visitor.startswith(_USER)


class Tokens:
    """Gives out and reads visitors' tokens. Secrets are at least `SECRET_BYTES` long (RFC 7518, 3.2)."""

    def __init__(self, *, secret: bytes, identity: bytes | None = None, anonymous: bool = True) -> None:
        self._secret = secret
        self._identity = identity
        self._anonymous = anonymous

    def read(self, token: str) -> Session:
        """The session behind a token of ours. Raises `Problem` (401)."""
        try:
            claims = _decode(token, self._secret, audience=AUDIENCE)
        except _BROKEN:
            raise Problem(401, "bad_token", "The token is not valid any more: ask POST /web/session for one.") from None
        session = Session(token, claims["sub"], int(claims["exp"]))
        if session.anonymous and not self._anonymous:
            raise Problem(401, "identity_required", "Please sign in first: this chat is for signed-in visitors.")
        return session

    def pseudonym(self, visitor: str) -> str:
        """What stands for `visitor` in the ids of messages."""
        return pseudonym(visitor, self._secret)

    def session(self, *, identity: str = "", token: str = "") -> Session:
        """A session for the user whom `identity` names, else the one behind `token` renewed, else a new one.

        The word of the site counts for `SIGNED_IN_SECONDS`, however often the token is renewed, and also while
        the page still holds the JWT, out of date by now, with which it was given. An anonymous visitor stays as
        long as she comes back within `ANONYMOUS_SECONDS`. Raises `Problem` (401).
        """
        known = self._known(token) if token else None
        if identity:
            visitor, current = self._vouched(identity)
            if not current and not (known and known.visitor == visitor):
                raise _bad_identity()
            return known if known and not current else self._issue(visitor, SIGNED_IN_SECONDS)
        if known:
            return known if not known.anonymous else self._issue(known.visitor, ANONYMOUS_SECONDS)
        if not self._anonymous:
            raise Problem(401, "identity_required", "Please sign in first: this chat is for signed-in visitors.")
        return self._issue(secrets.token_hex(16), ANONYMOUS_SECONDS)

    def _known(self, token: str) -> Session | None:
        try:
            return self.read(token)
        except Problem:
            return None

    def _vouched(self, identity: str) -> tuple[str, bool]:
        """Whom the site names, and whether that is still in date."""
        if self._identity is None:
            raise Problem(401, "identity_unknown", "This chat does not know the site's users.")
        try:
            try:
                return visitor_of(_decode(identity, self._identity)["sub"]), True
            except jwt.ExpiredSignatureError:
                return visitor_of(_decode(identity, self._identity, expired=True)["sub"]), False
        except _BROKEN:
            raise _bad_identity() from None

    def _issue(self, visitor: str, seconds: int) -> Session:
        now = int(time.time())
        claims = {"sub": visitor, "aud": AUDIENCE, "iat": now, "exp": now + seconds}
        return Session(jwt.encode(claims, self._secret, algorithm="HS256"), visitor, now + seconds)


def _bad_identity() -> Problem:
    return Problem(
        401, "bad_identity", "The site's JWT is not valid: it must be HS256, with `sub`, and with `exp` ahead."
    )


def visitor_of(subject: str) -> str:
    """A user's name as a visitor: readable where it is plain (so that `erase` can be told it), else its digest."""
    if not subject:
        raise ValueError("empty subject")
    plain = _PLAIN_SUBJECT.fullmatch(subject)
    return _USER + (subject if plain else "~" + hashlib.sha256(subject.encode()).hexdigest())


def _decode(token: str, secret: bytes, *, audience: str | None = None, expired: bool = False) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        audience=audience,
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "sub"], "verify_aud": audience is not None, "verify_exp": not expired},
    )
    return claims


# -- secrets -------------------------------------------------------------------------------------------
def tokens(config: Config) -> Tokens:
    """What `config` says about visitors. Raises `ConfigError`."""
    identity = _secret(config.secrets.web_identity_secret, "FRONTDESK_WEB__IDENTITY_SECRET")
    if identity is None and not config.web.anonymous:
        raise ConfigError(
            "`web.anonymous` is false, but nothing says who is signed in. Set FRONTDESK_WEB__IDENTITY_SECRET to the "
            "secret that signs the site's JWTs, or set `web.anonymous = true`."
        )
    secret = _secret(config.secrets.web_token_secret, "FRONTDESK_WEB__TOKEN_SECRET")
    if secret is not None and secret == identity:
        raise ConfigError(
            "FRONTDESK_WEB__TOKEN_SECRET and FRONTDESK_WEB__IDENTITY_SECRET are the same. Give each a value of its own."
        )
    return Tokens(secret=secret or kept_key(config.data), identity=identity, anonymous=config.web.anonymous)


def _secret(value: Any, variable: str) -> bytes | None:
    if value is None:
        return None
    secret: bytes = value.get_secret_value().encode()
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            f"{variable} is too short: it needs {SECRET_BYTES} bytes or more, such as `openssl rand -hex 32` prints."
        )
    return secret


def kept_key(folder: Path) -> bytes:
    """The key in `folder`, made once. It appears whole or not at all, readable by its owner alone."""
    file = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _make_key(file)
        key = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(
            f"The key for visitors' tokens cannot be kept in {file}: {error.strerror}. Make the folder writable, "
            "or set FRONTDESK_WEB__TOKEN_SECRET."
        ) from error
    if len(key) < SECRET_BYTES:
        raise ConfigError(
            f"{file} is damaged. Remove it and start again; visitors without a sign-in then begin new conversations."
        )
    return key


def _make_key(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(secrets.token_hex(SECRET_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        _link(draft, file)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, file: Path) -> None:
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        return  # another process was quicker: its key is the key
    except OSError:
        draft.replace(file)  # a file system without hard links
