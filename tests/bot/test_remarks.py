"""What is no answer: courtesies, help, what is set. Nobody is asked what they think of it, and it promises no more than
the channel can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.commands import written
from bot.config import load
from bot.desk import Desk, at_desk
from bot.events import Address, Command, FinishReason, Message, Reply
from bot.phrases import said
from tests.bot.filed import modelled, talking
from tests.fakes.channel import Channel
from tests.fakes.openai import Answer

FILES = {"en": "file", "de": "Datei", "es": "archivo", "ar": "ملف", "zh": "附"}


@pytest.mark.parametrize(
    ("command", "text", "reason"),
    [
        ("", "How long do I have to return a kettle?", "stop"), ("ask", "May I return a kettle?", "stop"),
        ("", "What is the capital of France?", "declined"), ("summarize", "A kettle boils. It is hot.", "stop"),
        ("start", "return a kettle", "stop"), ("", "Thanks!", "remark"), ("", "Hello", "remark"), ("", "Bye", "remark"),
        ("", "Who are you?", "remark"), ("", "My name is Ada.", "remark"), ("", "", "remark"), ("ask", "", "remark"),
        ("start", "", "remark"), ("help", "", "remark"), ("settings", "", "remark"), ("language", "de", "remark"),
        ("forget", "", "remark"), ("summarize", "", "remark"), ("translate", "to German: hi", "remark"),
    ],
)  # fmt: skip
async def test_what_is_an_answer(tmp_path: Path, command: Command, text: str, reason: FinishReason) -> None:
    """Of these alone opinions are asked for: the channels go by why the reply ended, which is kept with it."""
    async with talking(tmp_path) as talk:
        end = await talk.say(text, command=command)
        assert end.finish_reason == reason
        (past,) = await talk.desk.store.history(end.address)
        assert past.outgoing and past.outgoing.event == end


async def test_what_a_model_says_to_a_courtesy(tmp_path: Path) -> None:
    """It is one as well."""
    async with modelled(tmp_path, Answer(pieces=("You are", " welcome!"))) as (talk, _):
        end = await talk.say("Thanks!")
        assert (end.text, end.finish_reason) == ("You are welcome!", "remark")


async def test_that_a_file_was_read_is_no_answer(tmp_path: Path) -> None:
    """It is asked for one with the next message."""
    async with talking(tmp_path) as talk:
        assert (await talk.say("", talk.channel.file("a.txt", "It is blue."))).finish_reason == "remark"
        assert (await talk.say("How long may I return a kettle?")).finish_reason == "stop"


@asynccontextmanager
async def without_files(folder: Path) -> AsyncIterator[tuple[Desk, Channel]]:
    channel = Channel()
    settings = {
        "data": str(folder / "data"), "site": {"name": "Kettle House"}, "engine": {"kind": "echo"},
        "knowledge": {"semantic": {"enabled": "no"}},
    }  # fmt: skip
    async with at_desk(load(environ={}, overrides=settings), [channel]) as desk:
        await desk.start()
        yield desk, channel
        await desk.close()


@pytest.mark.parametrize("language", sorted(FILES))
async def test_nobody_is_promised_files_where_none_can_be_sent(tmp_path: Path, language: str) -> None:
    """The widget on a web page takes text alone; the commands are there all the same."""
    async with without_files(tmp_path) as (desk, channel):
        for number, command in enumerate(("help", "start", "summarize")):
            message = Message(
                id=f"m{number}", address=Address(channel="test", conversation=command), sender="ada", text="",
                sent_at=1.0, language=language, command=command,
            )  # fmt: skip
            await desk.publish(message)
            async with asyncio.timeout(20):
                end = await channel.end(message.id)
            assert isinstance(end, Reply)
            assert FILES[language] not in end.text
            if command != "summarize":
                summarize = said("help_summarize_text", language, command=written("summarize", "test"))
                assert f"- {summarize}\n" in end.text
            else:
                assert end.text == said("summarize_what_text", language)


@pytest.mark.parametrize("language", sorted(FILES))
@pytest.mark.parametrize("key", ["help_summarize", "help_translate", "summarize_what"])
def test_files_are_named_where_they_can_be_sent(language: str, key: str) -> None:
    """There are two sentences of each kind, and only one speaks of them."""
    assert FILES[language] in said(key, language, command="x")
    assert FILES[language] not in said(f"{key}_text", language, command="x")
