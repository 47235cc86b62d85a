"""What Telegram, its Bot API and the library are known to do to the unwary, and what we do instead: a test for each."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from adapters.telegram import routes
from bot.errors import Overloaded, StorageFull
from bot.events import Message
from bot.metrics import Metrics
from tests.adapters.telegram.bureau import (
    ANNA,
    BORIS,
    FRAME,
    GROUP,
    NAME,
    SECRET,
    Bureau,
    Way,
    bureau,
)
from tests.adapters.telegram.updates import PRIVATE, update
from tests.fakes.telegram.server import Faults

SLOW = {"quote": {"delay_ms": 100}}
WAYS: tuple[Way, ...] = ("polling", "webhook")


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path, request.param, fake={"second": 0.05}) as made:
        yield made


# -- durable before acknowledged ---------------------------------------------------------------------------
@pytest.mark.parametrize("refusal", [Overloaded("full"), StorageFull("full")])
async def test_the_library_keeps_updates_in_memory(
    way: Bureau, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    """It acknowledges them first, so a crash loses them. Here Telegram keeps what is not stored, and tells again."""
    accept, tried = way.store.accept, asyncio.Event()

    async def refuse(_: Message) -> bool:
        tried.set()
        raise refusal

    monkeypatch.setattr(way.store, "accept", refuse)
    await way.telegram.say(ANNA, ANNA, FRAME)
    await tried.wait()
    assert len(way.telegram.updates.waiting) == 1
    monkeypatch.setattr(way.store, "accept", accept)
    assert "five years" in (await way.answer(ANNA)).text


async def test_the_library_knows_no_repetition(way: Bureau) -> None:
    """It takes an update that comes again for another one. Telegram repeats what it got no answer for."""
    way.telegram.faults = Faults(copies=5, drop_after=0.1, only=frozenset({"getUpdates"}), seed=4)
    await way.telegram.say(ANNA, ANNA, FRAME)
    await way.answer(ANNA)
    way.telegram.faults = Faults()
    await way.quiet()
    assert len(way.telegram.chat(ANNA).said) == 1


async def test_update_ids_are_random_after_a_quiet_week(way: Bureau) -> None:
    """A smaller one is as new as a greater one."""
    for number in range(6):
        way.telegram.jump()
        await way.ask(100 + number, 100 + number, FRAME)
        await way.telegram.settled()


# -- the webhook -------------------------------------------------------------------------------------------
async def test_the_librarys_webhook_compares_the_secret_with_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long that takes tells how much of a guess is right. Ours takes as long for every guess."""
    compared: list[tuple[Any, Any]] = []

    def spy(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(routes, "hmac", type("spied", (), {"compare_digest": staticmethod(spy)}))

    async def never(_: Any) -> None:
        raise AssertionError

    door = routes.Door(SECRET, never, Metrics(), body_bytes=1_000)
    with pytest.raises(routes.Denied):
        door._admit(type("request", (), {"headers": _Headers({routes.HEADER: "guess"})})())  # type: ignore[arg-type]
    assert compared == [(b"guess", SECRET.encode())]


class _Headers(dict[str, str]):
    def getall(self, name: str, default: list[str]) -> list[str]:
        return [self[name]] if name in self else default


# -- newer than the library --------------------------------------------------------------------------------
async def test_what_the_library_does_not_know_is_in_api_kwargs(tmp_path: Path) -> None:
    """It knows Bot API 10.0: an update of 10.3 seems to be empty, and is none."""
    stopped = update("stopped_message_generation", {"chat": PRIVATE, "draft_id": 5})
    assert Update.de_json(stopped, None).api_kwargs["stopped_message_generation"]["draft_id"] == 5
    async with bureau(tmp_path, engine=SLOW) as made:
        await made.telegram.say(ANNA, ANNA, FRAME)
        await made.telegram.until(lambda: made.telegram.chat(ANNA).drafts)
        await made.telegram.stop(ANNA)
        assert "five years" not in (await made.answer(ANNA)).text


async def test_a_server_of_an_older_version(tmp_path: Path) -> None:
    """One that knows no drafts, no rich messages, no Stop: an answer is a message that is edited."""
    async with bureau(tmp_path, fake={"version": (9, 0)}, engine=SLOW) as made:
        _, shown = await made.ask(ANNA, ANNA, FRAME)
        assert "five years" in shown.text and not made.telegram.chat(ANNA).drafts


async def test_drafts_are_for_private_chats_alone(tmp_path: Path) -> None:
    """In groups, and for a business, Telegram refuses them: nobody tries."""
    async with bureau(tmp_path, engine={"quote": {"delay_ms": 20}}) as made:
        await made.ask(GROUP, ANNA, f"@{NAME} {FRAME}")
        connection = await made.telegram.connect(30)
        await made.telegram.write_to(connection, 31, FRAME)
        await made.telegram.answers(31, business=connection)
        assert made.telegram.calls_of("sendMessageDraft") == []
        await made.ask(ANNA, ANNA, FRAME)
        assert made.telegram.calls_of("sendMessageDraft")


# -- buttons -----------------------------------------------------------------------------------------------
async def test_a_press_is_answered_whatever_it_was(tmp_path: Path) -> None:
    """A button that is not answered goes on turning; and one may stand on a message that nobody knows any more."""
    async with bureau(tmp_path) as made:
        _, shown = await made.ask(ANNA, ANNA, FRAME)
        shown.markup = {"inline_keyboard": [[{"text": "?", "callback_data": "of-yesterday"}]]}
        unknown = await made.telegram.press(shown, "of-yesterday", BORIS)
        shown.markup = {"inline_keyboard": [[{"text": "👍", "callback_data": "f+"}]]}
        shown.deleted = True
        gone = await made.telegram.press(shown, "f+", ANNA)
        await made.telegram.until(lambda: unknown.answer is not None and gone.answer is not None)


async def test_reactions_have_to_be_asked_for(way: Bureau) -> None:
    """They are among the kinds of updates that come only by name."""
    method = "setWebhook" if way.telegram.hook.url else "getUpdates"
    assert "message_reaction" in way.telegram.calls_of(method)[-1].given["allowed_updates"]
    assert way.telegram.updates.dropped == [] or "message_reaction" not in way.telegram.updates.dropped
