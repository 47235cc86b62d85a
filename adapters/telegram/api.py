"""Telegram's Bot API: python-telegram-bot's Bot, in its turn, with our own rules for trying again.

Answers are Telegram's own JSON, so that what is newer than the library goes through as well. What happened to a call
whose answer got lost cannot be looked up in Telegram: it is repeated only when doing it twice is the same as doing it
once. The token is in every address that is asked; nothing here lets one out, into a log or into an error.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import Any

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from adapters.telegram.errors import TelegramRefused
from adapters.telegram.pace import Busy, Pace
from adapters.telegram.request import Flood, Request, Unanswered, in_seconds
from bot.config import Config
from bot.errors import ConfigError
from bot.metrics import Metrics

__all__ = ["Api", "Busy", "Me", "TelegramRefused"]

_SECONDS = 20.0
_CONNECTIONS = 64
_TRIES = 4
_FIRST_PAUSE = 0.3
_LONGEST_WAIT = 120.0
_CODES: dict[type[TelegramError], int] = {Forbidden: 403, InvalidToken: 401, Conflict: 409, BadRequest: 400}
_NOT_TWICE = ("send", "forward", "copy", "createForumTopic", "post")
"""What methods begin with that do something more when they are called again."""
_DRAFTS = ("sendMessageDraft", "sendRichMessageDraft")
_SHOWING = ("send", "editMessage", "copy", "forward")
_FREE = frozenset({"sendChatAction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who the bot is, and what BotFather was told about it."""

    id: int
    username: str
    name: str
    can_join_groups: bool
    can_read_all_group_messages: bool
    supports_inline_queries: bool


class Api:
    """One for a process. `second` is how long Telegram's second lasts, in seconds. Raises `ConfigError`."""

    def __init__(self, config: Config, metrics: Metrics, *, second: float = 1.0) -> None:
        for name in ("telegram", "httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # below that, they write the token
        self.pace = Pace(config.telegram.rates, second=second)
        self._bot = _bot(config)
        self._me: Me | None = None
        self._moved: dict[int, int] = {}
        self._calls = metrics.counter(
            "telegram_calls", "Calls of Telegram's Bot API, by how they ended.", "method", "outcome"
        )

    async def call(
        self, method: str, *, chat: int | None = None, final: bool = False, live: bool = False, **arguments: Any
    ) -> Any:
        """Telegram's answer, as JSON values. Waits its turn, obeys 429, and repeats only what is harmless to repeat.

        `chat` is the `chat_id`. `final`: somebody's answer depends on it, so it may use what is kept for such calls.
        Raises `TelegramRefused`; a `live` call that would have to wait raises `Busy` and is not made.
        """
        pause, waited, tries, moves = _FIRST_PAUSE, 0.0, 0, 0
        while True:
            place = None if chat is None else self.place(chat)
            if place is not None:
                arguments["chat_id"] = place
            try:
                return await self._in_turn(method, place, final, live, arguments)
            except Flood as flood:
                self.pace.close(place, flood.seconds)
                waited += flood.seconds
                if live:
                    raise Busy from None
                if waited > _LONGEST_WAIT:
                    raise TelegramRefused(method, "Too Many Requests", code=429) from None
            except ChatMigrated as moved:
                moves += 1
                if chat is None or moves > 3:
                    raise TelegramRefused(method, "group chat was upgraded", code=400) from None
                self._moved[place or chat] = moved.new_chat_id
            except TelegramRefused as error:
                tries += 1
                if live or not (error.ambiguous and _harmless(method)) or tries >= _TRIES:
                    raise
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))
                pause *= 2

    def place(self, chat: int) -> int:
        """Where `chat` is now: a group that became a supergroup has another id."""
        for _ in range(8):
            if chat not in self._moved:
                break
            chat = self._moved[chat]
        return chat

    async def me(self) -> Me:
        """Who the bot is; asked once. Raises `TelegramRefused`."""
        if self._me is None:
            told = await self.call("getMe")
            self._me = Me(
                id=int(told["id"]),
                username=str(told.get("username", "")),
                name=str(told.get("first_name", "")),
                can_join_groups=bool(told.get("can_join_groups")),
                can_read_all_group_messages=bool(told.get("can_read_all_group_messages")),
                supports_inline_queries=bool(told.get("supports_inline_queries")),
            )
        return self._me

    async def download(self, file_id: str, limit: int) -> bytes:
        """A file, at most `limit` bytes. Raises `TelegramRefused`: "file is too big", …"""
        raise NotImplementedError

    async def close(self) -> None:
        await self._bot.shutdown()

    # -- one request -------------------------------------------------------------------------------------
    async def _in_turn(self, method: str, chat: int | None, final: bool, live: bool, arguments: dict[str, Any]) -> Any:
        if chat is None or method in _FREE or not method.startswith(_SHOWING):
            return await self._ask(method, arguments)
        async with self.pace.turn(chat, draft=method in _DRAFTS, final=final, live=live):
            return await self._ask(method, arguments)

    async def _ask(self, method: str, arguments: dict[str, Any]) -> Any:
        outcome = "failed"
        try:
            answer = await self._bot.ask(method, arguments, wait=arguments.get("timeout", 0))
            outcome = "done"
            return answer
        except (Flood, ChatMigrated):
            outcome = "refused"
            raise
        except RetryAfter as flood:
            outcome = "refused"
            raise Flood(in_seconds(flood.retry_after)) from None
        except Unanswered as error:
            raise TelegramRefused(method, error.message, code=error.code, ambiguous=error.sent) from None
        except TelegramError as error:
            outcome = "refused"
            code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)
            raise TelegramRefused(method, self._bot.without_token(error.message)[:200], code=code) from None
        finally:
            self._calls.labels(method, outcome).inc()


class _Bot(Bot):
    """The library's bot, asked for any method by its name, with its answer as it came."""

    async def ask(self, method: str, arguments: dict[str, Any], *, wait: float = 0) -> Any:
        """`wait` is how many seconds Telegram may take over it by itself."""
        return await self._post(method, dict(arguments), read_timeout=_SECONDS + float(wait))

    def without_token(self, text: str) -> str:
        return text.replace(self.token, "…")


def _bot(config: Config) -> _Bot:
    token = config.secrets.telegram_bot_token
    if token is None or not token.get_secret_value().strip():
        raise ConfigError(
            "Telegram has no token to speak with: set TELEGRAM_BOT_TOKEN to what BotFather gave you (123456:…)."
        )
    root = config.telegram.base_url.rstrip("/")
    return _Bot(
        token.get_secret_value().strip(),
        base_url=f"{root}/bot",
        base_file_url=f"{root}/file/bot",
        request=Request(_CONNECTIONS, _SECONDS),
        get_updates_request=Request(2, _SECONDS),
    )


def _harmless(method: str) -> bool:
    """Whether doing it twice is the same as doing it once."""
    return method in _DRAFTS or method in _FREE or not method.startswith(_NOT_TWICE)
