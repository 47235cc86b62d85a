"""What people write in Slack becomes messages, stops and nothing, each once, whichever way it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.slack import names
from bot.events import Attachment, Stop
from bot.phrases import said as phrase
from bot.preferences import LANGUAGE
from storage.base import Send
from tests.adapters.slack.inlet import BOT, DM, PERSON, ROOM, TEAM, Inlet, inlet
from tests.fakes.slack.server import Faults


@pytest.fixture(params=["http", "socket"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path) as made:
        yield made


async def say(made: Inlet, channel: str, text: str, thread: str = "", user: str = PERSON, **more: Any) -> str:
    ts = await made.slack.say(TEAM, channel, user, text, thread, **more)
    await made.slack.settled()
    return ts


# -- whom it is for ----------------------------------------------------------------------------------------
async def test_a_direct_message_is_a_question(way: Inlet) -> None:
    """Each top-level message in direct messages begins a conversation in its thread."""
    ts = await say(way, DM, "Where is my order &amp; my bike?")
    (message,) = way.accepted
    assert message.id == f"{TEAM}:{DM}:{ts}"
    assert message.address == names.address(TEAM, DM, ts)
    assert (message.sender, message.text) == (f"{TEAM}:{PERSON}", "Where is my order & my bike?")
    assert message.sent_at == float(ts) and not message.edited and not message.command


async def test_a_mention_comes_twice_and_is_one_question(way: Inlet) -> None:
    """As `app_mention` and as `message`, with event ids of their own: the place and the time make the id."""
    ts = await say(way, ROOM, f"<@{BOT}> how long is the warranty?")
    assert way.slack.delivery.told == 2
    assert [message.text for message in way.accepted] == ["how long is the warranty?"]
    assert way.accepted[0].address == names.address(TEAM, ROOM, ts)


async def test_what_is_told_again_is_one_question(way: Inlet) -> None:
    """Slack repeats events when it likes: one message, and every repetition is acknowledged."""
    way.slack.faults = Faults(copies=5, shuffle=0.02, seed=3)
    for number in range(8):
        await way.slack.say(TEAM, DM, PERSON, f"question {number}")
    await way.slack.settled()
    assert len(way.accepted) == 8 and not way.slack.delivery.given_up


async def test_a_channel_is_not_listened_to(made: Inlet) -> None:
    """What is said to everybody is not said to the bot, in channels and in groups of several."""
    await say(made, ROOM, "lunch?")
    made.slack.team_of(TEAM).channel("G0123", kind="mpim")
    await say(made, "G0123", "lunch?")
    assert made.published == []


async def test_a_thread_that_the_bot_takes_part_in(made: Inlet) -> None:
    """After a mention everything in the thread is for the bot, but for what begins with another's name."""
    root = await say(made, ROOM, f"<@{BOT}> how long is the warranty?")
    await say(made, ROOM, "and for batteries?", root, user="U0456")
    await say(made, ROOM, "<@U0456> let me look", root)
    await say(made, ROOM, f"<@U0456> ask <@{BOT}>", root)
    assert [message.text for message in made.accepted][1:] == ["and for batteries?", "@U0456 ask"]
    assert {message.address for message in made.accepted} == {names.address(TEAM, ROOM, root)}


async def test_a_thread_under_a_message_of_ours(made: Inlet) -> None:
    """Who answers a message of the bot's speaks to the bot."""
    team = made.slack.team_of(TEAM)
    team.channel(ROOM)
    posted = await made.api.call(TEAM, "chat.postMessage", channel=ROOM, text="Good morning")
    await say(made, ROOM, "good morning!", posted["ts"])
    assert [message.text for message in made.accepted] == ["good morning!"]


async def test_other_threads_are_others(made: Inlet) -> None:
    """In a thread without the bot nothing is for the bot."""
    root = await say(made, ROOM, "lunch?")
    await say(made, ROOM, "yes", root)
    assert made.published == []


@pytest.mark.parametrize("subtype", ["channel_topic", "channel_purpose", "channel_leave", "reminder_add", "bot_add"])
async def test_remarks_of_slacks_are_not_said(made: Inlet, subtype: str) -> None:
    """Joins, topics and their like are messages, and nobody says them."""
    await made.slack.join(ROOM, PERSON)
    await say(made, ROOM, f"<@{BOT}> set the topic", subtype=subtype)
    await say(made, DM, "set the topic", subtype=subtype)
    mentions = [message for message in made.messages if message.address.conversation == DM]
    assert mentions == [] and not made.slack.delivery.given_up


async def test_bots_are_not_answered_unless_allowed(tmp_path: Path) -> None:
    """Neither others nor the bot itself, whose own messages come back as events."""
    async with inlet(tmp_path, slack={"bots": ["B0456"]}) as made:
        made.slack.team_of(TEAM).dm(PERSON)
        await made.api.call(TEAM, "chat.postMessage", channel=PERSON, text="I am the bot")
        await say(made, DM, "I am another bot", bot_id="B0999")
        assert made.published == []
        await say(made, DM, "I am a bot, and welcome", bot_id="B0456")
        assert [message.text for message in made.accepted] == ["I am a bot, and welcome"]


async def test_lists_of_who_may_use_it(tmp_path: Path) -> None:
    """Channels and people that are not listed are not answered; direct messages are no channels."""
    async with inlet(tmp_path, slack={"channels": [ROOM], "users": [PERSON]}) as made:
        await say(made, "C0999", f"<@{BOT}> hello")
        await say(made, ROOM, f"<@{BOT}> hello", user="U0999")
        await say(made, "D0999", "hello", user="U0999")
        assert made.published == []
        await say(made, ROOM, f"<@{BOT}> hello")
        await say(made, DM, "hello")
        assert len(made.accepted) == 2


# -- edits and deletions -----------------------------------------------------------------------------------
async def test_an_edit_replaces(way: Inlet) -> None:
    """Its id is the message's with the time of the edit, and it says which one it replaces."""
    ts = await say(way, DM, "how long is the waranty?")
    edited_ts = await way.slack.edit(DM, ts, "how long is the warranty?")
    await way.slack.settled()
    first, second = way.accepted
    assert second.id == f"{first.id}:{edited_ts}" and second.replaces == first.id and second.edited
    assert second.text == "how long is the warranty?" and second.sent_at == float(edited_ts) > first.sent_at
    assert names.question(second.id) == first.id


async def test_an_edit_of_a_mention_is_one_edit(made: Inlet) -> None:
    """It comes as `message_changed` and, in some workspaces, as `app_mention` again: the first has both texts."""
    ts = await say(made, ROOM, f"<@{BOT}> waranty?")
    await made.slack.edit(ROOM, ts, f"<@{BOT}> warranty?")
    team, shown = made.slack.message(ROOM, ts)
    from tests.fakes.slack import shapes

    made.slack.delivery.emit(team, shapes.mention_event(shown, team))
    await made.slack.settled()
    assert [message.text for message in made.accepted] == ["waranty?", "warranty?"]


async def test_edits_without_a_change_of_text_are_nothing(made: Inlet) -> None:
    """Slack unfurls links by editing."""
    ts = await say(made, DM, "see <https://example.org>")
    await made.slack.unfurl(DM, ts)
    await made.slack.edit(DM, ts, "see <https://example.org>")
    await made.slack.settled()
    assert len(made.published) == 1


async def test_a_mention_that_is_edited_in(made: Inlet) -> None:
    """What was said to nobody is said to the bot from then on; a question stays one without its mention."""
    ts = await say(made, ROOM, "how long is the warranty?")
    await made.slack.edit(ROOM, ts, f"<@{BOT}> how long is the warranty?")
    await made.slack.settled()
    assert [message.replaces for message in made.accepted] == [f"{TEAM}:{ROOM}:{ts}"]
    other = await say(made, ROOM, f"<@{BOT}> battery?")
    await made.slack.edit(ROOM, other, "how long does the battery last?")
    await made.slack.settled()
    assert made.accepted[-1].text == "how long does the battery last?"


async def test_a_deleted_question_is_withdrawn(way: Inlet) -> None:
    """Nobody asks any more: the answer ends."""
    ts = await say(way, DM, "never mind")
    await way.slack.delete(DM, ts)
    await way.slack.settled()
    (message,) = way.accepted
    assert way.stops == [Stop(address=message.address, message_id=message.id, reason="withdrawn")]


async def test_the_root_of_a_thread_is_deleted_by_an_edit(made: Inlet) -> None:
    """Slack leaves a tombstone there, which is neither a new text nor Slackbot's question."""
    ts = await say(made, DM, "first")
    await say(made, DM, "second", ts)
    await made.slack.delete(DM, ts)
    await made.slack.settled()
    assert [message.text for message in made.accepted] == ["first", "second"]
    assert [stop.message_id for stop in made.stops] == [f"{TEAM}:{DM}:{ts}"]


async def test_a_deletion_that_comes_first(tmp_path: Path) -> None:
    """The question is taken as withdrawn before it comes, and then it is known."""
    async with inlet(tmp_path) as made:
        url, made.slack.events_url = made.slack.events_url, "http://127.0.0.1:1/nowhere"
        made.slack.delivery.retries = (0.3,)
        ts = await made.slack.say(TEAM, DM, PERSON, "never mind")
        while not made.slack.delivery.attempts:
            await asyncio.sleep(0.01)
        made.slack.events_url = url
        await made.slack.delete(DM, ts)
        await made.slack.settled()
        first, second = made.messages
        assert (first.command, first.id, first.text) == ("withdrawn", second.id, "")
        assert second.text == "never mind" and made.accepted == [first]


async def test_a_deleted_edit_is_withdrawn_in_both_forms(made: Inlet) -> None:
    """The last form may still be on its way when the deletion comes."""
    made.slack.delivery.retries = ()
    ts = await say(made, DM, "waranty?")
    url, made.slack.events_url = made.slack.events_url, "http://127.0.0.1:1/nowhere"
    edited_ts = await made.slack.edit(DM, ts, "warranty?")
    await made.slack.settled()
    made.slack.events_url = url
    await made.slack.delete(DM, ts)
    await made.slack.settled()
    tombstone = made.accepted[-1]
    assert (tombstone.command, tombstone.id) == ("withdrawn", f"{TEAM}:{DM}:{ts}:{edited_ts}")
    assert tombstone.replaces == f"{TEAM}:{DM}:{ts}" and len(made.stops) == 1


async def test_deletions_of_what_was_not_for_us_are_nothing(made: Inlet) -> None:
    """Nor are those of the bot's own messages."""
    ts = await say(made, ROOM, "lunch?")
    await made.slack.delete(ROOM, ts)
    posted = await made.api.call(TEAM, "chat.postMessage", channel=PERSON, text="hello")
    await made.slack.delete(posted["channel"], posted["ts"])
    await made.slack.settled()
    assert made.published == []


# -- what it says ------------------------------------------------------------------------------------------
async def test_files_come_along(made: Inlet) -> None:
    """With their names and sizes; one of another workspace only with its id. A file needs no words."""
    one = made.slack.attach(TEAM, "prices.csv", b"a,b", "text/csv")
    two = made.slack.attach(TEAM, "far.txt", b"x", "text/plain", checked=True)
    await say(made, DM, "", files=[one, two])
    (message,) = made.accepted
    assert message.text == "" and message.attachments == (
        Attachment(name="prices.csv", media_type="text/csv", size=3, location=f"file:{TEAM}:{one.id}"),
        Attachment(name=two.id, media_type="", size=0, location=f"file:{TEAM}:{two.id}"),
    )


@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("help", "help", ""),
        ("human", "human", ""),
        ("summarize: long text", "summarize", "long text"),
        ("translate to German: hello", "translate", "to German: hello"),
        ("write an e-mail", "write", "an e-mail"),
        ("help me with my order", "", "help me with my order"),
    ],
)
async def test_a_first_word_is_a_command(made: Inlet, text: str, command: str, rest: str) -> None:
    """In a mention as in a direct message."""
    await say(made, DM, text)
    await say(made, ROOM, f"<@{BOT}> {text}")
    assert [(message.command, message.text) for message in made.accepted] == [(command, rest)] * 2


async def test_a_mention_alone_asks_for_help(made: Inlet) -> None:
    """There is nothing to answer, but somebody who is looking for something."""
    await say(made, ROOM, f"<@{BOT}>")
    await say(made, DM, " ")
    assert [message.command for message in made.accepted] == ["help"]


@pytest.mark.parametrize("command", ["summarize", "sentiment"])
async def test_a_command_alone_means_the_thread(made: Inlet, command: str) -> None:
    """In a thread it is the thread that is summarised, or judged: it travels as an attachment."""
    root = await say(made, ROOM, "shall we move?")
    await say(made, ROOM, "yes, in May", root, user="U0456")
    await say(made, ROOM, f"<@{BOT}> {command}", root)
    (message,) = made.accepted
    (thread,) = message.attachments
    assert message.command == command and thread.location == f"thread:{TEAM}:{ROOM}:{root}"
    assert thread.media_type == "application/vnd.frontdesk.thread"


async def test_a_tone_is_that_of_the_text_where_there_is_one(made: Inlet) -> None:
    """Then nobody asks Slack for the thread."""
    root = await say(made, ROOM, "shall we move?")
    await say(made, ROOM, f"<@{BOT}> sentiment I am so glad", root)
    (message,) = made.accepted
    assert (message.command, message.text, message.attachments) == ("sentiment", "I am so glad", ())


async def test_what_is_too_long_is_told_once(tmp_path: Path) -> None:
    """Politely, to who wrote it: in a channel to them alone, in direct messages in the thread; however often told. It
    says what it is, so that nobody who looks for an answer that got lost takes it for that."""
    async with inlet(tmp_path, slack={"limits": {"message_characters": 100}}) as made:
        made.slack.faults = Faults(copies=4, seed=1)
        ts = await say(made, DM, "x" * 101)
        await made.slack.answers(DM, ts)
        await say(made, ROOM, f"<@{BOT}> " + "y" * 101)
        await made.slack.until(lambda: made.slack.ephemerals)
        assert made.published == [] and len(made.slack.said(DM, ts)) == 1
        assert made.slack.said(DM, ts)[0].metadata["event_type"] == "frontdesk_notice"
        assert "100" in made.slack.said(DM, ts)[0].text and "100" in made.slack.ephemerals[0].text


async def test_work_is_shown_and_the_conversation_gets_a_title(made: Inlet) -> None:
    """The status stands while there is no answer; the title is the first question, not the second."""
    ts = await say(made, DM, "How long is\n the warranty?")
    await made.slack.until(lambda: made.slack.statuses and made.slack.world.titles)
    await say(made, DM, "and the battery?", ts)
    assert made.slack.statuses[0]["status"] == "is searching…"
    assert made.slack.world.titles == {(DM, ts): "How long is the warranty?"}


async def test_names_are_asked_for_where_people_take_over(tmp_path: Path) -> None:
    """The card of a case says who waits; mentions of known people are readable."""
    async with inlet(tmp_path, handover={"channel": "slack", "conversation": "C0DESK"}) as made:
        made.slack.team_of(TEAM).user(PERSON, display_name="Ann", locale="de-DE")
        await say(made, DM, f"I am <@{PERSON}>")
        (message,) = made.accepted
        assert (message.name, message.language) == ("Ann", "de")
        await say(made, DM, f"Really <@{PERSON}>")
        assert made.accepted[-1].text == "Really @Ann"


# -- the desk ----------------------------------------------------------------------------------------------
async def test_words_at_the_desk_belong_to_their_case(tmp_path: Path) -> None:
    """A thread under a case's card is the case's; the bot is spoken to by its name alone."""
    async with inlet(tmp_path, handover={"channel": "slack", "conversation": "C0DESK"}) as made:
        made.slack.team_of(TEAM).channel("C0DESK")
        made.slack.team_of(TEAM).user("U0456", real_name="Ben Baker")
        card = (await made.api.call(TEAM, "chat.postMessage", channel="C0DESK", text="case"))["ts"]
        where = names.remote(TEAM, "C0DESK", card)
        await made.store.keep_send("slack", "case-abc", Send(part=0, state="done", remote=where))
        await say(made, "C0DESK", "I will look &amp; call", card, user="U0456")
        await say(made, "C0DESK", f"<@{BOT}> how long is the warranty?", card, user="U0456")
        words, question = made.accepted
        assert (words.address.account, words.address.conversation, words.address.thread) == ("", "C0DESK", "abc")
        assert (words.text, words.name, words.command) == ("I will look & call", "Ben Baker", "")
        assert (question.command, question.text) == ("ask", "how long is the warranty?")


async def test_words_under_a_card_that_is_not_known_yet_come_again(tmp_path: Path) -> None:
    """The card's place is written down a moment after Slack shows it: nothing of what is said meanwhile is lost."""
    async with inlet(
        tmp_path, fake={"retries": [0.05] * 100}, handover={"channel": "slack", "conversation": "C0DESK"}
    ) as made:
        made.slack.team_of(TEAM).channel("C0DESK")
        card = (await made.api.call(TEAM, "chat.postMessage", channel="C0DESK", text="case"))["ts"]
        await made.slack.say(TEAM, "C0DESK", "U0456", "on my way", card)
        while made.slack.delivery.attempts < 3:
            await asyncio.sleep(0.01)
        assert made.published == []
        where = names.remote(TEAM, "C0DESK", card)
        await made.store.keep_send("slack", "case-abc", Send(part=0, state="done", remote=where))
        await made.slack.settled()
        assert [message.text for message in made.accepted] == ["on my way"]


async def test_the_status_is_in_the_persons_language(made: Inlet) -> None:
    """From their first message on; the conversation's own language comes before that of their Slack."""
    made.slack.team_of(TEAM).user(PERSON, locale="zh-CN")
    ts = await say(made, DM, "寄到中国大陆运费多少？")
    await made.slack.until(lambda: made.slack.statuses)
    await made.store.prefer(names.address(TEAM, DM, ts), {LANGUAGE: "de"})
    await say(made, DM, "Und nach Belgien?", ts)
    await made.slack.until(lambda: len(made.slack.statuses) == 2)
    assert [shown["status"] for shown in made.slack.statuses] == [
        phrase("slack_searching", code) for code in ("zh", "de")
    ]
