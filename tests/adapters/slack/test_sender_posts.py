"""What answers nothing: people's words, notices, and the cards of the support desk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from adapters.slack import names
from adapters.slack.api import SlackError
from adapters.split import utf16
from bot.events import Address, Case, Post
from tests.adapters.slack.outlet import TEAM, Killed, final, outlet

DESK = "C0DESK"
CONFIG = {"channel": "slack", "account": TEAM, "conversation": DESK}
AT_DESK = Address(channel="slack", account=TEAM, conversation=DESK, thread="abc123")
CASE = Case(
    id="abc123", visitor=Address(channel="web", conversation="v1:main"), desk=AT_DESK, state="waiting", opened_at=1.0,
    name="Ana <!channel>", language="es", reason="Quiero hablar\ncon una persona",
)  # fmt: skip


def card(state="waiting", agent="", text="**Visitor**\n> Where is my <@U0123> parcel?"):
    case = replace(CASE, state=state, agent_name=agent)
    return Post(id="case-abc123", address=AT_DESK, kind="case", text=text, case=case)


def said(number, text, address=AT_DESK, name="Ana"):
    return Post(id=f"abc123-{number}", address=address, kind="said", text=text, case=CASE, name=name)


def cards(out):
    team = out.slack.team_of(TEAM)
    return [
        shown for shown in team.messages.values() if shown.channel == DESK and not shown.thread_ts and not shown.deleted
    ]


def buttons(shown):
    return [e["action_id"] for block in shown.blocks for e in block.get("elements", ()) if e.get("type") == "button"]


def everything(shown):
    return str(shown.blocks) + shown.fallback


@pytest.fixture
async def desk(tmp_path):
    async with outlet(tmp_path, handover=CONFIG) as out:
        out.slack.team_of(TEAM).channel(DESK)
        yield out


async def test_what_a_visitor_asked_for_is_shown_as_it_was_typed(desk):
    """It is no link with another text, nor Slack's own kind of link."""
    reason = "[Your account](https://evil.example) <https://evil.example|here>\n# now"
    post = card()
    await desk.send(replace(post, case=replace(CASE, reason=reason)))
    [shown] = cards(desk)
    quoted = next(block["text"] for block in shown.blocks if block["type"] == "markdown")
    assert quoted == ("> \\[Your account\\](https://evil.example) &lt;https://evil.example\\|here>\n> \\# now")


async def test_a_card_says_who_waits_and_changes_in_its_place(desk):
    """One message for the whole life of a case; its buttons are those of its state."""
    remote = await desk.send(card())
    [shown] = cards(desk)
    assert remote == names.remote(TEAM, DESK, shown.ts)
    assert await desk.store.sent_as("slack", remote) == "case-abc123"
    assert buttons(shown) == ["case_take", "case_resolve"]
    for words in ("Ana", "Spanish", "web", "Quiero hablar", "Waiting", "Where is my"):
        assert words in everything(shown)
    assert "<!channel>" not in shown.fallback and "<@U0123>" not in everything(shown)
    assert await desk.send(card("taken", "Bo")) == remote
    [shown] = cards(desk)
    assert "Bo has it" in everything(shown) and buttons(shown) == ["case_resolve", "case_return", "case_take"]
    await desk.send(card("resolved", "Bo"))
    [shown] = cards(desk)
    assert buttons(shown) == [] and not desk.slack.violations


async def test_an_old_state_that_comes_late_changes_nothing(desk):
    await desk.send(card())
    await desk.send(card("resolved", "Bo"))
    await desk.restart()
    await desk.send(card("taken", "Bo"))
    assert "Resolved" in everything(cards(desk)[0])


async def test_what_the_visitor_says_stands_below_the_card(desk):
    """In Slack a case's thread is the card's; until that stands, the house is asked to come again."""
    with pytest.raises(SlackError) as caught:
        await desk.send(said(1, "Hello?"))
    assert not caught.value.permanent
    await desk.send(card())
    await desk.send(said(1, "Hello?\nAre you <!here>? [1]"))
    await desk.send(said(1, "Hello?\nAre you <!here>? [1]"))
    root = cards(desk)[0].ts
    [told] = desk.slack.said(DESK, root)[1:]
    assert told.text == "**Ana:** Hello?\nAre you &lt;!here>? [1]"
    question = await desk.ask("a colleague's word", channel=DESK)
    hint = replace(final(question, "Press “Take over” first."), address=AT_DESK)
    await desk.send(hint)
    assert desk.slack.said(DESK, root)[-1].text == "Press “Take over” first."
    assert desk.slack.said(DESK, root)[-1].blocks[1:] == []  # nobody asks colleagues for thumbs


async def test_an_agents_words_reach_the_visitor_with_the_agents_name(desk):
    """A notice is a line of the house's; a person's words have their name, and neither has buttons."""
    message = await desk.ask()
    await desk.send(Post(id="n1", address=message.address, kind="notice", text="Bo & co have joined.", case=CASE))
    await desk.send(said("a2", "How can I help?", message.address, name="Bo *B*"))
    notice, words = desk.said(message)
    assert notice.blocks[0]["type"] == "context"
    assert notice.blocks[0]["elements"][0]["text"] == "Bo &amp; co have joined."
    assert words.text == "**Bo \\*B\\*:** How can I help?"
    assert len(words.blocks) == 1


async def test_a_long_text_of_a_person_is_several_messages(desk):
    message = await desk.ask()
    await desk.send(said("a2", "Many words. " * 2_500, message.address))
    assert len(desk.said(message)) == 3
    assert all(utf16(shown.text) <= 12_000 for shown in desk.said(message))


async def test_a_case_with_more_than_fits_fits(desk):
    """Names, reasons and transcripts of any length stay within the limits of blocks."""
    long = "A long line of words, and 👍🏽 more. " * 1_000
    case = replace(CASE, name=long, reason=long, agent_name=long, state="taken")
    await desk.send(replace(card(text=long), case=case))
    assert len(cards(desk)) == 1 and not desk.slack.violations


@pytest.mark.parametrize("dies_at", [1, 2])
@pytest.mark.parametrize("after", [True, False])
async def test_a_card_is_posted_once_whatever_dies(desk, dies_at, after):
    """It is found again in the channel by its metadata."""
    desk.store.dies_at, desk.store.after = dies_at, after
    with pytest.raises(Killed):
        await desk.send(card())
    await desk.restart()
    await desk.deliver(card())
    assert len(cards(desk)) == 1
    await desk.deliver(said(1, "Hello?"))
    assert len(desk.slack.said(DESK, cards(desk)[0].ts)) == 2


async def test_a_card_that_was_deleted_is_posted_again(desk):
    """And what is said afterwards stands below the new one."""
    await desk.send(card())
    await desk.slack.delete(DESK, cards(desk)[0].ts)
    await desk.send(card("taken", "Bo"))
    [shown] = cards(desk)
    await desk.send(said(1, "Hello?"))
    assert len(desk.slack.said(DESK, shown.ts)) == 2


async def test_when_the_desk_is_gone_what_belongs_there_is_given_up(tmp_path):
    """Neither the card nor what belongs below it is tried for ever; a later card is."""
    async with outlet(tmp_path, handover=CONFIG) as out:
        assert await out.send(card()) == ""
        assert await out.send(said(1, "Hello?")) == ""
        out.slack.team_of(TEAM).channel(DESK)
        await out.send(card("taken", "Bo"))
        await out.send(said(2, "Hello again?"))
        assert len(out.slack.said(DESK, cards(out)[0].ts)) == 2


async def test_the_desk_of_the_only_workspace_needs_no_name(tmp_path):
    """`handover.account` may be left out."""
    async with outlet(tmp_path, handover={"channel": "slack", "conversation": DESK}) as out:
        out.slack.team_of(TEAM).channel(DESK)
        place = replace(AT_DESK, account="")
        remote = await out.send(replace(card(), address=place))
        assert remote == names.remote(TEAM, DESK, cards(out)[0].ts)
        await out.send(said(1, "Hello?", place))
        assert len(out.slack.said(DESK, cards(out)[0].ts)) == 2


async def test_posts_of_one_conversation_do_not_hold_up_another(desk):
    """While one call hangs, others go on."""
    first, second = await desk.ask("a"), await desk.ask("b", channel="C0124")
    gate = desk.slack.hold_next("chat.postMessage")
    held = asyncio.create_task(desk.send(said("a1", "one", first.address)))
    await gate.reached.wait()
    await desk.send(said("a2", "two", second.address))
    assert desk.texts(second) == ["**Ana:** two"] and desk.texts(first) == []
    gate.release()
    await held
    assert desk.texts(first) == ["**Ana:** one"]
