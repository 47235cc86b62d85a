"""What every `Store` owes what is said beside answers: posts go out with the end that brought them forth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.errors import CaseConflict
from bot.events import Turn
from storage.base import Recollection, Store
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns
from tests.contracts.store_cases import DESK, card, case, commit, handed_over, post, posted


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
