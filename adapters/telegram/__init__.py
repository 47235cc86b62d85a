"""The Telegram channel: private chats, groups and their topics, business accounts, inline queries; and a support desk.

names, heard, inbound, said, commands, rules
                  what an update says, and whether it is for us: pure
polling, routes   the two ways in
receiver          from what was heard to what is published
adapter           all of it together
"""

from __future__ import annotations

from adapters.base import Adapter, Context


def make(context: Context) -> Adapter:
    """The channel of `[telegram]`. Raises `ConfigError` when it has no token, or no way in."""
    from adapters.telegram.adapter import TelegramAdapter

    return TelegramAdapter(context)
