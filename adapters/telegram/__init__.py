"""The Telegram channel: private chats, groups and their topics, business accounts, inline queries; and a support desk.

shape, inbound, spoken, contents, commands, heard, form, rules, names, words
                  what an update says, and whether it is said to us: pure
polling, routes, webhook
                  the two ways in
receiver, talk, edits, buttons, offers, lanes, loops, cases, connections, receiving, reading
                  from what was heard to what is published, or is answered at once
markdown, message_entities, rich, tables, pieces, parsing, composing, pen, inline, entities, addresses
                  answers as Telegram shows them: pure
outgoing, keyboards, cards, sends, writer, live, sender, desk
                  the way out
api, request, pace, errors
                  how Telegram is asked
findings, profile whether it would work; what Telegram shows of the bot
adapter           all of it together
"""

from __future__ import annotations

from adapters.base import Adapter, Context


def make(context: Context) -> Adapter:
    """The channel of `[telegram]`. Raises `ConfigError` when it has no token, or no way in."""
    from adapters.telegram.adapter import TelegramAdapter

    return TelegramAdapter(context)
