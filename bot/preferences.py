"""How the people of a conversation want it, as the store keeps it (`Store.preferences`)."""

from __future__ import annotations

from bot.config import LanguageConfig
from bot.events import Address
from storage.base import Store

LANGUAGE = "language"
"""The code of the language to answer in; without it the language of each message is."""


async def preferred_language(store: Store, address: Address, config: LanguageConfig) -> str:
    """The language that was asked for in a conversation, "" when none was, or when the operator fixed one for all."""
    if config.fixed:
        return ""
    return str((await store.preferences(address)).get(LANGUAGE, ""))
