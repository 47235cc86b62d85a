"""Telegram's Bot API: python-telegram-bot's Bot, in its turn, with our own rules for trying again.

Answers are Telegram's own JSON, so that what is newer than the library goes through as well. What happened to a call
whose answer got lost cannot be looked up in Telegram: it is repeated only when doing it twice is the same as doing it
once. The token is in every address that is asked; nothing here lets one out, into a log or into an error.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from adapters.telegram import moves
from adapters.telegram.errors import TelegramRefused
from adapters.telegram.pace import Busy, Pace
from adapters.telegram.request import Client, Flood, Unanswered, in_seconds
from bot.config import Config
from bot.errors import ConfigError
from bot.metrics import Metrics

__all__ = ["Api", "Busy", "Me", "TelegramRefused"]

_TRIES = 4
_FIRST_PAUSE = 0.3
_LONGEST_WAIT = 120.0
_ERROR_CHARACTERS = 200
_CODES: dict[type[TelegramError], int] = {Forbidden: 403, InvalidToken: 401, Conflict: 409, BadRequest: 400}
_MAKING = ("send", "create", "copy", "forward")
"""What methods begin with that make something more when they are called again."""
_SHOWING = (*_MAKING, "edit", "close", "reopen")
"""What methods begin with that show something in a chat, and so take of its budgets."""
_PASSING = frozenset({"sendMessageDraft", "sendRichMessageDraft", "sendChatAction"})
"""What is gone after a while, so that doing it twice is the same as doing it once."""
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
            logging.getLogger(name).setLevel(logging.WARNING)  # below that, they write out the token
        self.pace = Pace(config.telegram.rates, second=second)
        self._token = _token(config)
        self._client = Client(self._token, config.telegram.base_url.rstrip("/"))
        self._me: Me | None = None
        self._moves = moves.Moves()
        self._calls = metrics.counter(
            "telegram_calls", "Calls of Telegram's Bot API, by how they ended.", "method", "outcome"
        )

    async def call(
        self,
        method: str,
        *,
        chat: int | None = None,
        final: bool = False,
        live: bool = False,
        ahead: int = 0,
        before: Callable[[], Awaitable[None]] | None = None,
        **arguments: Any,
    ) -> Any:
        """Telegram's answer, as JSON values. Waits its turn, obeys 429, and repeats only what is harmless to repeat.

        `chat` is the `chat_id`. Where that is a group that has another id by now, the call is made there, unless it is
        about a message: those stayed behind. `final`: somebody's answer depends on it, so it may use what is kept for
        such calls. `ahead`: so many more are to follow in that chat at once. `before` is awaited once the turn has
        come, just before Telegram is asked. Raises `TelegramRefused`; a `live` call that would have to wait raises
        `Busy` and is not made.
        """
        showing = method.startswith(_SHOWING) and method not in _FREE
        pause, waited, tries, steps = _FIRST_PAUSE, 0.0, 0, 0
        while True:
            place = chat if chat is None else self.place(chat)
            if place is not None:
                arguments["chat_id"] = place
            if place != chat:
                _leave_behind(method, arguments)
            counted = place if showing else None
            try:
                async with self._turn(counted, final=final, live=live, ahead=ahead):
                    if before is not None:
                        await before()
                        before = None
                    return await self._ask(method, arguments)
            except Flood as flood:
                self.pace.close(place, flood.seconds)
                waited += flood.seconds
                if live:
                    raise Busy from None
                if waited > _LONGEST_WAIT:
                    raise TelegramRefused(method, "Too Many Requests", code=429) from None
                await asyncio.sleep(flood.seconds if counted is None else 0)
            except ChatMigrated as moved:
                steps += 1
                if place is None or steps > moves.STEPS:
                    raise TelegramRefused(method, "group chat was upgraded", code=400) from None
                self._moves.learn(place, moved.new_chat_id)
            except TelegramRefused as error:
                tries += 1
                if live or not (error.ambiguous and _harmless(method)) or tries >= _TRIES:
                    raise
                await asyncio.sleep(pause * random.uniform(0.7, 1.3))
                pause *= 2

    def place(self, chat: int) -> int:
        """Where `chat` is by now: a group that became a supergroup has another id."""
        return self._moves.place(chat)

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
        """A file, at most `limit` bytes. Raises `TelegramRefused`, "file is too big" when it is longer."""
        told = await self.call("getFile", file_id=file_id)
        path = str(told.get("file_path", ""))
        if int(told.get("file_size", 0)) > limit:
            raise TelegramRefused("getFile", "file is too big", code=400)
        if not path or path.startswith("/"):  # a server of one's own in its local mode names a place on its disk
            raise TelegramRefused("getFile", "file has no path to read it from", code=400)
        try:
            body = await self._client.read(path, limit)
        except Unanswered as error:
            raise TelegramRefused("getFile", error.message, code=error.code, ambiguous=error.sent) from None
        if body is None:
            raise TelegramRefused("getFile", "file is too big", code=400)
        return body

    async def close(self) -> None:
        await self._client.close_connections()

    def _turn(self, chat: int | None, *, final: bool, live: bool, ahead: int) -> AbstractAsyncContextManager[None]:
        return nullcontext() if chat is None else self.pace.turn(chat, final=final, live=live, ahead=ahead)

    async def _ask(self, method: str, arguments: dict[str, Any]) -> Any:
        outcome = "failed"
        try:
            answer = await self._client.ask(method, arguments)
            outcome = "done"
            return answer
        except Unanswered as error:
            raise TelegramRefused(method, error.message, code=error.code, ambiguous=error.sent) from None
        except (Flood, ChatMigrated):
            outcome = "refused"
            raise
        except RetryAfter as flood:
            outcome = "refused"
            raise Flood(in_seconds(flood.retry_after)) from None
        except TelegramError as error:
            outcome = "refused"
            told = error.message.replace(self._token, "…")[:_ERROR_CHARACTERS]
            raise TelegramRefused(method, told, code=_code(error)) from None
        finally:
            self._calls.labels(method, outcome).inc()


def _token(config: Config) -> str:
    token = config.secrets.telegram_bot_token
    if token is None or not token.get_secret_value().strip():
        raise ConfigError(
            "Telegram has no token to speak with: set TELEGRAM_BOT_TOKEN to what BotFather gave you (123456:…)."
        )
    return token.get_secret_value().strip()


def _code(error: TelegramError) -> int:
    """The HTTP status. The library says the same of a token and of a method that Telegram does not know."""
    if isinstance(error, InvalidToken) and "not found" in error.message.lower():
        return 404
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)


def _leave_behind(method: str, arguments: dict[str, Any]) -> None:
    """In the group that it became, a group's numbers of messages are those of others: nothing there is answered,
    changed or deleted by them. Raises `TelegramRefused`."""
    arguments.pop("reply_parameters", None)
    if "message_id" in arguments:
        raise TelegramRefused(method, "message identifier of the group that it was", code=400)


def _harmless(method: str) -> bool:
    """Whether doing it twice is the same as doing it once."""
    return method in _PASSING or not method.startswith(_MAKING)
