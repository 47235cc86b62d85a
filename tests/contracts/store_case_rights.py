"""What every `Store` owes whoever had a case, or worked on one: to show both sides of it, and to remove them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.errors import CaseConflict
from bot.events import Feedback, Turn
from storage.base import Recollection, Send, Store, conversation_scope
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take
from tests.contracts.store_cases import AGENT, DESK, at_desk, card, case, commit, handed_over, post, posted, taken
from tests.contracts.store_knowledge import document, passage

REMARK = Turn(role="user", text="Ana's remark", language="en", at=3.0)


async def lived(store: Store) -> None:
    """Ada's case with all that can hang on it, and Bob's beside it."""
    await handed_over(store)
    await commit(store, at_desk("remark", text="Ana's remark"), turned=[REMARK])
    await commit(store, say("colleague", DESK, sender="T0123:U0999", text="Ben's remark"))
    await store.feedback(
        Feedback(address=DESK, message_id="mdesk-remark", value=1, comment="Ana's comment", sender=AGENT)
    )
    await store.remember(DESK, Recollection(summary="the desk's summary"))
    await store.put_document(document("desk.pdf", scope=conversation_scope(DESK)), [passage("the desk's file")])
    for key in ("case-k1", "ada-says", "mdesk-remark"):
        await store.keep_send("slack", key, Send(part=0, state="done", remote=f"shows {key}"))
    await store.keep_send("web", "ana-says", Send(part=0, state="done"))
    other = case(2, replace(HOME, conversation="bob:main"))
    await commit(store, say("bob", other.visitor, sender="bob"), card(other), case=other)
    await store.keep_send("slack", "case-k2", Send(part=0, state="done", remote="shows case-k2"))


class CaseRightsContract(Contract):
    async def test_an_export_shows_both_sides(self, store: Store) -> None:
        """The conversation with what people said in it, the case, its thread and posts; of others nothing."""
        await lived(store)
        exported = json.loads(json.dumps(await store.export("ada")))
        (home,) = exported["conversations"]
        assert [turn["text"] for turn in home["turns"]] == ["Hello, I am Ana."]
        assert [item["message"]["id"] for item in home["exchanges"]] == ["mask", "mreply"]
        (held,) = exported["cases"]
        assert (held["case"]["id"], held["case"]["state"], held["case"]["agent_name"]) == ("k1", "taken", "Ana")
        said = [item["message"]["text"] for item in held["exchanges"]]
        assert said[2:] == ["Ana's remark", "Ben's remark"]
        assert [opinion["comment"] for opinion in held["exchanges"][2]["opinions"]] == ["Ana's comment"]
        assert [turn["text"] for turn in held["turns"]] == ["Ana's remark"]
        assert (held["summary"], held["documents"][0]["texts"]) == ("the desk's summary", ["the desk's file"])
        ids = ["case-k1", "joined", "case-k1", "ana-says", "ada-says"]
        assert [item["event"]["id"] for item in exported["posts"]] == ids
        keys = [(item["channel"], item["key"]) for item in exported["sends"]]
        assert keys == [("slack", "ada-says"), ("slack", "case-k1"), ("slack", "mdesk-remark"), ("web", "ana-says")]
        assert "bob" not in json.dumps(exported)

    async def test_an_export_of_an_agent_holds_no_case(self, store: Store) -> None:
        """What they said and what it brought forth is theirs; the case, the visitor's words and the memory are not."""
        await lived(store)
        exported = json.loads(json.dumps(await store.export(AGENT)))
        assert (exported["cases"], exported["took"]) == ([], ["k1"])
        (desk,) = exported["conversations"]
        assert desk["shared"]
        assert "summary" not in desk
        assert [item["message"]["id"] for item in desk["exchanges"]] == ["mdesk-take", "mdesk-says", "mdesk-remark"]
        assert [item["event"]["id"] for item in exported["posts"]] == ["joined", "case-k1", "ana-says"]

    async def test_erasing_a_visitor_removes_both_sides(self, store: Store) -> None:
        """The case, what was posted of it anywhere, and the whole thread at the desk; another's case is untouched."""
        await lived(store)
        rows = (await store.erase("ada")).rows
        assert rows == {
            "cases": 1,
            "conversations": 2,
            "documents": 1,
            "feedback": 1,
            "messages": 6,
            "passages": 1,
            "posts": 5,
            "replies": 6,
            "sends": 4,
            "turns": 2,
        }
        assert await store.case(HOME) is None
        assert await store.case_at(DESK) is None
        for address in (HOME, DESK):
            assert list(await store.history(address)) == []
            assert list(await store.turns(address)) == []
            assert list(await store.outgoing_since(address, 0)) == []
            assert await store.recall(address) == Recollection()
        assert await store.export("ada") == {**await store.export("nobody"), "visitor": "ada"}
        other = case(2, replace(HOME, conversation="bob:main"))
        assert await store.case(other.visitor) == other
        assert await store.sent_as("slack", "shows case-k2") == "case-k2"
        assert len(await store.undelivered()) == 2

    async def test_work_at_the_desk_of_an_erased_case_is_void(self, store: Store) -> None:
        """What a colleague was saying meanwhile reaches nobody, and the case may not come back with it."""
        held = await handed_over(store)
        lease = await take(store, at_desk("late"))
        await store.erase("ada")
        assert await store.lease(lease.message, 10) is None
        message = say("bob", HOME, sender="bob")
        late = await take(store, message)
        with pytest.raises(CaseConflict, match="not known"):
            await store.complete(late, answer(late), (), posts=[post("late", DESK, "said", held)])
        assert await store.case(HOME) is None

    async def test_erasing_in_a_shared_conversation(self, store: Store) -> None:
        """A case is its opener's, whoever else spoke; erasing somebody else takes only what they said."""
        opened = case(1, AWAY)
        held = taken(opened)
        await commit(store, say(1, AWAY), card(opened), case=opened)
        await commit(store, say(2, AWAY, sender="bob"), post("bob-says", DESK, "said", opened))
        await commit(store, at_desk(1), post("ana-says", AWAY, "said", held), case=held)
        await store.remember(AWAY, Recollection(summary="Ada and Bob"))
        assert (await store.erase("bob")).rows == {"memories": 1, "messages": 1, "posts": 1, "replies": 1}
        assert await store.case(AWAY) == held
        await end(store, say(3, AWAY, sender="bob"))
        assert (await store.erase("ada")).rows["cases"] == 1
        assert [item.message.id for item in await store.history(AWAY)] == ["m3"]
        assert [turn.text for _, turn in await store.turns(AWAY)] == ["question 3", "An answer."]
        assert list(await store.posts(AWAY)) == []

    async def test_erasing_an_agent_gives_the_case_back(self, store: Store) -> None:
        """What they said goes on both sides, and their name from what stays; the case waits for somebody else."""
        held = await handed_over(store)
        await store.remember(HOME, Recollection(summary="Ana told Ada something."))
        rows = (await store.erase(AGENT)).rows
        assert rows == {"memories": 1, "mentions": 2, "messages": 2, "posts": 3, "replies": 2, "turns": 1}
        assert await store.case(HOME) == replace(held, state="waiting", agent="", agent_name="")
        assert [item.event.id for item in await posted(store, held.desk)] == ["case-k1", "ada-says"]
        assert [item.event.case.agent_name for item in await posted(store, held.desk)] == ["", ""]
        assert await store.recall(HOME) == Recollection()
        assert list(await store.turns(HOME)) == []
        assert (await store.erase(AGENT)).rows == {}

    async def test_a_closed_case_of_an_erased_agent_stays_closed(self, store: Store) -> None:
        """Only who had an open one leaves it waiting."""
        closed = replace(taken(case()), state="resolved")
        await commit(store, say(1), case=taken(case()))
        await commit(store, at_desk(1), case=closed)
        await store.erase(AGENT)
        assert await store.case_at(DESK) == replace(closed, agent="", agent_name="")

    async def test_erasing_whom_nobody_names_changes_no_case(self, store: Store) -> None:
        """A case that waits has no agent: the empty name is nobody's."""
        await commit(store, say(1), card(case()), case=case())
        assert (await store.erase("")).rows == {}
        assert await store.case(HOME) == case()

    async def test_posts_expire_with_what_brought_them_forth(self, store: Store, clock: Clock) -> None:
        """A case lives on while anything in it is newer; quiet for long enough it goes, open or not."""
        began = clock.now
        held = await handed_over(store)
        clock.now += 100
        await commit(store, at_desk("later"), post("later", HOME, "said", held))
        expired = (await store.expire(began + 50)).rows
        assert expired == {"messages": 4, "posts": 5, "replies": 4, "turns": 1}
        assert await store.case(HOME) == held
        assert [item.event.id for item in await posted(store, HOME)] == ["later"]
        clock.now += 100
        assert (await store.expire(began + 150)).rows == {
            "cases": 1,
            "conversations": 2,
            "messages": 1,
            "posts": 1,
            "replies": 1,
            "turns": 1,
        }
        assert await store.case(HOME) is None

    async def test_a_case_is_kept_while_its_desk_speaks(self, store: Store, clock: Clock) -> None:
        """Colleagues who still talk in its thread keep it, though nothing was posted of it."""
        began = clock.now
        await commit(store, say(1), card(case()), case=case())
        clock.now += 100
        await store.accept(at_desk(1))
        await store.expire(began + 50)
        assert await store.case(HOME) == await store.case_at(DESK) == case()
