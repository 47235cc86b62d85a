"""What people say to each other through the house: words, notices, and cases at the support desk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.telegram import names
from adapters.telegram.api import TelegramRefused
from adapters.telegram.keyboards import RESOLVE, RETURN, TAKE
from bot.events import Message
from tests.adapters.telegram.outlet import BOT, DESK, GROUP, PERSON, case_of, final, outlet, post

AT_DESK = {"channel": "telegram", "conversation": str(DESK)}


@pytest.fixture(params=[True, False], ids=["forum", "group"])
async def desk(request, tmp_path):
    """An outlet with a desk, and whether that has topics."""
    async with outlet(tmp_path, handover=AT_DESK) as out:
        bot = "administrator" if request.param else "member"
        out.telegram.group(DESK, forum=request.param, bot=bot)
        out.forum = request.param
        yield out


def labels(shown):
    return [button["callback_data"] for button in shown.buttons]


def kinds(shown, kind):
    return [entity for entity in shown.entities if entity["type"] == kind]


async def test_a_persons_words_stand_under_their_name(tmp_path):
    async with outlet(tmp_path) as out:
        case = case_of(await out.ask())
        await out.send(post(case, "said", "Hello **you**.", name="An*a", visitor=True))
        await out.send(post(case, "said", "- one\n- two", name="Ana", visitor=True, number=2))
        assert out.texts() == ["An*a: Hello you.", "Ana:\n\n• one\n• two"]
        assert kinds(out.said()[0], "bold")[0] == {"type": "bold", "offset": 0, "length": 5}
        assert not any(shown.buttons for shown in out.said()) and not out.telegram.violations


async def test_a_notice_is_set_off(tmp_path):
    async with outlet(tmp_path) as out:
        case = case_of(await out.ask())
        await out.send(post(case, "notice", "Ana has *joined*.", visitor=True))
        assert out.texts() == ["Ana has *joined*."]
        assert kinds(out.said()[0], "italic") == [{"type": "italic", "offset": 0, "length": 17}]


async def test_nobodys_words_call_people_at_the_desk(desk):
    """What a visitor writes is somebody else's text."""
    case = case_of(await desk.ask())
    await desk.send(post(case, "case", "Visitor: I am @everybody here"))
    await desk.send(post(case, "said", "Hello @ana_at_desk", name="@boss_here"))
    for shown in desk.said(DESK):
        assert "mention" not in [entity["type"] for entity in shown.entities]
        covered = [entity["offset"] for entity in kinds(shown, "code")]
        assert all(place in covered for place, sign in enumerate(shown.text) if sign == "@")


async def test_a_card_shows_its_case_and_what_can_be_done(desk):
    """It is one message that changes with the case; buttons go when the case is over."""
    case = case_of(await desk.ask(), reason="My *order* is late", language="de", agent_name="Ana")
    steps = {"waiting": [TAKE, RESOLVE], "taken": [RESOLVE, RETURN, TAKE], "resolved": [], "taken ": []}
    remotes = set()
    for state, buttons in steps.items():
        card = post(replace(case, state=state.strip()), "case", "**Visitor:** hello\n\n" + "Words. " * 3_000)
        remotes.add(await desk.send(card))
        [shown] = desk.said(DESK)
        assert "Vera" in shown.text and "My *order* is late" in shown.text and labels(shown) == buttons
    [remote] = remotes
    assert await desk.store.sent_as("telegram", remote) == f"case-{case.id}"
    sends = await desk.store.sends("telegram", f"case-{case.id}")
    assert sends[0].remote == remote and not desk.telegram.violations
    assert "Resolved" in shown.text and "Waiting" in shown.texts[1]


async def test_a_case_has_a_topic_or_a_chain_of_replies(desk):
    """Everything of it stands there, and leads back to it."""
    case = case_of(await desk.ask())
    await desk.send(post(case, "case", ""))
    remote = await desk.send(post(case, "said", "Hello?", name="Vera"))
    card, said = desk.said(DESK)
    assert await desk.store.sent_as("telegram", remote) == f"{case.id}-abc-1"
    if desk.forum:
        [topic] = desk.telegram.world.place(DESK).topics.values()
        assert card.thread == said.thread == topic.id and topic.name == "Vera"
        assert await desk.store.sent_as("telegram", names.remote(names.Place(BOT, DESK), topic.id)) == f"case-{case.id}"
    else:
        assert said.reply_to == card.id and not card.thread
    await desk.send(post(replace(case, state="resolved"), "case", ""))
    await desk.send(post(replace(case, state="resolved"), "case", ""))
    if desk.forum:
        assert topic.closed


async def test_the_bot_answers_colleagues_below_their_words(desk):
    case = case_of(await desk.ask())
    await desk.store.accept(asked := await words_at_desk(desk, case))
    await desk.send(post(case, "case", ""))
    kept, desk.store._store.case_at = desk.store._store.case_at, known(case)
    try:
        await desk.send(final(asked, "They want a refund."))
    finally:
        desk.store._store.case_at = kept
    answer = desk.said(DESK)[-1]
    assert answer.text == "They want a refund." and not answer.buttons
    assert answer.reply_to == int(asked.id.split(":")[2])
    assert bool(answer.thread) == desk.forum


def known(case):
    async def case_at(address):
        return case if address == case.desk else None

    return case_at


async def words_at_desk(desk, case):
    ident = await desk.telegram.say(DESK, PERSON, "@frontdesk_bot summarize")
    ident = names.message_id(names.Place(BOT, DESK), ident)
    return Message(id=ident, address=case.desk, sender=str(PERSON), text="", sent_at=1.0, command="summarize")


async def test_what_belongs_below_a_card_waits_for_it(desk):
    """Until it stands there, or was given up."""
    case = case_of(await desk.ask())
    with pytest.raises(TelegramRefused, match="does not stand"):
        await desk.send(post(case, "said", "Hello?", name="Vera"))
    desk.telegram.set_bot(DESK, "kicked", by=1)
    assert await desk.send(post(case, "case", "")) == ""
    assert await desk.send(post(case, "said", "Hello?", name="Vera")) == ""
    desk.telegram.set_bot(DESK, "administrator", by=1)
    assert await desk.send(post(case, "case", "")) != ""
    assert await desk.send(post(case, "said", "Hello?", name="Vera", number=2)) != ""


async def test_without_the_right_to_open_topics_a_case_is_a_chain_of_replies(tmp_path):
    async with outlet(tmp_path, handover=AT_DESK) as out:
        out.telegram.group(DESK, forum=True, bot="member")
        case = case_of(await out.ask())
        await out.send(post(case, "case", ""))
        await out.send(post(case, "said", "Hello?", name="Vera"))
        card, said = out.said(DESK)
        assert said.reply_to == card.id and not out.telegram.violations


async def test_a_topic_that_was_deleted_is_opened_again(tmp_path):
    """The card stands in the new one, and so does what is said from then on."""
    async with outlet(tmp_path, handover=AT_DESK) as out:
        out.telegram.group(DESK, forum=True, bot="administrator")
        case = case_of(await out.ask())
        await out.send(post(case, "case", ""))
        [topic] = out.telegram.world.place(DESK).topics
        await out.api.call("deleteForumTopic", chat=DESK, message_thread_id=topic)
        await out.send(post(replace(case, state="taken"), "case", ""))
        await out.send(post(case, "said", "Hello?", name="Vera"))
        [anew] = out.telegram.world.place(DESK).topics
        assert [shown.thread for shown in out.said(DESK)] == [anew, anew] and anew != topic


async def test_a_case_is_found_wherever_its_desk_has_moved(tmp_path):
    """A group that became a supergroup is still the desk."""
    async with outlet(tmp_path, handover={"channel": "telegram", "conversation": "-77"}) as out:
        out.telegram.group(-77)
        case = case_of(await out.ask())
        case = replace(case, desk=replace(case.desk, conversation="-77"))
        new = out.telegram.migrate(-77)
        remote = await out.send(post(case, "case", ""))
        assert remote.startswith(f"{BOT}:{new}:") and await out.store.sent_as("telegram", remote) == f"case-{case.id}"
        await out.send(post(case, "said", "Hello?", name="Vera"))
        assert len(out.said(new)) == 2


async def test_elsewhere_the_desks_group_is_a_group_like_any_other(desk):
    """Who writes to the bot there, outside of any case, is answered as everywhere."""
    message = await desk.ask(chat=DESK)
    await desk.send(final(message, "Yes."))
    other = await desk.ask(chat=GROUP)
    await desk.send(final(other, "No."))
    assert desk.texts(DESK) == ["Yes."] and desk.texts(GROUP) == ["No."]
