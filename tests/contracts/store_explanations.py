"""What every `Store` owes whoever asks how an answer came about, and whoever must not be found in that any more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import StaleLease
from bot.events import Address, Failed, Message
from storage.base import Recollection, Store, conversation_name, conversation_scope
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, end, say, take, turns
from tests.contracts.store_cases import card, case, commit, taken
from tests.contracts.store_knowledge import document, passage


def how(said: str, since: float | None = None) -> Mapping[str, Any]:
    return {"confidence": 0.75, "since": since, "prompt": [{"role": "user", "content": said}], "退货": [None, True]}


async def explained(store: Store, message: Message, since: float | None = None) -> None:
    """The whole life of a message, with its explanation."""
    lease = await take(store, message)
    await store.complete(lease, answer(lease), turns(lease), explanation=how(message.text, since))


class ExplanationContract(Contract):
    async def test_an_explanation_is_as_durable_as_its_answer(self, store: Store, make: Callable[[], Store]) -> None:
        """It is there after a restart as it was given, for that message of that channel alone."""
        await explained(store, say(1, text="Ü 退货 \U0001f600\x00 '\""))
        await end(store, say(2))
        await store.close()
        again = make()
        await again.open()
        try:
            assert await again.explanation("web", "m1") == how("Ü 退货 \U0001f600\x00 '\"")
            assert await again.explanation("web", "m2") is None
            assert await again.explanation("web", "m3") is None
            assert await again.explanation("slack", "m1") is None
        finally:
            await again.close()

    async def test_a_failure_may_be_explained(self, store: Store) -> None:
        """Each end may have one."""
        lease = await take(store, say(1))
        failed = Failed(message_id="m1", address=HOME, reason="out of memory", said="Sorry.")
        await store.complete(lease, failed, (), explanation=how("failed"))
        assert await store.explanation("web", "m1") == how("failed")

    async def test_an_old_attempt_explains_nothing(self, store: Store) -> None:
        """What is refused leaves no explanation, and never stands beside the answer of a later attempt."""
        old = await take(store, say(1))
        await store.release(old)
        new = await store.lease(old.message, 60)
        assert new is not None
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old), (), explanation=how("old"))
        assert await store.explanation("web", "m1") is None
        await store.complete(new, answer(new), (), explanation=how("new"))
        with pytest.raises(StaleLease):
            await store.complete(old, answer(old), (), explanation=how("old"))
        assert await store.explanation("web", "m1") == how("new")

    async def test_explanations_go_with_whoever_is_erased(self, store: Store) -> None:
        """Their own, and in a shared conversation everybody's, which may repeat what they said; no others."""
        elsewhere = replace(AWAY, thread="elsewhere")
        for message in (say(1), say(2, AWAY), say(3, AWAY, sender="bob"), say(4, elsewhere, sender="bob")):
            await explained(store, message)
        assert (await store.erase("ada")).rows["explanations"] == 3
        assert await store.explanation("web", "m1") is None
        assert await store.explanation("slack", "m3") is None
        assert await store.explanation("slack", "m4") is not None

    async def test_explanations_of_a_case_go_with_its_visitor(self, store: Store) -> None:
        """What the bot did for colleagues in the thread, too."""
        opened = case()
        await commit(store, say(1), card(opened), case=opened)
        await commit(store, say("desk", opened.desk, sender="ana"), case=taken(opened))
        await explained(store, say("summary", opened.desk, sender="ana"))
        await store.erase("ada")
        assert await store.explanation("slack", "msummary") is None

    async def test_what_is_forgotten_stands_in_no_explanation(self, store: Store) -> None:
        """Whoever reads "I have forgotten" can rely on it; the answer that says so may be explained."""
        await explained(store, say(1))
        await explained(store, say(2, AWAY))
        lease = await take(store, say(3))
        await store.complete(lease, answer(lease), (), forget=True, explanation=how("forget"))
        assert await store.explanation("web", "m1") is None
        assert await store.explanation("web", "m3") == how("forget")
        assert await store.explanation("slack", "m2") is not None
        assert (await store.forget(HOME)).rows == {"explanations": 1}

    async def test_explanations_expire(self, store: Store, clock: Clock) -> None:
        """With their message, or with the oldest thing that they repeat, whichever is earlier."""
        began = clock.now
        await explained(store, say(1))
        clock.now += 100
        await explained(store, say(2), since=began)
        await explained(store, say(3), since=began + 90)
        await explained(store, say(4), since=began + 900)
        assert (await store.expire(began)).rows == {}
        await store.expire(began + 50)
        assert await store.exchange("web", "m2") is not None
        assert [await store.explanation("web", f"m{number}") is None for number in (1, 2, 3, 4)] == [
            True, True, False, False,
        ]  # fmt: skip
        gone = (await store.expire(clock.now + 1)).rows
        assert (gone["messages"], gone["explanations"]) == (3, 2)
        assert await store.explanation("web", "m4") is None

    async def test_explanations_go_with_a_memory_that_faded(self, store: Store, clock: Clock) -> None:
        """What was remembered stands in prompts; once it is cleared it stands there no more."""
        began = clock.now
        await end(store, say(1))
        await store.remember(HOME, Recollection(summary="old"))
        clock.now += 100
        await explained(store, say(2))
        await store.expire(began + 50)
        assert await store.recall(HOME) == Recollection()
        assert await store.explanation("web", "m2") is None

    async def test_explanations_are_exported_when_asked_for(self, store: Store) -> None:
        """To whose conversation it is; those of a shared one repeat what others said."""
        await explained(store, say(1))
        await explained(store, say(2, AWAY))
        await explained(store, say(3, AWAY, sender="bob"))
        assert "explanations" not in json.dumps(await store.export("ada"))
        exported = json.loads(json.dumps(await store.export("ada", explanations=True)))
        (home, away) = exported["conversations"]
        assert home["explanations"] == {"m1": how("question 1")}
        assert "explanations" not in away

    async def test_removing_documents_leaves_explanations(self, store: Store) -> None:
        """They say what was known then."""
        await store.put_document(document("a.md", scope=conversation_scope(HOME)), [passage("a")])
        await explained(store, say(1))
        await store.remove_document("a.md", scope=conversation_scope(HOME))
        assert await store.explanation("web", "m1") is not None


class NameContract(Contract):
    async def test_a_conversation_is_found_by_the_end_of_its_name(self, store: Store) -> None:
        """The newest first, whatever characters stand in it; an empty end finds all, and no more than asked for."""
        colon = Address(channel="web", conversation="50%_ö:main")
        for number, address in enumerate((HOME, AWAY, colon)):
            await store.accept(say(number, address))
        assert conversation_name(AWAY) == "slack:T1:C1:17.5"
        assert conversation_name(HOME) == "web::ada:main"
        for address in (HOME, AWAY, colon):
            assert await store.conversations(conversation_name(address)) == [address]
            assert await store.conversations(f"x{conversation_name(address)}") == []
        assert await store.conversations("C1:17.5") == [AWAY]
        assert await store.conversations("%_ö:main") == [colon]
        assert await store.conversations("%:main") == []
        assert await store.conversations(":main") == [colon, HOME]
        assert await store.conversations() == [colon, AWAY, HOME]
        assert await store.conversations(limit=1) == [colon]
