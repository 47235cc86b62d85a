"""What every `Store` owes the people of a conversation: how they want it, what they take back, and to forget it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.errors import CaseConflict, StaleLease
from bot.events import Feedback, Turn
from storage.base import Recollection, Store, conversation_scope
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns
from tests.contracts.store_cases import card, case, commit, taken
from tests.contracts.store_knowledge import document, passage


class PreferenceContract(Contract):
    async def test_preferences_are_laid_over_those_before(self, store: Store, make: Callable[[], Store]) -> None:
        """By name, for one conversation, which need not have begun; None takes one away; they last."""
        assert await store.preferences(HOME) == {}
        await store.prefer(HOME, {"language": "de", "noted": ["a", 1, {"b": "退货\x00"}]})
        await store.prefer(HOME, {"voice": True})
        await store.prefer(HOME, {"language": "zh", "never": None})
        await store.prefer(AWAY, {"language": "es"})
        await store.close()
        again = make()
        await again.open()
        try:
            await again.prefer(HOME, {"voice": None})
            assert await again.preferences(HOME) == {"language": "zh", "noted": ["a", 1, {"b": "退货\x00"}]}
            assert await again.preferences(AWAY) == {"language": "es"}
            assert await again.preferences(replace(HOME, thread="other")) == {}
        finally:
            await again.close()

    async def test_preferences_of_several_at_once(self, store: Store) -> None:
        """Whoever says something at the same moment takes nothing away from the others."""
        await asyncio.gather(*(store.prefer(HOME, {f"p{number}": number}) for number in range(50)))
        assert await store.preferences(HOME) == {f"p{number}": number for number in range(50)}

    async def test_preferences_and_memory_are_apart(self, store: Store) -> None:
        """Neither changes the other."""
        await store.prefer(HOME, {"language": "de"})
        recalled = await store.recall(HOME)
        assert recalled == Recollection()
        await store.remember(HOME, replace(recalled, summary="Ada asks."))
        await store.prefer(HOME, {"language": "es"})
        assert (await store.recall(HOME)).summary == "Ada asks."
        assert await store.preferences(HOME) == {"language": "es"}

    async def test_preferences_go_with_their_conversation(self, store: Store, clock: Clock) -> None:
        """They are shown to, and erased with, whose conversation it is; in a shared one they are everybody's."""
        for address in (HOME, AWAY):
            await end(store, say(f"at-{address.channel}", address))
            await store.prefer(address, {"language": "de"})
        await end(store, say("bob", AWAY, sender="bob"))
        home, away = (await store.export("ada"))["conversations"]
        assert home["preferences"] == {"language": "de"}
        assert "preferences" not in away
        await store.erase("ada")
        assert await store.preferences(HOME) == {}
        assert await store.preferences(AWAY) == {"language": "de"}
        clock.now += 100
        await store.expire(clock.now)
        assert await store.preferences(AWAY) == {}

    async def test_preferences_where_nobody_wrote_expire(self, store: Store, clock: Clock) -> None:
        """Some time after they were told first."""
        await store.prefer(HOME, {"language": "de"})
        await store.expire(clock.now)
        assert await store.preferences(HOME) == {"language": "de"}
        await store.expire(clock.now + 1)
        assert await store.preferences(HOME) == {}


class ForgetContract(Contract):
    async def test_forgetting_leaves_the_record(self, store: Store) -> None:
        """Turns, memory and own documents go; the record, opinions, preferences and other conversations stay."""
        for address in (HOME, AWAY):
            await end(store, say(f"at-{address.channel}", address))
            await store.remember(address, Recollection(summary="Ada asks.", facts=("lives in Oslo",), language="en"))
            await store.put_document(document("ada.pdf", scope=conversation_scope(address)), [passage("figs")])
            await store.prefer(address, {"language": "de"})
        await store.put_document(document("public.md"), [passage("Everybody's")])
        await store.feedback(Feedback(address=HOME, message_id="mat-web", value=1))
        version = await store.knowledge_version()
        assert (await store.forget(HOME)).rows == {"documents": 1, "passages": 1, "turns": 2}
        assert list(await store.turns(HOME)) == []
        assert await store.recall(HOME) == Recollection()
        assert [item.location for item in await store.documents(scope=None)] == ["ada.pdf", "public.md"]
        assert await store.knowledge_version() != version
        assert await store.preferences(HOME) == {"language": "de"}
        (exchange,) = await store.history(HOME)
        assert (exchange.message.text, exchange.feedback) == ("question at-web", 1)
        assert exchange.outgoing is not None
        assert len(await store.turns(AWAY)) == 2
        assert (await store.recall(AWAY)).summary == "Ada asks."
        assert (await store.forget(HOME)).rows == {}
        assert (await store.forget(replace(HOME, thread="never"))).rows == {}

    async def test_a_forgotten_memory_does_not_return(self, store: Store) -> None:
        """What was recalled before is void; the conversation goes on with what is said from then on."""
        await end(store, say(1))
        stale = await store.recall(HOME)
        await store.forget(HOME)
        await store.remember(HOME, replace(stale, summary="Ada lives in Oslo."))
        assert await store.recall(HOME) == Recollection()
        await end(store, say(2))
        assert [turn.text for _, turn in await store.turns(HOME)] == ["question 2", "An answer."]
        await store.remember(HOME, replace(await store.recall(HOME), summary="Ada asks again."))
        assert (await store.recall(HOME)).summary == "Ada asks again."

    async def test_an_end_that_forgets(self, store: Store) -> None:
        """Both in one transaction; the turns that come with the end are the first after it."""
        await end(store, say(1))
        lease = await take(store, say(2))
        await store.complete(lease, answer(lease), turns(lease), forget=True)
        assert [turn.text for _, turn in await store.turns(HOME)] == ["question 2", "An answer."]

    async def test_what_is_not_committed_forgets_nothing(self, store: Store) -> None:
        """Neither a worker whose lease is void, nor an end that was decided on what a case is no more."""
        opened = case()
        await commit(store, say(1), card(opened), case=opened, turned=(_turn("Ein Mensch, bitte"),))
        old = await take(store, say(2))
        await store.release(old)
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old), (), forget=True)
        new = await store.lease(old.message, 60)
        assert new is not None
        await commit(store, say("desk", opened.desk), case=taken(opened))
        with pytest.raises(CaseConflict):
            await store.complete(new, answer(new), (), seen=opened, forget=True)
        assert [turn.text for _, turn in await store.turns(HOME)] == ["Ein Mensch, bitte"]
        await store.complete(new, answer(new), (), seen=taken(opened), forget=True)
        assert list(await store.turns(HOME)) == []
        assert await store.case(HOME) == taken(opened)


class WithdrawContract(Contract):
    async def test_what_was_deleted_is_known_as_deleted(self, store: Store, make: Callable[[], Store]) -> None:
        """To whoever asks, and to whoever takes the work, also after a restart; the others are not."""
        for number in (1, 2):
            await store.accept(say(number))
        assert await store.withdraw("web", "m1")
        assert await store.withdraw("web", "m1")
        assert not await store.withdraw("web", "m3")
        assert not await store.withdraw("slack", "m2")
        await store.close()
        again = make()
        await again.open()
        try:
            for number, withdrawn in ((1, True), (2, False)):
                lease = await again.lease(say(number), 60)
                assert lease is not None
                assert lease.withdrawn is (await again.extend(lease, 60)).withdrawn is withdrawn
                exchange = await again.exchange("web", f"m{number}")
                assert exchange is not None
                assert exchange.withdrawn is withdrawn
            assert [item.withdrawn for item in await again.history(HOME)] == [True, False]
        finally:
            await again.close()

    async def test_what_has_ended_may_be_deleted_too(self, store: Store) -> None:
        """Its end stays as it is."""
        ended = await end(store, say(1))
        assert await store.withdraw("web", "m1")
        exchange = await store.exchange("web", "m1")
        assert exchange is not None
        assert (exchange.outgoing, exchange.withdrawn) == (ended, True)


def _turn(text: str) -> Turn:
    return Turn(role="user", text=text, language="de", at=5.0)
