"""A person asks in Slack and is answered in Slack, through the whole house."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.slack.bureau import Bureau, bureau, running
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, TEAM
from tests.fakes.slack.server import Faults, Shown, fake_slack


@pytest.fixture(params=["socket", "http"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Bureau]:
    async with bureau(tmp_path) as made:
        yield made


async def test_a_question_in_direct_messages(way: Bureau) -> None:
    """It is answered once, in its thread, from the knowledge, with its source."""
    ts, text = await way.ask(DM, PERSON, "How long is the warranty on a frame?")
    assert "five years" in text and "Warranty" in text
    await way.slack.settled()
    assert len(way.slack.said(DM, ts)) == 1


async def test_a_mention_and_its_thread(way: Bureau) -> None:
    """A mention is answered in a thread, and so is what is asked there without one, with the memory of the thread."""
    ts, text = await way.ask(ROOM, PERSON, f"<@{BOT}> how long is the warranty on a frame?")
    assert "five years" in text
    _, text = await way.ask(ROOM, PERSON, "And on batteries?", ts)
    assert "two years" in text
    assert all(shown.thread_ts == ts for shown in way.slack.said(ROOM, ts))


async def test_what_is_told_twice_is_answered_once(tmp_path: Path) -> None:
    """Copies, retries and a lost acknowledgement change nothing."""
    async with bureau(tmp_path, "http", fake={"retries": [0.05] * 20}) as made:
        made.slack.faults = Faults(copies=4, shuffle=0.1, seed=2)
        asked = [await made.slack.say(TEAM, DM, PERSON, f"How long is the warranty, part {n}?") for n in range(6)]
        await made.slack.settled()
        for ts in asked:
            await made.slack.answers(DM, ts)
            assert len(made.slack.said(DM, ts)) == 1


async def test_an_edited_question_is_answered_anew_in_the_same_place(way: Bureau) -> None:
    """The answer stands where the old one stood."""
    ts, text = await way.ask(DM, PERSON, "How long is the warranty on a frame?")
    (first,) = way.slack.said(DM, ts)
    await way.slack.edit(DM, ts, "What does shipping to Belgium cost?")

    def changed() -> bool:
        return "nine euros" in first.text and not first.streaming

    await way.slack.until(changed)
    assert "five years" in text and way.slack.said(DM, ts) == [first]


async def test_a_deleted_question_is_not_answered(tmp_path: Path) -> None:
    """Its answer ends, and what was shown of it is taken away."""
    async with bureau(tmp_path, engine={"quote": {"delay_ms": 300}}) as made:
        ts = await made.slack.say(TEAM, DM, PERSON, "How long is the warranty on a frame?")
        await made.slack.until(lambda: made.slack.said(DM, ts))
        await made.slack.delete(DM, ts)
        assert await made.ended(f"{TEAM}:{DM}:{ts}") == "withdrawn"
        await made.slack.until(lambda: not made.slack.said(DM, ts))


async def test_slacks_stop_ends_the_answer(tmp_path: Path) -> None:
    """What was written so far stays, and the place is free for the next question."""
    async with bureau(tmp_path, engine={"quote": {"delay_ms": 300}}) as made:
        ts = await made.slack.say(TEAM, DM, PERSON, "How long is the warranty on a frame?")
        await made.slack.until(lambda: any(shown.text for shown in made.slack.said(DM, ts)))
        await made.slack.stop(DM, ts, PERSON)
        assert await made.ended(f"{TEAM}:{DM}:{ts}") == "cancelled"
        (shown,) = await made.slack.answers(DM, ts)
        assert shown.text and "five years" not in shown.text


async def test_feedback_is_recorded_and_thanked_for(way: Bureau) -> None:
    """The newest opinion counts; whoever gives it alone sees the thanks."""
    ts, _ = await way.ask(DM, PERSON, "How long is the warranty on a frame?")
    (shown,) = way.slack.said(DM, ts)
    ident = f"{TEAM}:{DM}:{ts}"
    for value, opinion in ((f"+1 {ident}", 1), (f"-1 {ident}", -1)):
        assert (await way.slack.press(shown, "feedback", PERSON, value=value)).ok
        exchange = await way.store.exchange("slack", ident)
        assert exchange and exchange.feedback == opinion
    await way.slack.until(lambda: len(way.slack.ephemerals) == 2)
    assert {said.user for said in way.slack.ephemerals} == {PERSON}


async def test_a_slash_command_is_answered_in_direct_messages(way: Bureau) -> None:
    """It is acknowledged with where the answer comes; the question is quoted there."""
    way.slack.team_of(TEAM).channel(ROOM)
    ack = await way.slack.slash("/frontdesk", "ask How long is the warranty on a frame?", PERSON, ROOM)
    assert ack.ok and "direct messages" in ack.text
    (question,) = await way.slack.until(lambda: _posted(way, DM))
    assert "> ask How long" in question.text or "> How long" in question.text
    said = await way.slack.answers(DM, question.ts, count=2)
    assert "five years" in said[-1].text


async def test_help_is_in_the_acknowledgement(way: Bureau) -> None:
    """Nothing is posted for it."""
    for text in ("", "help"):
        ack = await way.slack.slash("/frontdesk", text, PERSON, ROOM)
        assert ack.ok and "/frontdesk summarize" in ack.text
    assert not _posted(way, DM)


async def test_answer_this_from_a_messages_menu(way: Bureau) -> None:
    """What somebody else said is answered in its thread; choosing it twice is told to whoever does."""
    await way.slack.say(TEAM, ROOM, PERSON, "Good morning")
    ts = await way.slack.say(TEAM, ROOM, "U0456", "I wonder what shipping to Belgium costs?")
    _, shown = way.slack.message(ROOM, ts)
    assert (await way.slack.shortcut("answer_this", shown, PERSON)).ok
    said = await way.slack.answers(ROOM, ts)
    assert "nine euros" in said[0].text
    assert (await way.slack.shortcut("answer_this", shown, PERSON)).ok
    await way.slack.until(lambda: way.slack.ephemerals)
    assert len(way.slack.said(ROOM, ts)) == 1


async def test_answer_this_where_the_bot_cannot_write(made: Bureau) -> None:
    """It answers in the direct messages of whoever asked."""
    team = made.slack.team_of(TEAM)
    team.channel("C0OUT", bot=False)
    ts = await made.slack.say(TEAM, "C0OUT", "U0456", "What does shipping to Belgium cost?")
    _, shown = made.slack.message("C0OUT", ts)
    assert (await made.slack.shortcut("answer_this", shown, PERSON)).ok
    (question,) = await made.slack.until(lambda: _posted(made, DM))
    said = await made.slack.answers(DM, question.ts, count=2)
    assert "nine euros" in said[-1].text and not made.slack.said("C0OUT", ts)


async def test_a_thread_is_summarised(made: Bureau) -> None:
    """By its bot's name inside it, or by a link from anywhere."""
    root = await made.slack.say(
        TEAM, ROOM, PERSON, "The delivery of the frames is late by three weeks because of customs."
    )
    for text in ("Customs want the invoice of the frames.", "I have sent the invoice to customs today.", "Lunch?"):
        await made.slack.say(TEAM, ROOM, "U0456", text, root)
    await made.slack.settled()
    _, text = await made.ask(ROOM, PERSON, f"<@{BOT}> summarize", root)
    assert "customs" in text.lower()
    link = f"https://t0123.slack.com/archives/{ROOM}/p{root.replace('.', '')}"
    assert (await made.slack.slash("/frontdesk", f"summarize {link}", PERSON, ROOM)).ok
    (question,) = await made.slack.until(lambda: _posted(made, DM))
    said = await made.slack.answers(DM, question.ts, count=2)
    assert "customs" in said[-1].text.lower()


async def test_nobody_reads_a_private_channel_through_the_bot(made: Bureau) -> None:
    """A link into a conversation that the asker is not in is refused."""
    team = made.slack.team_of(TEAM)
    team.channel("G0SECRET", kind="group")
    root = await made.slack.say(TEAM, "G0SECRET", "U0456", "The salaries are as follows.")
    link = f"https://t0123.slack.com/archives/G0SECRET/p{root.replace('.', '')}"
    ack = await made.slack.slash("/frontdesk", f"summarize {link}", PERSON, ROOM)
    assert ack.ok and "both of us" in ack.text
    _, text = await made.ask(DM, PERSON, f"summarize <{link}>")
    assert "both of us" in text and "salaries" not in text


async def test_a_file_joins_the_conversation(way: Bureau) -> None:
    """What a person attaches is read, and answers come from it, in this conversation alone."""
    body = b"# Loyalty\n\nMembers of the Paddle Club get a free tyre change every spring.\n"
    file = way.slack.attach(TEAM, "club.md", body, "text/markdown")
    _, text = await way.ask(DM, PERSON, "What do members of the Paddle Club get?", files=[file])
    assert "tyre change" in text
    _, text = await way.ask("D0456", "U0456", "What do members of the Paddle Club get?")
    assert "tyre change" not in text


async def test_a_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    """Slack sends a page to log in instead of the file: it is told, and not indexed."""
    async with bureau(tmp_path) as made:
        made.slack.world.tokens["xoxb-test-1"].scopes = made.slack.world.tokens["xoxb-test-1"].scopes.replace(
            "files:read,", ""
        )
        file = made.slack.attach(TEAM, "club.md", b"# Club\n\nMembers get a tyre.\n", "text/markdown")
        _, text = await made.ask(DM, PERSON, "", files=[file])
        assert "club.md" in text and "could not" in text and "Sign in" not in text


async def test_prompts_in_both_kinds_of_pane(tmp_path: Path) -> None:
    """In the person's own language, where there are some; with none configured there are none."""
    suggestions = {"en": ["How long is the warranty?"], "de": ["Wie lange gilt die Garantie?"]}
    async with bureau(tmp_path, slack={"suggestions": suggestions}) as made:
        made.slack.team_of(TEAM).user("U0456", locale="de-DE")
        root = await made.slack.open_pane("U0456")
        await made.slack.open_home(PERSON)
        await made.slack.until(lambda: len(made.slack.world.prompts) == 2)
        told = {prompts["channel_id"]: prompts for prompts in made.slack.world.prompts}
        assert told["D0456"]["thread_ts"] == root
        assert told["D0456"]["prompts"][0]["message"] == "Wie lange gilt die Garantie?"
        assert told[DM]["prompts"][0]["title"] == "How long is the warranty?" and "thread_ts" not in told[DM]
        _, text = await made.ask("D0456", "U0456", "How long is the warranty on a frame?", root)
        assert "five years" in text


async def test_a_revoked_token_is_asked_about_and_nothing_breaks(tmp_path: Path) -> None:
    """Slack tells that it took the token back: whatever comes is refused, until there is another."""
    async with bureau(tmp_path, "http", fake={"retries": ()}) as made:
        await made.ask(DM, PERSON, "How long is the warranty on a frame?")
        await made.slack.revoke()
        await made.slack.settled()
        await made.slack.say(TEAM, DM, PERSON, "And on batteries?")
        await made.slack.settled()
        assert 'status="403"' in made.desk.metrics.expose().decode()


async def test_an_answer_outlives_the_process(tmp_path: Path) -> None:
    """What was accepted before a stop is answered after the next start, once."""
    async with fake_slack(retries=[0.05] * 100) as slack:
        slack.team(TEAM, bot_token="xoxb-test-1", app_token="xapp-test-1")
        async with running(slack, tmp_path, engine={"quote": {"delay_ms": 500}}, server={"drain_seconds": 0}) as first:
            ts = await slack.say(TEAM, DM, PERSON, "How long is the warranty on a frame?")
            await slack.settled()
            await slack.until(lambda: slack.said(DM, ts))
            assert first.store
        async with running(slack, tmp_path):
            said = await slack.answers(DM, ts)
        assert len(said) == 1 and "five years" in said[0].text and slack.violations == []


def _posted(made: Bureau, channel: str) -> list[Shown]:
    """What the bot posted at the top of a conversation."""
    team = made.slack.team_of(TEAM)
    return [
        shown
        for (where, _), shown in team.messages.items()
        if where == channel and shown.bot_id and not shown.thread_ts and not shown.subtype
    ]
