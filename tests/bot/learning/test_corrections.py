"""What people write in answer: only what is approved is known, and then it is what the bot says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import Privacy
from bot.errors import UsageError
from bot.events import Passage, Reply
from bot.explanation import Why
from bot.language import Languages
from bot.learning.asked import redactor_of
from bot.learning.corrections import Corrections, written
from bot.learning.filing import filed, ruling
from storage.learning import CORRECTED, Correction
from tests.bot.test_turn import Talk, talk

REDACTOR = redactor_of(Privacy())
ASKED = "Can I rent a kayak?"
TOLD = "No. The shop next door rents kayaks, from 12 euros an hour."


@pytest.fixture
async def talking(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path) as found:
        yield found


def of(talking: Talk, passage_tokens: int = 400) -> Corrections:
    return Corrections(talking.desk.store, Languages(talking.desk.config.language), passage_tokens=passage_tokens)


async def draft(talking: Talk, question: str = ASKED, answer: str = TOLD, *also: str) -> Correction:
    return await of(talking).draft(written(question, also, answer, REDACTOR), "", "ana", time.time())


async def approved(talking: Talk, question: str = ASKED, answer: str = TOLD, *also: str) -> Correction:
    return await of(talking).approve(await draft(talking, question, answer, *also), "ben", time.time())


async def answer(talking: Talk, question: str) -> Reply:
    end = await talking.say(question, conversation=question)
    assert isinstance(end, Reply)
    return end


async def test_only_what_is_approved_is_said(talking: Talk) -> None:
    """Declined before, and as a draft; answered and cited as soon as it is approved; declined again once rejected."""
    assert (await answer(talking, ASKED)).finish_reason == "declined"
    made = await draft(talking, ASKED, TOLD, "can I hire a boat from you?")
    assert (await answer(talking, ASKED)).finish_reason == "declined"
    known = await of(talking).approve(made, "ben", time.time())
    for asked in (ASKED, "can i rent a kayak", "Can I hire a boat from you"):
        told = await answer(talking, asked)
        assert told.text == f"{TOLD} [1]"
        assert [(one.title, one.location) for one in told.citations] == [(ASKED, known.location)]
    assert known.location == f"corrections/can-i-rent-a-kayak-{made.number}.md"
    await of(talking).reject(known, "ben", time.time())
    assert (await answer(talking, ASKED)).finish_reason == "declined"


async def test_a_correction_wins_for_its_question(talking: Talk) -> None:
    """Though an article says otherwise in nearly the same words; other questions are the article's as before."""
    asked = "Can I return opened tea?"
    before = await answer(talking, asked)
    assert "cannot" in before.text
    known = await approved(talking, asked, "Yes, within 14 days.", "can i send back tea that i opened")
    for each in (asked, "Can I send back tea, that I opened?"):
        told = await answer(talking, each)
        assert told.text.startswith("Yes, within 14 days."), each
        assert [one.location for one in told.citations] == [known.location]
    assert "30 days" in (await answer(talking, "How long do I have to return a kettle?")).text


async def test_why_an_article_is_silent_is_told(talking: Talk) -> None:
    """`frontdesk explain` shows it as left out, with the reason."""
    await approved(talking, "Can I return opened tea?", "Yes, within 14 days.")
    ident = (await answer(talking, "Can I return opened tea?")).message_id
    explained = await talking.desk.store.explanation("test", ident)
    assert explained is not None
    first, *others = explained["passages"]
    assert (first["location"].startswith("corrections/"), first["why"]["kept"]) == (True, True)
    assert others
    assert all("a correction was written for this very question" in one["why"]["notes"] for one in others)


async def test_an_answer_may_have_a_form(talking: Talk) -> None:
    """Steps stay steps, in every language."""
    steps = "1. Fill it with vinegar.\n2. Boil it.\n3. Rinse it twice."
    await approved(talking, "How do I descale the kettle?", steps)
    assert (await answer(talking, "How do I descale the kettle?")).text.endswith(f"{steps} [1]")
    await approved(talking, "能租皮划艇吗", "不能。隔壁商店可以租。")
    told = (await answer(talking, "能租皮划艇吗")).text
    assert "不能" in told and "隔壁商店可以租" in told


async def test_an_edited_one_is_known_no_more(talking: Talk) -> None:
    """Somebody has to approve what was changed; who wrote and who decided is on record."""
    known = await approved(talking)
    newer = await of(talking).edit(known, written(ASKED, (), "Yes, two.", REDACTOR), "cem", 5.0)
    assert (newer.state, newer.location, newer.author, newer.decided_by) == ("draft", "", "cem", "")
    assert await talking.desk.store.document(known.location) is None
    again = await of(talking).approve(newer, "ben", 6.0)
    assert (await answer(talking, ASKED)).text == "Yes, two. [1]"
    assert [action async for _, _, action, _ in talking.desk.store.audited()] == [
        "corrections.draft", "corrections.approve", "corrections.edit", "corrections.approve",
    ]  # fmt: skip
    assert [detail async for *_, detail in talking.desk.store.audited()][-1] == {"number": again.number, "by": "ben"}


async def test_adding_folders_leaves_corrections_alone(talking: Talk, tmp_path: Path) -> None:
    """Neither the whole project nor a folder of the same name takes them away, and their own files are theirs."""
    known = await approved(talking)
    folder = tmp_path / "corrections"
    folder.mkdir()
    (folder / "old.md").write_text("# Old\n\nSomething.\n", "utf-8")
    added = await talking.desk.knowledge.add([str(tmp_path)])
    for _ in range(2):
        assert added.removed == []
        assert await of(talking).known(known)
        added = await talking.desk.knowledge.add([str(folder)])
    (folder / "old.md").unlink()
    removed = (await talking.desk.knowledge.add([str(folder)])).removed
    assert len(removed) == 1
    assert removed[0].endswith("corrections/old.md")
    assert await of(talking).known(known)


async def test_what_was_removed_is_known_again_when_approved(talking: Talk) -> None:
    """Somebody may remove the document from the knowledge; then it is said to be so."""
    known = await approved(talking)
    assert await talking.desk.knowledge.remove(known.location)
    assert not await of(talking).known(known)
    await of(talking).approve(known, "ben", time.time())
    assert await of(talking).known(known)


async def test_corrections_are_renewed_as_files_are(talking: Talk) -> None:
    """When passages are cut otherwise, what is known is filed anew; what was removed or is a draft is not."""
    known, gone, _ = await approved(talking), await approved(talking, "Is it red?", "No."), await draft(talking)
    await talking.desk.knowledge.remove(gone.location)
    assert await of(talking).renew() == []
    assert await of(talking, 200).renew() == [known]
    assert await of(talking, 200).renew() == []
    assert await of(talking).known(known) and not await of(talking).known(gone)


async def test_two_people_decide_at_once(talking: Talk) -> None:
    """The second one is told, and changes nothing."""
    made = await draft(talking)
    await of(talking).reject(made, "ana", 1.0)
    with pytest.raises(UsageError, match="changed correction 1 meanwhile"):
        await of(talking).approve(made, "ben", 2.0)
    assert (await of(talking).find(made.number)).state == "rejected"
    with pytest.raises(UsageError, match="no correction 99"):
        await of(talking).find(99)


async def test_a_file_in_the_place_of_a_correction_stays(talking: Talk) -> None:
    """Approving overwrites nobody's file."""
    made = await draft(talking)
    location = f"corrections/can-i-rent-a-kayak-{made.number}.md"
    there = await talking.desk.store.document("knowledge/returns.md") or (await talking.desk.store.documents())[0]
    await talking.desk.store.put_document(replace(there, location=location), [])
    with pytest.raises(UsageError, match="There is a file at"):
        await of(talking).approve(made, "ben", 1.0)


async def test_what_was_taken_out_is_not_said(talking: Talk) -> None:
    """A mark of personal data is no answer: it has to be written without."""
    made = await draft(talking, ASKED, "Call me on +31 10 899 1234.")
    with pytest.raises(UsageError, match=r"corrections edit"):
        await of(talking).approve(made, "ben", 1.0)


async def test_a_backup_holds_corrections(talking: Talk, tmp_path: Path) -> None:
    """With the knowledge that they are."""
    from storage.sqlite import SqliteStore

    known = await approved(talking)
    (tmp_path / "copy").mkdir()
    await talking.desk.store.backup(tmp_path / "copy" / "frontdesk.db")
    copy = SqliteStore(tmp_path / "copy")
    await copy.open()
    try:
        assert await copy.corrections() == [known]
        assert await copy.document(known.location) is not None
    finally:
        await copy.close()


def test_personal_data_is_taken_out_and_told() -> None:
    """Of the questions always, of the answer unless it is the house's own."""
    also = ("kayak for lena@example.org", "KAYAK for Lena?")
    made = written("kayak?", also, "Write to help@kettle.example.", REDACTOR)
    assert (made.also, made.answer) == (("kayak for [email]", "KAYAK for Lena?"), "Write to [email].")
    assert made.redacted == ("question", "answer")
    kept = written("kayak?", (), "Write to help@kettle.example.", REDACTOR, contacts=True)
    assert (kept.answer, kept.redacted) == ("Write to help@kettle.example.", ())


@pytest.mark.parametrize(
    ("question", "answer", "wrong"),
    [(" ? ", "No.", "no question"), ("Kayak?", " … ", "no answer"), ("Kayak?", "long " * 2_000, "more than 8000")],
)
def test_what_cannot_be_kept_is_refused(question: str, answer: str, wrong: str) -> None:
    """With what to do instead."""
    with pytest.raises(UsageError, match=wrong):
        written(question, (), answer, REDACTOR)


def test_wordings_are_kept_once() -> None:
    """What differs in case and marks alone is one, and eight others are enough."""
    made = written("Kayak?", ["kayak", "KAYAK!", *(f"way {number}" for number in range(20))], "No.", REDACTOR)
    assert made.also == tuple(f"way {number}" for number in range(8))


def test_a_hostile_question_stays_text() -> None:
    """Front matter, Markdown and brackets in it are neither; each wording has a passage, in their order."""
    correction = Correction(
        question='Is "it": *red*?\n---\n# no', answer="No.", author="ana", written_at=0.0, language="en", number=3,
        also=("**bold** [x](y)?", "---"), state="approved", location="corrections/x-3.md",
    )  # fmt: skip
    document, passages = filed(correction, lambda *_, **__: "de", passage_tokens=400)
    assert (document.language, document.passages, document.digest[: len(CORRECTED)]) == ("en", 3, CORRECTED)
    assert document.title.split() == correction.question.split()
    assert [stored.passage.position for stored in passages] == [0, 1, 2]
    assert all(stored.passage.text.endswith("No.") for stored in passages)


def test_ruling_needs_a_correction() -> None:
    """An article that happens to hold the question in bold takes no other article's place."""
    told = [
        (Passage(text="**Red?** No.", title="Colours", location=location, score=1.0), Why())
        for location in ("a.md", "corrections/red-1.md")
    ]
    assert ruling("Blue?", told) == told
    (first, _), (other, why) = ruling("red", told)
    assert (first.location, other.location, why.kept) == ("corrections/red-1.md", "a.md", False)
    assert ruling("red", told[:1]) == told[:1]
