"""`frontdesk explain`, as operators meet it: a real process beside the server that has the database open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.cli.explain import chosen, document, tell
from bot.errors import UsageError
from bot.events import Reply
from storage.base import Exchange, Outgoing
from tests.bot.test_cli import frontdesk
from tests.bot.test_turn import PAGE, QUESTION, Talk, message, modelled, talk
from tests.fakes.openai import Answer

HOSTILE = "Can I return opened tea?\x1b\x07\u202e"


@pytest.fixture
async def talking(tmp_path: Path) -> AsyncIterator[Talk]:
    """Two conversations on a server that runs on; in one of them nothing was kept of the last message."""
    async with talk(tmp_path) as found:
        await found.say(QUESTION, conversation="ada:main")
        await found.say(HOSTILE, conversation="ada:main")
        await found.say("Hello!", conversation="bob:main")
        yield found


async def run(folder: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    """What `frontdesk explain` says on the database in `folder`, at the width of a small terminal."""
    command = ("explain", "--data", str(folder / "data"), *arguments)
    told = await asyncio.to_thread(lambda: frontdesk(*command, cwd=folder, COLUMNS="80", **environ))
    assert told.returncode == code, told.stderr
    return told.stderr if code else told.stdout


async def test_it_leads_from_the_conversations_to_an_answer(talking: Talk, tmp_path: Path) -> None:
    """Without arguments the names, with a name its messages, with a message its way."""
    assert (await run(tmp_path)).split() == ["test::bob:main", "test::ada:main"]
    listed = await run(tmp_path, "test::ada:main")
    assert listed.startswith("test::ada:main\n")
    assert "How long do I have to" in listed
    assert listed.count("answered") == 2
    told = await run(tmp_path, "ada:main", "m0")
    for part in (
        QUESTION,
        "question in en",
        "Returns",
        "knowledge/returns.md",
        "quote: confidence",
        "30 days",
        "search",
    ):
        assert part in told


async def test_lines_fit_a_terminal(talking: Talk, tmp_path: Path) -> None:
    """At 80 columns nothing is wider, and what a visitor wrote gives the terminal no orders."""
    for arguments in ((), ("ada:main",), ("ada:main", "last")):
        told = await run(tmp_path, *arguments)
        assert max(map(len, told.splitlines())) <= 80
        assert not {"\x1b", "\u202e"} & set(told)


@pytest.mark.parametrize(("given", "ident"), [("last", "m1"), ("-1", "m1"), ("-2", "m0"), ("m0", "m0"), ("0", "m0")])
async def test_a_message_is_named_by_place_or_id(talking: Talk, given: str, ident: str) -> None:
    """Counted from the newest, or by its id, or by how that ends."""
    told = document(await tell(talking.desk.config, "ada:main", given))
    assert (told["conversation"], told["message"], told["became"]) == ("test::ada:main", ident, "answered")
    assert told["explanation"] == await talking.desk.store.explanation("test", ident)


async def test_one_message_is_one_document(talking: Talk, tmp_path: Path) -> None:
    """A place counted from the newest is no option, and options may stand after it."""
    told = json.loads(await run(tmp_path, "ada:main", "-2", "--json"))
    assert told == document(await tell(talking.desk.config, "ada:main", "m0"))


async def test_lists_are_documents_too(talking: Talk, tmp_path: Path) -> None:
    """The names; the messages of one, each with what became of it and how sure the bot was."""
    assert json.loads(await run(tmp_path, "--json")) == {"conversations": ["test::bob:main", "test::ada:main"]}
    told = document(await tell(talking.desk.config, "bob:main"))
    assert told["conversation"] == "test::bob:main"
    (only,) = told["messages"]
    assert (only["message"], only["became"], only["confidence"]) == ("m2", "answered", None)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("ada:mian", "last"), ("No conversation", "test::ada:main")),
        (("ada", "last"), ("No conversation", "Did you mean test::ada:main?")),
        ((":main", "last"), ("Several", "test::ada:main", "test::bob:main")),
        (("ada:main", "m7"), ("no message 'm7'", "Did you mean", "`frontdesk explain test::ada:main`")),
        (("ada:main", "m"), ("no message 'm'", "Did you mean m0, m1?")),
        (("ada:main", "-3"), ("only 2 messages",)),
        (("ada:main", "--jsn"), ("no option --jsn",)),
    ],
)
async def test_what_is_not_there_leads_to_what_is(
    talking: Talk, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """Unknown names are answered with near ones, and with what to type next."""
    with pytest.raises(UsageError) as refused:
        await tell(talking.desk.config, *arguments)
    for part in parts:
        assert part in str(refused.value)


async def test_what_was_not_kept_says_why_that_may_be(talking: Talk, tmp_path: Path) -> None:
    """The list says it of each message, and asking for one is an error that names the setting."""
    await talking.desk.store.forget(message("", "", conversation="ada:main").address)
    assert (await run(tmp_path, "ada:main")).count("not kept") == 2
    assert "privacy.explanations" in await run(tmp_path, "ada:main", "last", code=2)


async def test_a_models_answer_is_shown_with_its_checks_and_its_prompt(tmp_path: Path) -> None:
    """Which sentence no source holds and what it lacks; the prompt, whole, at the end."""
    false = Answer(pieces=("You have 90 days to return a kettle [1].",))
    async with modelled(tmp_path, false) as (talking, fake):
        await talking.say(QUESTION)
        told = await run(tmp_path, "c", "last")
        system = fake.requests[0]["messages"][0]["content"]
    assert "replaced: the decision above" in told
    assert "✗ You have 90 days" in told
    assert "lacks the numbers 90" in told
    assert "template answer" in told
    assert "tokens read" in told
    assert " ".join(system.split()) in " ".join(told.split())


async def test_a_question_may_be_asked_and_explained_at_once(tmp_path: Path) -> None:
    """On a folder alone, of which nothing is kept, and whatever the configuration says."""
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb/returns.md").write_text(PAGE, "utf-8")
    command = ("ask", QUESTION, "--knowledge", "kb", "--explain", "--json")
    told = await asyncio.to_thread(
        lambda: frontdesk(*command, cwd=tmp_path, FRONTDESK_PRIVACY__EXPLANATIONS="false", COLUMNS="80")
    )
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    assert "30 days" in answer["answer"]
    assert answer["explanation"]["passages"][0]["title"] == "Returns"


async def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    """And makes none."""
    assert "no database" in await run(tmp_path, code=2)
    assert not (tmp_path / "data").exists()


def exchanges(*idents: str) -> list[Exchange]:
    found = []
    for number, ident in enumerate(idents):
        asked = message(ident, "?")
        end = Reply(message_id=ident, attempt=1, address=asked.address, text="", seq=0, final=True)
        found.append(Exchange(message=asked, outgoing=Outgoing(number=number, event=end, at=1.0)))
    return found


def test_an_id_comes_before_a_place_in_it() -> None:
    """A whole id is meant although another one ends with it; two that end alike have to be told apart."""
    found = exchanges("1", "11", "21")
    assert chosen(found, "1", "c").message.id == "1"
    with pytest.raises(UsageError, match="Several messages"):
        chosen(exchanges("11", "21"), "1", "c")


@pytest.mark.parametrize("given", ["-0", "0", "--", "-x", "last "])
def test_what_is_no_message_is_refused(given: Any) -> None:
    """With a sentence."""
    with pytest.raises(UsageError):
        chosen(exchanges("a"), given, "c")
