"""What every `Store` owes a channel: to know which remote messages show what, and in whose name it may speak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bot.events import Message
from storage.base import Installation, Send, Store
from tests.contracts.store import AWAY, Clock, Contract, end, say
from tests.contracts.store_cases import DESK, card, case, commit

SHOP = Installation(channel="slack", account="T0123", secret=b"\x00\xff sealed", updated_at=7.5)


class SendContract(Contract):
    async def test_sends_come_back_by_part(self, store: Store, make: Callable[[], Store]) -> None:
        """As they were kept, in the order of their parts, also after a restart; other keys and channels have theirs."""
        whole = Send(part=0, state="done", remote="T0123:C0123:1.5", detail={"text": "\U0001f600\x00", "n": [1, None]})
        begun = Send(part=1, state="begun")
        assert list(await store.sends("slack", "m1")) == []
        await store.keep_send("slack", "m1", begun)
        await store.keep_send("slack", "m1", whole)
        await store.keep_send("slack", "m2", replace(begun, part=7))
        await store.keep_send("teams", "m1", replace(whole, part=2))
        await store.close()
        again = make()
        await again.open()
        try:
            assert list(await again.sends("slack", "m1")) == [whole, begun]
            assert list(await again.sends("slack", "m2")) == [replace(begun, part=7)]
            assert list(await again.sends("teams", "m1")) == [replace(whole, part=2)]
        finally:
            await again.close()

    async def test_a_part_is_known_once(self, store: Store) -> None:
        """What is kept of a part takes the place of what was known, in every field."""
        for send in (
            Send(part=0, state="begun", detail={"a": 1}),
            Send(part=0, state="placed", remote="r1", detail={"b": 2}),
            Send(part=0, state="done", remote="r2"),
        ):
            await store.keep_send("slack", "m1", send)
            assert list(await store.sends("slack", "m1")) == [send]

    async def test_a_remote_message_tells_what_it_shows(self, store: Store) -> None:
        """The key of the newest that has it; "" for one that is none of ours, of another channel, or has no name."""
        await store.keep_send("slack", "m1", Send(part=0, state="placed", remote="r1"))
        await store.keep_send("slack", "m2", Send(part=0, state="begun"))
        assert await store.sent_as("slack", "r1") == "m1"
        assert await store.sent_as("slack", "r2") == ""
        assert await store.sent_as("teams", "r1") == ""
        assert await store.sent_as("slack", "") == ""
        await store.keep_send("slack", "m1", Send(part=0, state="placed", remote="r3"))
        assert await store.sent_as("slack", "r1") == ""
        assert await store.sent_as("slack", "r3") == "m1"

    async def test_one_remote_message_may_pass_to_another(self, store: Store, clock: Clock) -> None:
        """When two keys name the same remote message, the one that said so last has it."""
        await store.keep_send("slack", "m2", Send(part=0, state="placed", remote="r1"))
        clock.now += 1
        await store.keep_send("slack", "m1", Send(part=0, state="placed", remote="r1"))
        assert await store.sent_as("slack", "r1") == "m1"

    async def test_many_at_once_are_all_there(self, store: Store) -> None:
        """Parts of many answers that are sent at the same time do not touch one another."""
        kept = [
            (f"m{key}", Send(part=part, state="placed", remote=f"{key}.{part}")) for key in range(40) for part in (0, 1)
        ]
        await asyncio.gather(*(store.keep_send("slack", key, send) for key, send in kept))
        for key, send in kept:
            assert send in await store.sends("slack", key)
            assert await store.sent_as("slack", send.remote) == key

    async def test_sends_go_with_their_message(self, store: Store) -> None:
        """Erasing removes those of the sender's messages, whoever's message they edited, and of nobody else's."""
        await end(store, say(1, AWAY))
        await end(store, say(2, AWAY, sender="bob"))
        await end(store, edited("m3:9.5", "m3"))
        for key in ("m1", "m2", "m3"):
            await store.keep_send("slack", key, Send(part=0, state="done", remote=f"shows {key}"))
            await store.keep_send("slack", key, Send(part=1, state="begun"))
        await store.keep_send("web", "m1", Send(part=0, state="done"))
        assert (await store.erase("ada")).rows["sends"] == 4
        assert [len(await store.sends("slack", key)) for key in ("m1", "m2", "m3")] == [0, 2, 0]
        assert len(await store.sends("web", "m1")) == 1
        assert await store.sent_as("slack", "shows m1") == ""

    async def test_what_put_a_message_there_goes_with_it(self, store: Store) -> None:
        """A question that was asked elsewhere is a remote message of ours as well: both are the asker's."""
        await store.keep_send("slack", "picked:ada", Send(part=0, state="done", remote="m1"))
        await store.keep_send("slack", "told:somebody", Send(part=0, state="done"))
        await end(store, say(1, AWAY))
        assert [item["key"] for item in (await store.export("ada"))["sends"]] == ["picked:ada"]
        assert (await store.erase("ada")).rows["sends"] == 1
        assert list(await store.sends("slack", "picked:ada")) == []
        assert len(await store.sends("slack", "told:somebody")) == 1

    async def test_sends_expire_with_their_message(self, store: Store, clock: Clock) -> None:
        """Those of a message that is too old go with it; those of one whose edited form is newer stay with that."""
        began = clock.now
        for number in (1, 2):
            await end(store, say(number, AWAY))
            await store.keep_send("slack", f"m{number}", Send(part=0, state="done", remote=f"r{number}"))
        await store.keep_send("slack", "nobody's", Send(part=0, state="begun"))
        await store.accept(say("open", AWAY))
        await store.keep_send("slack", "mopen", Send(part=0, state="begun"))
        clock.now += 100
        await end(store, edited("m2:9.5", "m2"))
        await store.keep_send("slack", "newer", Send(part=0, state="begun"))
        expired = (await store.expire(began + 50)).rows
        assert expired == {"messages": 2, "replies": 2, "turns": 4, "sends": 2}
        kept = [key for key in ("m1", "m2", "nobody's", "mopen", "newer") if await store.sends("slack", key)]
        assert kept == ["m2", "mopen", "newer"]
        clock.now += 100
        await store.expire(began + 150)
        assert await store.sent_as("slack", "r2") == ""

    async def test_a_card_is_known_as_long_as_its_case(self, store: Store, clock: Clock) -> None:
        """A thread at the desk is found by its card, however long ago that was posted; with the case it goes."""
        began = clock.now
        await commit(store, say(1), card(case()), case=case())
        await store.keep_send("slack", "case-k1", Send(part=0, state="begun"))
        await store.keep_send("slack", "case-k1", Send(part=0, state="done", remote="r1"))
        clock.now += 100
        await commit(store, say(2, DESK, sender="ana"))
        await store.expire(began + 50)
        assert list(await store.posts(DESK)) == []
        assert await store.sent_as("slack", "r1") == "case-k1"
        assert await store.case_at(DESK) == case()
        clock.now += 100
        assert (await store.expire(began + 150)).rows["cases"] == 1
        assert await store.sent_as("slack", "r1") == ""


class InstallationContract(Contract):
    async def test_an_installation_is_kept_as_it_was_given(self, store: Store, make: Callable[[], Store]) -> None:
        """By channel and account, the newest in the place of the one before, also after a restart."""
        renewed = replace(SHOP, secret=b"new", updated_at=8.5)
        other = replace(SHOP, account="T0001", secret=b"")
        for installation in (SHOP, other, renewed, replace(SHOP, channel="teams")):
            await store.install(installation)
        await store.close()
        again = make()
        await again.open()
        try:
            assert await again.installation("slack", "T0123") == renewed
            assert "new" not in repr(renewed)  # it may be a token as it is, where nothing encrypts it
            assert await again.installation("slack", "T9999") is None
            assert list(await again.installations("slack")) == [other, renewed]
            assert list(await again.installations("discord")) == []
        finally:
            await again.close()

    async def test_what_was_uninstalled_is_gone(self, store: Store) -> None:
        """Once; the others stay."""
        await store.install(SHOP)
        await store.install(replace(SHOP, account="T0001"))
        assert await store.uninstall("slack", "T0123")
        assert not await store.uninstall("slack", "T0123")
        assert [item.account for item in await store.installations("slack")] == ["T0001"]

    async def test_visitors_rights_leave_installations_alone(self, store: Store, clock: Clock, tmp_path: Path) -> None:
        """They are the operator's: erasing and expiring touch none, and an export shows none."""
        await store.install(SHOP)
        await end(store, say(1))
        assert "sealed" not in str(await store.export("ada"))
        await store.erase("ada")
        await store.erase("T0123")
        await store.expire(clock.now + 1e9)
        await store.backup(tmp_path / "copy.db")
        assert await store.installation("slack", "T0123") == SHOP


def edited(message_id: str, original: str) -> Message:
    return replace(say(0, AWAY), id=message_id, replaces=original, edited=True)
