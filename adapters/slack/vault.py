"""The tokens of installations as they lie in the store: JSON, encrypted with Fernet when there is a key. Pure.

Fernet is AES-128 in CBC mode with an HMAC-SHA256 over it (github.com/fernet/spec). What it gives begins with "gAAAA",
so that rows from before there was a key, which begin with "{", are told from the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from bot.errors import ConfigError

VARIABLE = "FRONTDESK_ENCRYPTION_KEY"


class Vault:
    """Seals and opens. Of several keys, separated by commas, the first one seals and each may open: so a key is changed
    by writing the new one before the old one.

    Raises `ConfigError` when a key is none.
    """

    def __init__(self, key: SecretStr | None) -> None:
        given = key.get_secret_value().split(",") if key else []
        try:
            self._keys = [Fernet(one.strip()) for one in given]
        except ValueError:
            raise ConfigError(
                f"{VARIABLE} holds {'a key' if len(given) == 1 else 'keys'} that cannot be one: 32 bytes in base64. "
                "`frontdesk keys encryption` prints a new one; several are separated by commas."
            ) from None

    @property
    def encrypts(self) -> bool:
        return bool(self._keys)

    def seal(self, account: str, fields: Mapping[str, Any]) -> bytes:
        """The bytes for the store. They hold the name of their account, so that no row passes for another's."""
        plain = json.dumps({**fields, "account": account}, separators=(",", ":")).encode()
        return self._keys[0].encrypt(plain) if self._keys else plain

    def open(self, account: str, sealed: bytes) -> Mapping[str, Any]:
        """What was sealed. Raises `ConfigError` when no key fits."""
        if not sealed.startswith(b"{"):
            sealed = self._decrypted(account, sealed)
        try:
            fields = json.loads(sealed)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.get("account") != account:
            raise ConfigError(f"What is kept of the Slack workspace {account} is damaged: install the app there again.")
        return fields

    def sealed_well(self, sealed: bytes) -> bool:
        """Whether it is sealed as `seal` would do it now: with the first key, or not at all where there is none."""
        if not self._keys:
            return True
        try:
            self._keys[0].decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def _decrypted(self, account: str, sealed: bytes) -> bytes:
        if not self._keys:
            raise ConfigError(
                f"The tokens of the Slack workspace {account} are encrypted: set {VARIABLE} to their key."
            )
        try:
            return MultiFernet(self._keys).decrypt(sealed)
        except InvalidToken:
            raise ConfigError(
                f"{VARIABLE} does not open the tokens of the Slack workspace {account}: give the key that they were "
                "encrypted with, after the new one and a comma, or install the app there again."
            ) from None
