"""From what was heard to what is published. It returns when everything is durable: only then is Slack told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from adapters.slack.accounts import Unreachable
from adapters.slack.asking import Asking
from adapters.slack.buttons import Buttons
from adapters.slack.heard import Deleted, Heard, Nothing, Opened, Ordered, Picked, Pressed, Removed, Said, Stopped
from adapters.slack.inbound import heard
from adapters.slack.reading import Reading
from adapters.slack.receiving import Receiving
from adapters.slack.spoken import Spoken
from bot.errors import Overloaded, StorageError
from bot.phrases import said as phrase

log = structlog.get_logger()

PROMPTS = 4
"""Suggested prompts, at most, as Slack takes them."""


class Receiver:
    """Every payload of Slack's ends here, whichever way it came."""

    def __init__(self, at: Receiving, reading: Reading) -> None:
        self._at = at
        self._spoken, self._buttons, self._asking = Spoken(at, reading), Buttons(at), Asking(at, reading)

    async def receive(self, payload: Mapping[str, Any]) -> str:
        """Take a payload (checked by `payload.checked`). What it gives is the text to acknowledge a command with.

        Raises what says that Slack should tell again: `Overloaded`, `StorageError`, `Unreachable`; and `NotInstalled`.
        """
        told = heard(payload)
        if isinstance(told, Ordered):
            return await self._ordered(told)
        await self._take(told)
        return ""

    async def _take(self, told: Heard) -> None:
        match told:
            case Said():
                await self._spoken.said(told)
            case Deleted():
                await self._spoken.deleted(told)
            case Pressed():
                await self._buttons.pressed(told)
            case Stopped():
                await self._buttons.stopped(told)
            case Picked():
                await self._asking.picked(told)
            case Opened():
                self._opened(told)
            case Removed():
                await self._at.accounts.revoke(told.of.team, told.of.enterprise)
            case Nothing():
                log.debug("slack.unheard", why=told.why)

    async def _ordered(self, ordered: Ordered) -> str:
        """Slack never repeats a command, and shows nothing of why one failed: say it."""
        try:
            return await self._asking.ordered(ordered)
        except (Overloaded, StorageError, Unreachable) as error:
            log.warning("slack.command_refused", error=type(error).__name__)
            return phrase("unavailable", self._at.config.language.fixed or self._at.config.language.default)

    def _opened(self, opened: Opened) -> None:
        """Suggest what is configured, in the person's language."""
        suggestions = self._at.config.slack.suggestions
        if not suggestions:
            return

        async def suggest() -> None:
            account = await self._at.account(opened.of)
            language = await self._at.language(account, opened.user)
            texts = suggestions.get(language) or suggestions.get(self._at.config.language.default) or ()
            if texts:
                prompts = [{"title": text, "message": text} for text in texts[:PROMPTS]]
                thread = {"thread_ts": opened.root} if opened.root else {}
                await self._at.calls.call(
                    account.team,
                    "assistant.threads.setSuggestedPrompts",
                    channel_id=opened.channel,
                    prompts=prompts,
                    **thread,
                )

        self._at.courtesies.offer(suggest)
