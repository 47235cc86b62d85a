"""Files that people attach join their conversation's knowledge, and nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.attachments import READ_AT_ONCE, Attachments, shown
from bot.config import load
from bot.errors import SourceError
from bot.events import Address, Attachment
from bot.phrases import phrase_languages, said
from prompts.knowledge import Knowledge
from storage.base import conversation_scope
from storage.sqlite import SqliteStore
from tests.bot.filed import Filed, modelled, talking
from tests.fakes.openai import Answer

MANUAL = "# Descaling\n\nTo descale the samovar, boil two litres of vinegar in it for 25 minutes.\n"
ASKED = "How long do I boil vinegar to descale the samovar?"


async def test_a_file_answers_and_is_cited_by_its_name(tmp_path: Path) -> None:
    """The answer draws on it at once; the citation's title is the file's name, its location the attachment's own."""
    async with talking(tmp_path) as talk:
        end = await talk.say(ASKED, talk.channel.file("samovar.md", MANUAL))
        assert "25 minutes" in end.text
        assert [(source.title, source.location, source.url) for source in end.citations] == [
            ("samovar.md", "file:samovar.md", "")
        ]


async def test_a_file_stays_with_its_conversation(tmp_path: Path) -> None:
    """It answers later questions there; elsewhere neither answers nor citations hold anything of it."""
    async with talking(tmp_path) as talk:
        await talk.say(ASKED, talk.channel.file("samovar.md", MANUAL))
        again = await talk.say("What do I boil in the samovar to descale it?")
        assert "vinegar" in again.text
        other = await talk.say(ASKED, conversation="other")
        assert "25" not in other.text
        assert other.citations == ()
        assert other.finish_reason == "declined"


async def test_a_file_that_comes_with_a_question_is_what_it_is_about(tmp_path: Path) -> None:
    """Where it and what everybody may know both answer, the file does; one that says nothing of it does not."""
    async with talking(tmp_path) as talk:
        returns = talk.channel.file("ours.md", "# Our returns\n\nYou have 14 days to return things.\n")
        asked = "How long do I have to return a kettle?"
        before = await talk.say(asked, conversation="other")
        end = await talk.say(asked, returns)
        assert "30 days" in before.text and "14 days" in end.text and "30 days" not in end.text
        assert end.citations[0].location == "file:ours.md"
        end = await talk.say(asked, talk.channel.file("samovar.md", MANUAL), conversation="third")
        assert "30 days" in end.text


async def test_files_alone_are_read_and_asked_about(tmp_path: Path) -> None:
    """Whoever sends files and nothing else is told what was read, in the language of the conversation."""
    async with talking(tmp_path) as talk:
        await talk.say("Wie lange kann ich einen Wasserkocher zurückgeben?")
        end = await talk.say("", talk.channel.file("samovar.md", MANUAL), talk.channel.file("b.txt", "Text."))
        assert end.text == said("files_read", "de", files="`samovar.md`; `b.txt`")
        assert end.finish_reason == "remark"


async def test_what_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """The question is answered; below the answer stands what happened to each file, and why."""
    async with talking(tmp_path, slack={"limits": {"files": 3}}) as talk:
        keep = talk.channel.file
        end = await talk.say(
            "How long do I have to return a kettle?",
            keep("huge.pdf", b"", size=10_000_001),
            keep("film.mp4", b"\0\0\0 ftyp", media_type="video/mp4"),
            keep("gone.txt", ConnectionError("secret address")),
        )
        answer, *notes = end.text.split("\n\n")
        assert "30 days" in answer
        assert notes == [
            "I could not read `huge.pdf`: it is larger than 10 MB.",
            f"I could not read `film.mp4`: {said('file_kind', 'en')}",
            "I could not read `gone.txt`: it could not be fetched.",
        ]
        assert [location for location, _ in talk.channel.fetched] == ["file:film.mp4", "file:gone.txt"]


@pytest.mark.parametrize("language", sorted(phrase_languages()))
@pytest.mark.parametrize("why", ["large", "kind", "locked", "empty", "damaged", "missing"])
async def test_every_fault_is_told_in_every_language(why: Any, language: str) -> None:
    """Whoever attached it reads why in their own words."""
    file = Attachment(name="a.txt", media_type="", size=0, location="file:a")

    async def fetch(*_: Any) -> bytes:
        raise SourceError("words for the log", why=why)

    config = load(environ={}, overrides={"slack": {"limits": {"file_bytes": 2_500}}})
    knowledge: Any = None
    attachments = Attachments(config, knowledge, {"slack": fetch})
    address = Address(channel="slack", conversation="c")
    came = await attachments.take([file], address, attempt=1, language=language)
    reason = said("file_larger", language, size="2.5 kB") if why == "large" else said(f"file_{why}", language)
    assert came.notes == (said("file_unread", language, file="`a.txt`", why=reason),)
    assert not came.files


async def test_an_adapters_own_sentence_is_passed_on(tmp_path: Path) -> None:
    """Where the house has no words for it, the channel's stand."""
    async with talking(tmp_path) as talk:
        end = await talk.say("", talk.channel.file("a.txt", SourceError("The app may not read files here.")))
        assert end.text == "I could not read `a.txt`: The app may not read files here."


async def test_more_files_than_are_read_are_named(tmp_path: Path) -> None:
    """The first ones are read, the others said to be left out."""
    async with talking(tmp_path) as talk:
        files = [talk.channel.file(f"{number}.txt", f"Figure {number}.") for number in range(7)]
        end = await talk.say("", *files)
        assert "`4.txt`" in end.text.split("\n\n")[0]
        assert end.text.endswith(said("files_left", "en", count="5", files="`5.txt`; `6.txt`"))
        assert len(talk.channel.fetched) == 5


async def test_the_smaller_limit_holds(tmp_path: Path) -> None:
    """The channel is asked for no more bytes than knowledge takes of a file, and what is over that is not read."""
    async with talking(tmp_path, knowledge={"max_file_bytes": 1_000}) as talk:
        end = await talk.say("", talk.channel.file("long.txt", "word " * 300))
        assert talk.channel.fetched == [("file:long.txt", 1_000)]
        assert end.text == "I could not read `long.txt`: it is larger than 1 kB."


async def test_another_attempt_fetches_nothing_again(tmp_path: Path) -> None:
    """What the first attempt indexed is there; what it could not fetch is tried again."""
    channel, store = Filed(), SqliteStore(tmp_path / "data")
    await store.open()
    config = load(environ={}, overrides={"knowledge": {"semantic": {"enabled": "no"}}})
    knowledge = Knowledge(store, config.knowledge)
    try:
        attachments = Attachments(config, knowledge, {"test": channel.fetch})
        files = [channel.file("a.txt", "Figs."), channel.file("b.txt", ConnectionError())]
        address = Address(channel="test", conversation="c")
        first = await attachments.take(files, address, attempt=1, language="en")
        assert (list(first.files), len(first.notes)) == (["file:a.txt"], 1)
        channel.kept["file:b.txt"] = b"Dates."
        channel.fetched.clear()
        second = await attachments.take(files, address, attempt=2, language="en")
        assert (list(second.files), second.notes) == (["file:a.txt", "file:b.txt"], ())
        assert [location for location, _ in channel.fetched] == ["file:b.txt"]
    finally:
        knowledge.close()
        await store.close()


async def test_a_stop_ends_a_fetch_that_hangs(tmp_path: Path) -> None:
    """Whoever no longer waits is not kept waiting by the channel."""
    async with talking(tmp_path) as talk:
        talk.channel.hanging = True
        message = talk.message("What is in it?", talk.channel.file("a.txt", "Figs."))
        await talk.desk.publish(message)
        async with asyncio.timeout(20):
            while not talk.channel.fetched:
                await asyncio.sleep(0.005)
        assert talk.desk.work.house.stop(message.address, message.id)
        end = await talk.channel.end(message.id)
        assert getattr(end, "finish_reason", "") == "cancelled"


async def test_a_question_that_names_nothing_reaches_the_file_it_came_with(tmp_path: Path) -> None:
    """ "What is this?" has no word of the file in it, and yet the model reads how it begins."""
    async with modelled(tmp_path, Answer(pieces=("It is about descaling the samovar [1].",))) as (talk, fake):
        end = await talk.say("What is this about?", talk.channel.file("samovar.md", MANUAL))
        assert "boil two litres of vinegar" in fake.requests[0]["messages"][0]["content"]
        assert [source.title for source in end.citations] == ["samovar.md"]


async def test_files_of_a_message_that_another_took_the_place_of_are_read(tmp_path: Path) -> None:
    """Policy `debounce`: the file came with the first message, the question with the second."""
    async with talking(tmp_path, bus={"busy": "debounce", "debounce_seconds": 1}) as talk:
        first = talk.message("", talk.channel.file("samovar.md", MANUAL))
        await talk.desk.publish(first)
        end = await talk.say(ASKED)
        assert "25 minutes" in end.text
        merged = await talk.channel.end(first.id)
        assert getattr(merged, "finish_reason", "") == "merged"


async def test_erasing_a_visitor_erases_their_files(tmp_path: Path) -> None:
    """Neither the document nor a passage of it stays; others' files do."""
    async with talking(tmp_path) as talk:
        await talk.say(ASKED, talk.channel.file("mine.md", MANUAL), conversation="mine")
        await talk.say(ASKED, talk.channel.file("theirs.md", MANUAL), conversation="theirs")
        erased = await talk.desk.store.erase("visitor of mine")
        assert (erased.rows["documents"], erased.rows["passages"]) == (1, 1)
        left = await talk.desk.store.documents(scope=None)
        assert [document.title for document in left if document.scope] == ["theirs.md"]
        assert (await talk.say(ASKED, conversation="mine")).finish_reason == "declined"


async def test_in_a_talk_of_several_each_ones_files_are_erased_with_them(tmp_path: Path) -> None:
    """A thread holds files of two people; erasing one leaves the other's."""
    async with talking(tmp_path) as talk:
        address = Address(channel="test", conversation="c")
        for sender, name in (("ana", "ana.md"), ("ben", "ben.md")):
            message = talk.message("", talk.channel.file(name, f"{MANUAL}{name}"))
            await talk.desk.publish(replace(message, sender=sender))
            await talk.channel.end(message.id)
        await talk.desk.store.erase("ana")
        left = await talk.desk.store.documents(scope=conversation_scope(address))
        assert [document.title for document in left] == ["ben.md"]


async def test_channels_without_files_are_told_so(tmp_path: Path) -> None:
    """An adapter that fetches nothing cannot be asked."""
    config = load(environ={})
    knowledge: Any = None
    attachments = Attachments(config, knowledge, {})
    assert attachments.perception.can("test", "en") == []
    file = Attachment(name="a.txt", media_type="", size=0, location="file:a")
    came = await attachments.take([file], Address(channel="test", conversation="c"), attempt=1, language="en")
    assert came.notes == ("I could not read `a.txt`: it could not be fetched.",)


async def test_only_so_many_are_in_memory_at_once() -> None:
    """However many people attach something at the same time; the others wait, and are read then."""
    held = most = 0
    gate = asyncio.Event()

    async def fetch(_: Address, file: Attachment, limit: int) -> bytes:
        nonlocal held, most
        held += 1
        most = max(most, held)
        await gate.wait()
        return b"text"

    async def add_bytes(*_: Any, **__: Any) -> None:
        nonlocal held
        await asyncio.sleep(0)
        held -= 1

    knowledge: Any = SimpleNamespace(add_bytes=add_bytes)
    attachments = Attachments(load(environ={}), knowledge, {"test": fetch})
    file = Attachment(name="a.txt", media_type="", size=0, location="file:a")
    people = [Address(channel="test", conversation=f"c{number}") for number in range(3 * READ_AT_ONCE)]
    taking = [asyncio.create_task(attachments.take([file], person, attempt=1, language="en")) for person in people]
    async with asyncio.timeout(10):
        while most < READ_AT_ONCE:
            await asyncio.sleep(0)
    gate.set()
    assert [came.notes for came in await asyncio.gather(*taking)] == [()] * len(people)
    assert most == READ_AT_ONCE and held == 0


@pytest.mark.parametrize(
    ("name", "as_shown"),
    [
        ("report.pdf", "`report.pdf`"),
        ("a`b`.txt", "`a'b'.txt`"),
        ("[x](https://evil.example)", "`[x](https://evil.example)`"),
        ("two\nlines\u202e.txt", "`two lines .txt`"),
        ("", "`?`"),
        ("x" * 300, f"`{'x' * 80}`"),
    ],
)
def test_names_are_shown_as_names(name: str, as_shown: str) -> None:
    """Nothing in a file's name is taken for a link or ends the line."""
    assert shown(name) == as_shown
