"""Whom the bot answers, and when it is meant. Pure."""

from __future__ import annotations

from adapters.telegram.heard import Said, Who
from bot.config import TelegramConfig


def welcome(who: Who, chat: int, config: TelegramConfig, *, private: bool) -> bool:
    """Whether `who` is answered in `chat`. Empty lists allow everybody; other bots only by name.

    A private chat has its person's id. So people who are listed are answered in private, also when only groups are
    listed as chats.
    """
    if who.bot:
        return who.id in config.bots and _in(chat, config.chats)
    if private and config.users:
        return who.id in config.users
    return _in(chat, config.chats) and _in(who.id, config.users)


def may_ask(who: Who, config: TelegramConfig) -> bool:
    """Whether `who` is answered in line, where no chat is told: where chats are listed, only who is listed as well."""
    if who.bot:
        return who.id in config.bots
    return who.id in config.users if config.users else _in(who.id, config.chats)


def meant(said: Said) -> bool:
    """Whether it is said to the bot by itself, whatever was said before.

    In groups the bot is meant when it is named, when a command is its own, and by a reply to what it said; a bot has to
    name it each time, or two of them would go on for ever.
    """
    if said.private:
        return not said.who.bot or said.named
    return said.named or (said.answers_us and not said.who.bot)


def _in(ident: int, listed: tuple[int, ...]) -> bool:
    return not listed or ident in listed
