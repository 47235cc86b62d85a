"""What every `Store` owes a conversation that is handed over: its case, and what is posted on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bot.errors import CaseConflict, StaleLease
from bot.events import Address, Case, CaseState, Message, Post, PostKind, Turn
from storage.base import Outgoing, Store
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, say, take, turns

DESK = Address(channel="slack", account="T0123", conversation="C0123", thread="k1")
AGENT = "T0123:U0123"


def case(number: int = 1, visitor: Address = HOME) -> Case:
    """A case that was just opened."""
    return Case(
        id=f"k{number}",
        visitor=visitor,
        desk=replace(DESK, thread=f"k{number}"),
        state="waiting",
        opened_at=5.0,
        name="Ada \U0001f600",
        language="de",
        reason="Ein Mensch, bitte\x00",
    )


def taken(opened: Case) -> Case:
    return replace(opened, state="taken", agent=AGENT, agent_name="Ana")


def post(post_id: str, address: Address, kind: PostKind, about: Case | None = None, text: str = "") -> Post:
    return Post(
        id=post_id, address=address, kind=kind, text=text or f"text of {post_id}", case=about or case(), name="Ana"
    )


def card(about: Case) -> Post:
    return post(f"case-{about.id}", about.desk, "case", about, f"{about.state}: {about.reason}")


def at_desk(number: int | str, about: Case | None = None, text: str = "") -> Message:
    """What a colleague says in a case's thread."""
    return say(f"desk-{number}", (about or case()).desk, sender=AGENT, text=text)


async def commit(
    store: Store, message: Message, *posts: Post, case: Case | None = None, turned: Sequence[Turn] = ()
) -> Outgoing:
    lease = await take(store, message)
    return await store.complete(lease, answer(lease, ""), turned, posts=posts, case=case)


async def handed_over(store: Store) -> Case:
    """Ada asked for a person, Ana took it, and they spoke."""
    opened = case()
    held = taken(opened)
    await commit(store, say("ask"), card(opened), case=opened)
    joined = post("joined", HOME, "notice", held)
    await commit(store, at_desk("take"), joined, card(held), case=held)
    await commit(store, at_desk("says"), post("ana-says", HOME, "said", held, "Hello, I am Ana."))
    await commit(store, say("reply"), post("ada-says", held.desk, "said", held, "Hello Ana."))
    return held


class CaseContract(Contract):
    async def test_a_case_is_found_from_both_ends(self, store: Store, make: Callable[[], Store]) -> None:
        """As it was given last, also after a restart; nothing is found where there is none."""
        assert await store.case(HOME) is None
        await commit(store, say(1), case=case())
        assert await store.case(HOME) == case()
        await commit(store, at_desk(1), case=taken(case()))
        await commit(store, say(2))
        await store.close()
        again = make()
        await again.open()
        try:
            assert await again.case(HOME) == await again.case_at(DESK) == taken(case())
            assert await again.case(DESK) is None
            assert await again.case_at(HOME) is None
            assert await again.case(replace(HOME, thread="t")) is None
        finally:
            await again.close()

    @pytest.mark.parametrize("state", ["resolved", "returned"])
    async def test_a_closed_case_is_found_at_the_desk_alone(self, store: Store, state: CaseState) -> None:
        """Its conversation may open another one, which has a thread of its own."""
        closed = replace(taken(case()), state=state)
        await commit(store, say(1), case=case())
        await commit(store, at_desk(1), case=closed)
        assert await store.case(HOME) is None
        assert await store.case_at(DESK) == closed
        await commit(store, say(2), case=case(2))
        assert await store.case(HOME) == case(2)
        assert await store.case_at(DESK) == closed
        assert await store.case_at(case(2).desk) == case(2)

    async def test_a_conversation_has_one_open_case(self, store: Store) -> None:
        """A second one is refused with all that it came with; conversations beside it have theirs."""
        await commit(store, say(1), card(case()), case=case())
        lease = await take(store, say(2))
        second = case(2)
        with pytest.raises(CaseConflict, match="k1"):
            await store.complete(lease, answer(lease), turns(lease), posts=[card(second)], case=second)
        assert await store.case(HOME) == case()
        assert list(await store.turns(HOME)) == []
        assert list(await store.posts(second.desk)) == []
        await store.release(lease)
        await commit(store, say(2))
        await commit(store, say(3, AWAY), case=case(2, AWAY))
        assert await store.case(AWAY) == case(2, AWAY)

    async def test_of_two_that_open_at_once_one_does(self, store: Store) -> None:
        """However close together they come."""
        leases = [await take(store, say(number)) for number in range(8)]
        ends = (
            store.complete(lease, answer(lease), (), case=case(number), posts=[card(case(number))])
            for number, lease in enumerate(leases)
        )
        results = await asyncio.gather(*ends, return_exceptions=True)
        assert [type(result) for result in results].count(Outgoing) == 1
        assert [type(result) for result in results].count(CaseConflict) == 7
        found = await store.case(HOME)
        assert found is not None
        assert [list(await store.posts(case(number).desk)) != [] for number in range(8)].count(True) == 1

    @pytest.mark.parametrize("state", ["waiting", "taken", "returned"])
    async def test_closed_is_for_good(self, store: Store, state: CaseState) -> None:
        """A case that was resolved becomes nothing else, so that a late click cannot silence the bot again."""
        closed = replace(case(), state="resolved")
        await commit(store, say(1), case=closed)
        lease = await take(store, at_desk(1))
        with pytest.raises(CaseConflict, match="for good"):
            await store.complete(lease, answer(lease), (), case=replace(closed, state=state))
        await store.complete(lease, answer(lease), (), case=replace(closed, agent_name="Ana"))
        assert await store.case_at(DESK) == replace(closed, agent_name="Ana")

    async def test_what_was_decided_on_a_case_that_changed_is_void(self, store: Store) -> None:
        """Whatever changed in it: the end is refused with all that it came with, and may be decided anew."""
        await commit(store, say(1), case=case())
        await commit(store, at_desk(1), case=taken(case()))
        late = await take(store, say(2))
        for seen in (case(), case(2), replace(taken(case()), agent_name="Ben")):
            with pytest.raises(CaseConflict):
                await store.complete(late, answer(late), turns(late), posts=[post("p", DESK, "said")], seen=seen)
        assert list(await store.turns(HOME)) == []
        assert list(await store.posts(DESK)) == []
        closed = replace(taken(case()), state="resolved")
        await store.complete(late, answer(late), turns(late), case=closed, seen=taken(case()))
        assert await store.case_at(DESK) == closed

    async def test_a_void_lease_changes_no_case(self, store: Store, clock: Clock) -> None:
        """Posts and cases are refused together with the end that they belong to."""
        old = await take(store, say(1), seconds=1)
        clock.now += 2
        new = await store.lease(say(1), 10)
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old), (), posts=[card(case())], case=case())
        assert await store.case(HOME) is None
        assert list(await store.undelivered()) == []
        assert new is not None
        await store.complete(new, answer(new), (), posts=[card(case())], case=case())
        assert len(await store.undelivered()) == 2


async def posted(store: Store, address: Address) -> Sequence[_Posted]:
    return [_Posted(item) for item in await store.posts(address)]


class _Posted:
    """An outgoing whose event is known to be a post."""

    def __init__(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.event, Post)
        self.event: Post = outgoing.event
