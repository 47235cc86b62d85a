"""What every `Store` owes whoever looks for what the bot did not know, and writes it down for the next time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.events import Address, Failed, Feedback, FinishReason, Message
from storage.base import Store
from storage.learning import CORRECTED, Correction, Unsettled
from tests.contracts.store import AWAY, HOME, Clock, Contract, answer, say, take
from tests.contracts.store_cases import AGENT, at_desk, card, case, commit, post, taken
from tests.contracts.store_knowledge import document, found, passage

LOCATION = "corrections/kayak-1.md"


async def ended(store: Store, message: Message, end: FinishReason = "stop", **explanation: Any) -> None:
    """A message with its end, and with what is kept of how that came about."""
    lease = await take(store, message)
    final = replace(answer(lease), finish_reason=end)
    await store.complete(lease, final, (), explanation=explanation or None)


async def disliked(store: Store, number: int, sender: str = "ada", value: int = -1, comment: str = "") -> None:
    opinion = Feedback(address=HOME, message_id=f"m{number}", value=value, comment=comment, sender=sender)
    assert await store.feedback(opinion)


async def texts(store: Store, **how: Any) -> list[str]:
    return [one.text for one in await store.unsettled(**how)]


def weighed(confidence: float, threshold: float = 0.5) -> dict[str, Any]:
    return {"confidence": confidence, "decided": {"threshold": threshold, "confidence": confidence}}


class UnsettledContract(Contract):
    async def test_declines_and_dislikes_are_found(self, store: Store) -> None:
        """With what is kept of them, oldest first; what was answered and liked is not, nor what failed."""
        await ended(store, say(1), "declined", understood={"standalone": "all of 1", "intent": "question"})
        await ended(store, say(2))
        await ended(store, say(3))
        await ended(store, say(4, AWAY), "declined", understood={"detected": "de"})
        await store.complete(
            await take(store, say(5)), Failed(message_id="m5", address=HOME, reason="broken", said="Sorry"), ()
        )
        for number in (3, 5):
            await disliked(store, number, comment="No!")
        await disliked(store, 3, sender="bob")
        await disliked(store, 2, value=1)
        one, three, four = await store.unsettled()
        assert one == Unsettled(
            number=one.number, conversation=one.conversation, text="question 1", at=one.at, end="declined",
            language="en", standalone="all of 1", intent="question",
        )  # fmt: skip
        assert (three.text, three.disliked, three.comments, three.end) == ("question 3", 2, ("No!",), "stop")
        assert (four.text, four.language) == ("question 4", "de")
        assert one.conversation == three.conversation != four.conversation
        assert one.number < three.number < four.number

    async def test_nobody_is_named(self, store: Store) -> None:
        """A list of gaps is read by many: nothing in it says who asked."""
        await ended(store, say(1, sender="visitor-7"), "declined")
        assert "visitor-7" not in repr(await store.unsettled())
        assert HOME.conversation not in repr(await store.unsettled())

    async def test_an_opinion_taken_back_is_no_dislike(self, store: Store) -> None:
        """Only what people think in the end counts."""
        await ended(store, say(1))
        await disliked(store, 1)
        assert await texts(store) == ["question 1"]
        await disliked(store, 1, value=0)
        assert await texts(store) == []

    async def test_what_was_taken_back_is_not_found(self, store: Store) -> None:
        """A deleted question is nobody's business, and of an edited one the newest form counts alone."""
        await ended(store, say(1), "declined")
        await store.withdraw("web", "m1")
        await ended(store, say(2), "declined")
        await ended(store, replace(say(3, text="second form"), replaces="m2"), "declined")
        await ended(store, replace(say(4, text="third form"), replaces="m2"), "declined")
        await ended(store, replace(say(5), command="summarize"), "declined")
        assert await texts(store) == ["third form"]

    async def test_only_the_newest_since_then(self, store: Store, clock: Clock) -> None:
        """By the time of their acceptance; of more than the limit the oldest are left out."""
        for number in range(4):
            await ended(store, say(number), "declined")
            clock.now += 10
        assert await texts(store, since=clock.now - 20) == ["question 2", "question 3"]
        assert await texts(store, limit=3) == ["question 1", "question 2", "question 3"]

    async def test_hardly_sure_answers_are_found_when_asked_for(self, store: Store) -> None:
        """Those up to a tenth of the way from the threshold to certainty; nothing that was not weighed."""
        for number, confidence in enumerate((0.49, 0.5, 0.549, 0.56)):
            await ended(store, say(number), **weighed(confidence))
        await ended(store, say(9), confidence=None, decided=None)
        assert await texts(store) == []
        unsure = await store.unsettled(unsure=True)
        assert [(one.text, one.unsure) for one in unsure] == [("question 1", True), ("question 2", True)]

    async def test_what_led_to_a_case_is_found(self, store: Store, clock: Clock) -> None:
        """The messages shortly before and after its opening, with what colleagues told the visitor, and no one else."""
        await ended(store, say("old"))
        clock.now += 7_200
        await ended(store, say("before"))
        opened = replace(case(), opened_at=clock.now)
        await commit(store, say("open"), card(opened), case=opened)
        await ended(store, say("after"), "human")
        await ended(store, say("elsewhere", AWAY))
        said = post("s1", HOME, "said", opened, "It is 9 days.")
        aside = post("s2", opened.desk, "said", opened, "He is angry")
        joined = post("n1", HOME, "notice", opened, "Ana has joined")
        await commit(store, at_desk(1, opened), said, aside, joined, card(taken(opened)), case=taken(opened))
        around = await store.unsettled()
        assert [(one.text, one.around) for one in around] == [
            ("question before", "before"), ("question open", "opening"), ("question after", "after"),
        ]  # fmt: skip
        assert {one.case for one in around} == {"k1"}
        assert {one.said for one in around} == {("It is 9 days.",)}
        assert AGENT not in repr(around)
        assert await texts(store, since=clock.now + 1) == []

    async def test_the_erased_are_not_found(self, store: Store) -> None:
        """Nor what they asked in conversations with others."""
        shared = Address(channel="slack", conversation="C")
        for number, (address, sender) in enumerate(((HOME, "ada"), (shared, "ada"), (shared, "bob"))):
            await ended(store, say(number, address, sender=sender), "declined")
        await store.erase("ada")
        assert await texts(store) == ["question 2"]


def draft(question: str = "Can I rent a kayak?", **more: Any) -> Correction:
    given = {"answer": "No.", "author": "ana", "written_at": 5.0, "language": "en", "also": ("kayaks?", "租船\x00")}
    return Correction(question=question, **{**given, **more})


def approved(made: Correction, answer: str = "No.", location: str = LOCATION) -> Correction:
    return replace(made, state="approved", answer=answer, location=location, decided_by="ben", decided_at=7.0)


class CorrectionContract(Contract):
    async def file(self, store: Store, made: Correction, to: Correction) -> bool:
        filed = document(to.location, digest=f"{CORRECTED}1")
        return await store.keep_correction(to, seen=made, document=filed, passages=[passage(to.answer, body="kayak")])

    async def test_a_draft_is_kept_and_not_known(self, store: Store, make: Callable[[], Store]) -> None:
        """As it was given, with a number of its own, over a restart; knowledge stays as it was."""
        version = await store.knowledge_version()
        first, second = await store.add_correction(draft()), await store.add_correction(draft("Wo?", also=()))
        assert first.number != second.number
        assert first == replace(draft(), number=first.number)
        await store.close()
        again = make()
        await again.open()
        try:
            assert await again.corrections() == [first, second]
            assert await again.knowledge_version() == version
            assert await again.documents() == []
        finally:
            await again.close()

    async def test_what_is_approved_is_known(self, store: Store) -> None:
        """With its document in one commit, which caches hear of; what is not any more is known no more."""
        made = await store.add_correction(draft())
        version = await store.knowledge_version()
        assert await self.file(store, made, approved(made))
        assert await store.corrections() == [approved(made)]
        assert await found(store, "kayak") == ["No."]
        assert await store.knowledge_version() > version
        version = await store.knowledge_version()
        rejected = replace(approved(made), state="rejected")
        assert await store.keep_correction(rejected, seen=approved(made))
        assert await found(store, "kayak") == []
        assert await store.documents() == []
        assert await store.knowledge_version() > version

    async def test_a_changed_one_replaces_what_was_known(self, store: Store) -> None:
        """Wherever it is filed now: nothing of the former stays."""
        made = await store.add_correction(draft())
        await self.file(store, made, approved(made))
        newer = approved(made, answer="Yes.", location="corrections/boat-1.md")
        assert await self.file(store, approved(made), newer)
        assert await found(store, "kayak") == ["Yes."]
        assert [one.location for one in await store.documents()] == ["corrections/boat-1.md"]

    async def test_what_changed_meanwhile_is_not_overwritten(self, store: Store) -> None:
        """Two people decide at once: the second is told, and nothing is changed."""
        made = await store.add_correction(draft())
        rejected = replace(made, state="rejected")
        assert await store.keep_correction(rejected, seen=made)
        assert not await self.file(store, made, approved(made))
        assert await store.corrections() == [rejected]
        assert await store.documents() == []
        assert not await store.keep_correction(replace(made, number=99), seen=replace(made, number=99))

    async def test_state_and_document_agree(self, store: Store) -> None:
        """What is approved, and no other, has a document in its place, marked; numbers stay; all begin as drafts."""
        made = await store.add_correction(draft())
        filed, unmarked = document(LOCATION, digest=f"{CORRECTED}1"), document(LOCATION)
        for to, with_document in (
            (approved(made), None),
            (replace(made, state="rejected"), filed),
            (approved(made), unmarked),
            (approved(made, location="corrections/other.md"), filed),
            (replace(approved(made), number=made.number + 1), filed),
        ):
            with pytest.raises(ValueError, match=r"correction|approved"):
                await store.keep_correction(to, seen=made, document=with_document)
        with pytest.raises(ValueError, match="begins as a draft"):
            await store.add_correction(replace(draft(), state="approved"))
        assert await store.corrections() == [made]

    async def test_a_file_in_its_place_stays(self, store: Store) -> None:
        """Whoever adds a file of that very name replaces the correction; rejecting it does not take the file away."""
        made = await store.add_correction(draft())
        await self.file(store, made, approved(made))
        await store.put_document(document(LOCATION), [passage("a file", body="kayak")])
        await store.keep_correction(replace(approved(made), state="rejected"), seen=approved(made))
        assert await found(store, "kayak") == ["a file"]

    async def test_corrections_outlive_whoever_asked(self, store: Store, clock: Clock) -> None:
        """They are the operator's, and hold nobody's data."""
        await ended(store, say(1), "declined")
        made = await store.add_correction(draft())
        await self.file(store, made, approved(made))
        await store.erase("ada")
        await store.expire(clock.now + 1_000)
        assert await store.corrections() == [approved(made)]
        assert await found(store, "kayak") == ["No."]
