"""What every `Store` owes a conversation that is handed over: its case, and what is posted on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bot.errors import CaseConflict, StaleLease
from bot.events import Address, Case, CaseState, Message, Post, PostKind, Turn
from storage.base import Outgoing, Recollection, Store
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns

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


class PostContract(Contract):
    async def test_posts_go_out_with_the_end(self, store: Store, make: Callable[[], Store]) -> None:
        """They come after it, in their order, whole, each to its channel; delivered like it; also after a restart."""
        opened = case()
        posts = (card(opened), post("n1", HOME, "notice"), post("n2", AWAY, "said", text="\U0001f600 \x00 '; --"))
        outgoing = await commit(store, say(1), *posts, case=opened)
        assert tuple(item.event for item in outgoing.posts) == posts
        end, rows = replace(outgoing, posts=()), list(outgoing.posts)
        numbers = [end.number, *(row.number for row in rows)]
        assert numbers == sorted(set(numbers))
        await store.close()
        again = make()
        await again.open()
        try:
            assert list(await again.undelivered()) == [end, *rows]
            assert list(await again.undelivered(channel="slack")) == [rows[0], rows[2]]
            await again.delivered(rows[0].number, "remote")
            sent = replace(rows[0], delivered=True, remote="remote")
            assert list(await again.undelivered(channel="slack")) == [rows[2]]
            assert list(await again.posts(opened.desk)) == [sent]
            assert list(await again.outgoing_since(HOME, 0)) == [end, rows[1]]
            assert list(await again.outgoing_since(HOME, end.number)) == [rows[1]]
        finally:
            await again.close()

    async def test_a_post_keeps_the_case_as_it_was(self, store: Store) -> None:
        """What became of the case later does not change what was posted of it before."""
        held = await handed_over(store)
        states = [(item.event.case.state, item.event.case.agent_name) for item in await posted(store, held.desk)]
        assert states == [("waiting", ""), ("taken", "Ana"), ("taken", "Ana")]
        cards = [item.event for item in await posted(store, held.desk) if item.event.kind == "case"]
        assert cards == [card(case()), card(held)]

    async def test_posts_are_the_newest_of_one_address(self, store: Store) -> None:
        """The newest come oldest first; ends, and what is posted elsewhere, are not among them."""
        held = await handed_over(store)
        assert [item.event.id for item in await posted(store, HOME)] == ["joined", "ana-says"]
        at = await store.posts(held.desk)
        assert [item.event.id for item in await posted(store, held.desk)] == ["case-k1", "case-k1", "ada-says"]
        assert list(await store.posts(held.desk, limit=2)) == list(at[1:])
        assert list(await store.posts(replace(HOME, thread="t"))) == []

    async def test_history_shows_ends_and_no_posts(self, store: Store) -> None:
        """A message that brought posts forth has one end, and stands there once."""
        outgoing = await commit(store, say(1), card(case()), post("n1", HOME, "notice"), case=case())
        await store.accept(say(2))
        assert [(item.message.id, item.outgoing) for item in await store.history(HOME)] == [
            ("m1", replace(outgoing, posts=())),
            ("m2", None),
        ]
        exchange = await store.exchange("web", "m1")
        assert exchange is not None
        assert exchange.outgoing == replace(outgoing, posts=())

    async def test_what_a_person_said_is_remembered_at_the_visitor(self, store: Store, clock: Clock) -> None:
        """As the assistant's turn, between the others; what was posted at the desk, and notices, are not."""
        await end(store, say(0), text="the bot's")
        await handed_over(store)
        await commit(store, say(9), turned=[Turn(role="user", text="thanks", language="de", at=1.0)])
        spoken = [turn for _, turn in await store.turns(HOME)]
        assert [(turn.role, turn.text) for turn in spoken] == [
            ("user", "question 0"),
            ("assistant", "the bot's"),
            ("assistant", "Hello, I am Ana."),
            ("user", "thanks"),
        ]
        assert (spoken[2].language, spoken[2].at) == ("de", clock.now)
        assert list(await store.turns(DESK)) == []

    async def test_a_post_comes_once(self, store: Store) -> None:
        """The id of one that was posted is refused, with all that came with it; another channel's is another post."""
        await commit(store, say(1), post("p", HOME, "said"), post("p", AWAY, "notice"), case=case())
        lease = await take(store, say(2))
        for kind in ("said", "notice"):
            with pytest.raises(ValueError, match="unique"):
                await store.complete(lease, answer(lease), (), posts=[post("p", DESK, kind)])
        assert await store.exchange("web", "m2") is not None
        assert len(await store.undelivered()) == 3
        await store.complete(lease, answer(lease), (), posts=[post("case-k1", DESK, "case")] * 2)
        assert [item.event.id for item in await posted(store, DESK)] == ["case-k1"] * 2

    async def test_a_post_about_nothing_known_is_refused(self, store: Store) -> None:
        """A case that was erased while somebody answered does not come back with what was to be posted of it."""
        lease = await take(store, say(1))
        with pytest.raises(CaseConflict, match="not known"):
            await store.complete(lease, answer(lease), (), posts=[card(case())])
        assert list(await store.undelivered()) == []
        await store.complete(lease, answer(lease), ())

    async def test_one_that_breaks_takes_no_other_with_it(self, store: Store) -> None:
        """Among many ends at once, only those that conflict are refused."""
        await commit(store, say("first"), post("taken-id", HOME, "notice"), case=case())
        leases = [await take(store, say(number)) for number in range(40)]
        ids = ["taken-id" if number % 10 == 3 else f"free-{number}" for number in range(40)]
        results = await asyncio.gather(
            *(
                store.complete(lease, answer(lease), turns(lease), posts=[post(post_id, HOME, "notice")])
                for lease, post_id in zip(leases, ids, strict=True)
            ),
            return_exceptions=True,
        )
        refused = [number for number, result in enumerate(results) if isinstance(result, Exception)]
        assert refused == [3, 13, 23, 33]
        assert len(await store.posts(HOME)) == 1 + 36
        assert len(await store.turns(HOME)) == 2 * 36

    async def test_numbers_of_posts_never_return(self, store: Store, make: Callable[[], Store]) -> None:
        """Not even when the newest was a post, was erased, and the process began anew."""
        outgoing = await commit(store, say(1), card(case()), case=case())
        await store.erase("ada")
        await store.close()
        again = make()
        await again.open()
        try:
            assert (await end(again, say(2))).number > outgoing.posts[0].number
        finally:
            await again.close()

    async def test_a_desk_that_never_spoke_can_be_remembered(self, store: Store) -> None:
        """A conversation that began with a post is one like others."""
        await commit(store, say(1), card(case()), case=case())
        await store.remember(DESK, Recollection(summary="A case."))
        assert (await store.recall(DESK)).summary == "A case."
        assert list(await store.history(DESK)) == []


async def posted(store: Store, address: Address) -> Sequence[_Posted]:
    return [_Posted(item) for item in await store.posts(address)]


class _Posted:
    """An outgoing whose event is known to be a post."""

    def __init__(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing.event, Post)
        self.event: Post = outgoing.event
