"""What every `Store` owes cases in which nobody says anything any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import CaseConflict
from bot.events import Address, Case
from storage.base import Store
from tests.contracts.store import HOME, Clock, Contract, say
from tests.contracts.store_cases import DESK, at_desk, card, case, commit, handed_over, post, taken

DAY = 86_400.0


def returned(about: Case) -> Case:
    return replace(about, state="returned")


class IdleContract(Contract):
    async def test_a_case_is_idle_when_neither_side_says_anything(self, store: Store, clock: Clock) -> None:
        """Whatever is said in either conversation counts, also what colleagues say to each other, or ask of the bot."""
        held = await handed_over(store)
        for message in (say("v"), at_desk("own"), say("ben", DESK, sender="T0123:ben")):
            clock.now += DAY
            before = clock.now - DAY / 2
            assert await store.idle_cases(before) == [held]
            await commit(store, message)
            assert await store.idle_cases(before) == []
            with pytest.raises(CaseConflict, match="idle no more"):
                await store.lapse(held, (), before=before)
        clock.now += DAY
        await store.accept(say("waits to be answered"))
        assert await store.idle_cases(clock.now) == []
        assert await store.case(HOME) == held

    async def test_an_idle_case_is_given_back_with_what_is_posted(self, store: Store, clock: Clock) -> None:
        """In one transaction, once: the visitor's conversation is the bot's, and both sides are told in order."""
        held = await handed_over(store)
        clock.now += DAY
        over = returned(held)
        told = [post("told", HOME, "notice", over), post("told-desk", held.desk, "notice", over), card(over)]
        sent = await store.lapse(held, told, before=clock.now)
        assert [outgoing.event for outgoing in sent] == told
        assert [outgoing.event for outgoing in (await store.undelivered())[-3:]] == told
        assert (await store.case(HOME), await store.case_at(DESK)) == (None, over)
        assert await store.idle_cases(clock.now + DAY) == []
        for stale in (held, over):
            with pytest.raises(CaseConflict):
                await store.lapse(stale, told, before=clock.now + DAY)
        assert len(await store.posts(HOME)) == 3  # what was said before, and what was told now
        await commit(store, say("again"), case=case(2))
        assert await store.case(HOME) == case(2)

    async def test_what_has_changed_is_left_alone(self, store: Store, clock: Clock) -> None:
        """Somebody else has the case by now: whoever decided on it has to look again. A failure changes nothing."""
        held = await handed_over(store)
        clock.now += DAY
        with pytest.raises(CaseConflict):
            await store.lapse(replace(held, agent="T0123:ben"), (), before=clock.now)
        with pytest.raises(ValueError, match="unique"):
            await store.lapse(held, [post("joined", HOME, "notice", held)], before=clock.now)
        assert await store.case(HOME) == held

    async def test_the_longest_idle_come_first(self, store: Store, clock: Clock) -> None:
        """Waiting ones too, so many at a time; closed ones never."""
        for number in range(4):
            there = Address(channel="web", conversation=f"v{number}")
            opened = case(number, there)
            await commit(store, say(number, there), card(opened), case=opened)
            clock.now += 60
        closed = returned(taken(case(1, Address(channel="web", conversation="v1"))))
        await commit(store, at_desk("closing", closed), case=closed)
        clock.now += DAY
        assert [idle.id for idle in await store.idle_cases(clock.now)] == ["k0", "k2", "k3"]
        assert [idle.id for idle in await store.idle_cases(clock.now, limit=2)] == ["k0", "k2"]

    async def test_of_nobody_who_is_left(self, store: Store, clock: Clock) -> None:
        """A case outlives what was said in it, when that was erased: it is given back, and there is nobody to tell."""
        there = Address(channel="web", conversation="nobody")
        opened = case(7, there)
        await commit(store, at_desk("opens", opened), case=opened)
        await store.erase(at_desk("opens").sender)
        clock.now += DAY
        assert list(await store.lapse(opened, [post("told", there, "notice", opened)], before=clock.now)) == []
        assert await store.case(there) is None
