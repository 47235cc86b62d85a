"""What every `Store` owes a visitor: to show what is held, and to remove it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.events import Attachment, Feedback, Message
from storage.base import Recollection, Store, conversation_scope
from tests.contracts.store import AWAY, HOME, Clock, Contract, end, say, take
from tests.contracts.store_knowledge import document, passage

ALONE = {"messages": 1, "replies": 1, "turns": 2}
NOTHING: Mapping[str, Any] = {"conversations": [], "cases": [], "took": [], "opinions": [], "posts": [], "sends": []}


async def live(store: Store) -> None:
    """Ada alone at home, Ada and Bob away, and a document of Ada's own conversation."""
    await end(store, say(1), text="Ada's answer")
    await store.feedback(Feedback(address=HOME, message_id="m1", value=-1, comment="Ada's comment", sender="ada"))
    await store.remember(HOME, Recollection(summary="Ada's summary", facts=("Ada's fact",), language="en"))
    await store.put_document(document("ada.pdf", scope=conversation_scope(HOME)), [passage("Ada's document")])
    await store.put_document(document("public.md"), [passage("Everybody's")])
    await end(store, say(2, AWAY), text="Ada's answer, away")
    await end(store, say(3, AWAY, sender="bob"), text="Bob's answer")
    await store.remember(AWAY, Recollection(summary="Ada and Bob", facts=("Bob's fact",), language="de"))
    file = Attachment(name="ada.txt", media_type="text/plain", size=1, location="files/ada.txt")
    await store.accept(Message(id="m4", address=AWAY, sender="ada", text="see", sent_at=1.0, attachments=(file,)))
    await store.put_document(document("files/ada.txt", scope=conversation_scope(AWAY)), [passage("Ada's file")])
    await store.put_document(document("files/bob.txt", scope=conversation_scope(AWAY)), [passage("Bob's file")])


def conversation(exported: Mapping[str, Any], channel: str) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = [c for c in exported["conversations"] if c["address"]["channel"] == channel]
    assert len(found) == 1
    return found[0]


class VisitorContract(Contract):
    async def test_an_export_is_whole_and_plain(self, store: Store) -> None:
        """It holds everything about its sender, nothing of others, and turns into JSON as it is."""
        await live(store)
        exported = json.loads(json.dumps(await store.export("ada")))
        home = conversation(exported, "web")
        assert home["exchanges"][0]["message"]["text"] == "question 1"
        assert home["exchanges"][0]["end"]["event"]["text"] == "Ada's answer"
        assert home["exchanges"][0]["feedback"] == -1
        (opinion,) = home["exchanges"][0]["opinions"]
        assert (opinion["sender"], opinion["value"], opinion["comment"]) == ("ada", -1, "Ada's comment")
        assert [turn["role"] for turn in home["turns"]] == ["user", "assistant"]
        assert (home["summary"], home["facts"], home["language"]) == ("Ada's summary", ["Ada's fact"], "en")
        assert home["documents"][0]["texts"] == ["Ada's document"]
        away = conversation(exported, "slack")
        assert [item["message"]["id"] for item in away["exchanges"]] == ["m2", "m4"]
        assert away["exchanges"][1]["end"] is None
        assert away["exchanges"][1]["message"]["attachments"][0]["name"] == "ada.txt"
        assert "Bob" not in json.dumps(exported)

    async def test_opinions_are_their_givers(self, store: Store) -> None:
        """An export shows those that somebody gave and no other's; an erasure takes them and leaves the others'."""
        await end(store, say(1, AWAY))
        await end(store, say(2, AWAY, sender="bob"))
        for message in ("m1", "m2"):
            for sender in ("ada", "bob", ""):
                said = f"{sender or 'nobody'} on {message}"
                opinion = Feedback(address=AWAY, message_id=message, value=1, comment=said, sender=sender)
                assert await store.feedback(opinion)
        exported = json.loads(json.dumps(await store.export("ada")))
        (asked,) = conversation(exported, "slack")["exchanges"]
        assert sorted(opinion["comment"] for opinion in asked["opinions"]) == ["ada on m1", "nobody on m1"]
        (given,) = exported["opinions"]
        assert (given["message_id"], given["comment"], given["value"]) == ("m2", "ada on m2", 1)
        assert given["address"]["conversation"] == AWAY.conversation
        assert "bob" not in json.dumps(exported)
        assert (await store.erase("ada")).rows["feedback"] == 4
        assert [item.feedback for item in await store.history(AWAY)] == [2]
        assert (await store.export("ada"))["opinions"] == []

    async def test_who_only_judged_is_erased_too(self, store: Store) -> None:
        """Nothing else is held of them, and an erasure of nobody takes no opinion of nobody known."""
        await end(store, say(1, AWAY))
        for sender in ("bob", ""):
            await store.feedback(Feedback(address=AWAY, message_id="m1", value=1, sender=sender))
        assert (await store.erase("bob")).rows == {"feedback": 1}
        assert (await store.erase("")).rows == {}
        assert [item.feedback for item in await store.history(AWAY)] == [1]

    async def test_an_export_of_nobody_is_empty(self, store: Store) -> None:
        """Who never wrote is exported as nobody, without an error."""
        assert await store.export("nobody") == {"visitor": "nobody", **NOTHING}

    async def test_erasing_removes_one_and_spares_the_others(self, store: Store) -> None:
        """Own conversations go whole; in shared ones only what is theirs, and what mixes everybody's words."""
        await live(store)
        version = await store.knowledge_version()
        rows = (await store.erase("ada")).rows
        assert rows == {
            "conversations": 1,
            "documents": 2,
            "feedback": 1,
            "memories": 1,
            "messages": 3,
            "passages": 2,
            "replies": 2,
            "turns": 4,
        }
        assert await store.export("ada") == {"visitor": "ada", **NOTHING}
        assert await store.recall(HOME) == Recollection()
        assert list(await store.history(HOME)) == []
        assert [item.message.id for item in await store.history(AWAY)] == ["m3"]
        assert [turn.text for _, turn in await store.turns(AWAY)] == ["question 3", "Bob's answer"]
        memory = await store.recall(AWAY)
        assert (memory.summary, memory.facts, memory.language) == ("", (), "de")
        assert [item.location for item in await store.documents(scope=None)] == ["files/bob.txt", "public.md"]
        assert await store.knowledge_version() != version

    async def test_erasing_nobody(self, store: Store) -> None:
        """It removes nothing, and says so."""
        await live(store)
        assert (await store.erase("nobody")).rows == {}
        assert (await store.erase("ADA")).rows == {}

    async def test_erased_work_has_no_lease(self, store: Store) -> None:
        """Work on an erased message cannot be committed, and the same id may come again as a new message."""
        lease = await take(store, say(1))
        await store.erase("ada")
        assert await store.lease(lease.message, 10) is None
        assert await store.accept(say(1))

    async def test_expiring_removes_what_ended_long_ago(self, store: Store, clock: Clock) -> None:
        """Exchanges that ended before the moment go, with their turns and memories; the newer and the open stay."""
        began = clock.now
        await end(store, say(1))
        await store.remember(HOME, Recollection(summary="old"))
        await store.accept(say("open", AWAY))
        clock.now += 100
        away = say(2, AWAY)
        await end(store, away)
        assert (await store.expire(began)).rows == {}
        assert (await store.expire(began + 50)).rows == {**ALONE, "conversations": 1}
        assert list(await store.history(HOME)) == []
        assert await store.recall(HOME) == Recollection()
        assert [item.message.id for item in await store.history(AWAY)] == ["mopen", "m2"]

    async def test_expiring_clears_memories_that_are_old(self, store: Store, clock: Clock) -> None:
        """A summary that nobody renewed goes although its conversation goes on; documents go with a conversation."""
        began = clock.now
        await end(store, say(1))
        await store.remember(HOME, Recollection(summary="old", language="de"))
        await store.put_document(document("ada.pdf", scope=conversation_scope(HOME)), [passage("text")])
        clock.now += 100
        await end(store, say(2))
        assert (await store.expire(began + 50)).rows == {**ALONE, "memories": 1}
        assert await store.recall(HOME) == Recollection(language="de")
        clock.now += 100
        gone = (await store.expire(began + 150)).rows
        assert gone == {**ALONE, "conversations": 1, "documents": 1, "passages": 1}
