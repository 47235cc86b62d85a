"""A key's secret: how it is made and what is kept of it. Pure.

Only the SHA-256 of a secret is stored. Slow, salted hashes are for passwords, which people choose and others can guess;
a secret of 256 random bits cannot be guessed, so a fast hash is as safe, and can be computed for every request. Keys
are looked up by their digest: how long that takes says something about digests alone, and nobody can make a secret for
a digest.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET = re.compile(r"fd_[0-9A-Za-z]{43}")
_HINT = 7


def new_secret() -> str:
    """ "fd_" and 32 random bytes in base 62."""
    number, letters = secrets.randbits(256), []
    for _ in range(43):
        number, letter = divmod(number, 62)
        letters.append(_LETTERS[letter])
    return "fd_" + "".join(letters)


def looks_right(secret: str) -> bool:
    """Whether it can be one of ours at all."""
    return _SECRET.fullmatch(secret) is not None


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def hint(secret: str) -> str:
    """What may be shown of it, so that its owner knows it again."""
    return secret[:_HINT]
