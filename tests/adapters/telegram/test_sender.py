"""An answer in Telegram: shown while it is written, whole in the end, with what belongs below it."""

from __future__ import annotations

import pytest

from adapters.telegram import live as module
from adapters.telegram import names
from adapters.telegram.markdown import render
from bot.events import Citation
from tests.adapters.telegram.outlet import BOT, GROUP, PERSON, failed, final, outlet, partial

LONG = "\n\n".join(f"Paragraph {number}. " + "Words and more words. " * 40 for number in range(12)).strip()


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A text may change as often as it likes."""
    monkeypatch.setattr(module, "_DRAFT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_EDIT_SECONDS", 0.0)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.001)


def labels(shown):
    return [button["callback_data"] for button in shown.buttons]


async def test_a_private_answer_is_a_draft_and_then_one_message(tmp_path):
    """The draft may be stopped, shows the newest text, and ends with the message."""
    async with outlet(tmp_path) as out:
        message = await out.ask()
        for text in ("We deliver", "We deliver in **three** d", "We deliver in **three** days."):
            await out.send(partial(message, text))
            [draft] = await out.telegram.until(lambda: out.telegram.chat(PERSON).drafts)
            await out.telegram.until(lambda: draft.text == text.replace("*", ""))  # noqa: B023
        assert draft.can_stop and draft.keep_on_stop and draft.entities[0]["type"] == "bold"
        remote = await out.send(final(message, "We deliver in **three** days. That is all."))
        [shown] = out.said()
        assert shown.text == "We deliver in three days. That is all." and shown.edits == 1
        assert shown.texts[0] == "We deliver in three …" and not shown.reply_to
        assert [entity["type"] for entity in shown.entities] == ["bold"]
        assert remote == f"{BOT}:{PERSON}:{shown.id}" and await out.store.sent_as("telegram", remote) == message.id
        assert labels(shown) == ["f+", "f-"] and shown.preview == {"is_disabled": True}
        assert not out.telegram.chat(PERSON).drafts and not out.telegram.violations


async def test_an_answer_in_a_group_is_one_message_that_is_edited(tmp_path):
    """It replies to the question, can be stopped while it is written, and is never taken for the whole before."""
    async with outlet(tmp_path) as out:
        message = await out.ask("@frontdesk_bot hello", chat=GROUP)
        await out.send(partial(message, "We deliver in three days."))
        [shown] = await out.telegram.answers(GROUP)
        assert shown.texts[0] == "We deliver …" and labels(shown) == ["stop"]
        assert shown.reply_to == int(message.id.split(":")[2])
        await out.send(partial(message, "We deliver in three days. And"))
        await out.telegram.until(lambda: shown.text == "We deliver in three days. And")
        assert labels(shown) == ["stop"]
        await out.send(final(message, "We deliver in three days. And more."))
        assert out.texts(GROUP) == ["We deliver in three days. And more."] and labels(shown) == ["f+", "f-"]
        assert not out.telegram.calls_of("sendMessageDraft") and not out.telegram.violations


async def test_typing_is_shown_until_there_is_something_to_see(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, ""))
        await out.telegram.until(lambda: out.telegram.calls_of("sendChatAction"))
        assert out.telegram.world.place(PERSON).actions == ["typing"]
        await out.send(final(message, "Yes."))
        assert out.texts() == ["Yes."]


async def test_a_draft_is_said_again_before_telegram_forgets_it(tmp_path, monkeypatch):
    """However long the next word takes."""
    monkeypatch.setattr(module, "_REFRESH_SECONDS", 0.02)
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(partial(message, "One moment."))
        await out.telegram.until(lambda: len(out.telegram.calls_of("sendMessageDraft")) > 3)
        await out.send(final(message, "One moment. Here."))
        assert len({asked.given["draft_id"] for asked in out.telegram.calls_of("sendMessageDraft")}) == 1


async def test_where_drafts_are_refused_a_message_is_edited_from_then_on(tmp_path):
    """Once for a chat that refused one, and everywhere when the server knows none."""
    async with outlet(tmp_path) as out:
        out.telegram.fail_next("sendMessageDraft", "Bad Request: TEXTDRAFT_PEER_INVALID", status=400)
        for number, chat in enumerate((PERSON, PERSON, PERSON + 1)):
            message = await out.ask(chat=chat)
            await out.send(partial(message, "We deliver in three days, and more."))
            if chat == PERSON:
                shown = (await out.telegram.answers(PERSON, count=number + 1))[-1]
                await out.telegram.until(lambda: labels(shown) == ["stop"])  # noqa: B023
            else:
                await out.telegram.until(lambda: out.telegram.chat(PERSON + 1).drafts)
            await out.send(final(message, f"Answer {number}."))
        assert len(out.telegram.calls_of("sendMessageDraft")) == 2
    async with outlet(tmp_path / "old", fake={"version": (9, 2)}) as out:
        for chat in (PERSON, PERSON + 1):
            message = await out.ask(chat=chat)
            await out.send(partial(message, "We deliver in three days, and more."))
            await out.telegram.answers(chat)
            await out.send(final(message, "Yes."))
            assert out.texts(chat) == ["Yes."]


async def test_citations_are_links_below_the_answer(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        sources = (Citation(number=1, title="Delivery", location="d.md", url="https://shop.example/delivery"),)
        await out.send(final(message, "Three days [1].", citations=sources))
        [shown] = out.said()
        assert shown.text.startswith("Three days [1].") and "Sources:" in shown.text and "Delivery" in shown.text
        assert {entity.get("url") for entity in shown.entities} >= {"https://shop.example/delivery"}


async def test_a_long_answer_is_one_rich_message_where_there_are_any(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask()
        await out.send(final(message, LONG))
        [shown] = out.said()
        assert shown.rich and shown.rich["skip_entity_detection"] and "Paragraph 11" in shown.text
        assert labels(shown) == ["f+", "f-"] and not out.telegram.violations


@pytest.mark.parametrize("version", [(10, 3), (10, 0)])
async def test_else_it_is_several_messages(tmp_path, version):
    """In order, buttons below the last alone; an older server is asked for a rich message once."""
    async with outlet(tmp_path, fake={"version": version}, telegram={"rich": version < (10, 1)}) as out:
        for asked in range(2):
            message = await out.ask()
            await out.send(final(message, LONG))
            shown = out.said()[3 * asked :]
            assert [one.text for one in shown] == [piece.text for piece in render(LONG, quiet=False)]
            assert [labels(one) for one in shown] == [[], [], ["f+", "f-"]]
        told = [asked for asked in out.telegram.calls_of("editMessageText") if "text" not in asked.given]
        assert len(told) == (version < (10, 1))


async def test_the_answer_to_an_edited_question_takes_the_place_of_the_one_before(tmp_path):
    """Longer or shorter: the same messages are changed, others follow or are taken away; no draft beside them."""
    async with outlet(tmp_path, telegram={"rich": False}) as out:
        message = await out.ask()
        await out.send(final(message, "The first answer."))
        [first] = out.said()
        for edited, text in ((11, LONG), (12, "Short again.")):
            ident = int(message.id.split(":")[2])
            again = await out.accept(names.place(message.address), ident, "hello again", edited)
            await out.send(partial(again, "It is growing, word by word"))
            await out.telegram.until(lambda: first.text == "It is growing, word by word")
            await out.send(final(again, text))
            assert out.texts() == [piece.text for piece in render(text, quiet=False)]
            assert out.said()[0] is first
        assert not out.telegram.calls_of("sendMessageDraft") and not out.telegram.violations
        await out.send(final(message, "The first answer, late."))
        assert out.texts() == ["Short again."]


@pytest.mark.parametrize("reason", ["human", "replaced", "withdrawn", "merged"])
@pytest.mark.parametrize("chat", [PERSON, GROUP])
async def test_an_empty_end_takes_away_what_was_shown(tmp_path, chat, reason):
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=chat)
        await out.send(partial(message, "We deliver in three days."))
        await out.telegram.until(lambda: out.telegram.chat(chat).drafts or out.said(chat))
        assert await out.send(final(message, "", reason=reason)) == ""
        assert not out.said(chat)
        assert all(draft.text == "…" for draft in out.telegram.chat(chat).drafts)
        assert await out.send(final(message, "", reason=reason)) == ""
        assert not out.telegram.violations


async def test_what_cannot_be_deleted_any_more_says_nothing(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        await out.send(partial(message, "We deliver in three days."))
        await out.telegram.answers(GROUP)
        out.telegram.fail_next("deleteMessage", "Bad Request: message can't be deleted", status=400)
        await out.send(final(message, "", reason="withdrawn"))
        assert out.texts(GROUP) == ["…"]


async def test_a_failure_is_shown(tmp_path):
    async with outlet(tmp_path, handover={"channel": "test", "conversation": "desk"}) as out:
        message = await out.ask()
        await out.send(failed(message, "Something went wrong on our side. Please ask again."))
        assert out.texts() == ["Something went wrong on our side. Please ask again."]
        assert labels(out.said()[0]) == ["human"]


async def test_an_opinion_is_shown_below_the_answer(tmp_path):
    """With the way to a person kept; and the text is not touched."""
    async with outlet(tmp_path, handover={"channel": "test", "conversation": "desk"}) as out:
        message = await out.ask()
        remote = await out.send(final(message, "Yes."))
        [shown] = out.said()
        assert labels(shown) == ["f+", "f-", "human"]
        for value, seen in ((1, "👍 ✓"), (-1, "👎 ✓"), (-1, "👎 ✓")):
            await out.sender.chosen(remote, value)
            assert [button["text"] for button in shown.buttons if "✓" in button["text"]] == [seen]
        await out.sender.chosen(remote, 0)
        assert "✓" not in str(shown.buttons) and labels(shown) == ["f+", "f-", "human"] and shown.text == "Yes."
        await out.sender.chosen(f"{BOT}:{PERSON}:999", 1)


async def test_a_group_that_became_a_supergroup_is_followed(tmp_path):
    """The answer stands where the group is now, under the name that presses there will have."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=-55)
        new = out.telegram.migrate(-55)
        remote = await out.send(final(message, "Yes."))
        [shown] = out.said(new)
        assert shown.text == "Yes." and remote == f"{BOT}:{new}:{shown.id}"
        assert await out.store.sent_as("telegram", remote) == message.id


async def test_a_message_that_somebody_deleted_is_said_again(tmp_path):
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=GROUP)
        await out.send(partial(message, "We deliver in three days."))
        [shown] = await out.telegram.answers(GROUP)
        shown.deleted = True
        await out.send(final(message, "We deliver in three days. Really."))
        assert out.texts(GROUP) == ["We deliver in three days. Really."]


async def test_a_topic_is_answered_in_itself(tmp_path):
    async with outlet(tmp_path) as out:
        out.telegram.group(GROUP, forum=True)
        topic = out.telegram.topic(GROUP, "Bicycles")
        message = await out.ask(chat=GROUP, thread=topic)
        await out.send(partial(message, "We deliver in three days."))
        await out.send(final(message, "Yes."))
        assert [shown.text for shown in out.telegram.chat(GROUP, thread=topic).said] == ["Yes."]


async def test_in_the_name_of_a_business_nothing_is_shown_before_the_end(tmp_path):
    """Neither drafts nor buttons of ours are in what its customers read."""
    async with outlet(tmp_path, handover={"channel": "test", "conversation": "desk"}) as out:
        connection = await out.telegram.connect(9)
        ident = await out.telegram.write_to(connection, 10, "are you open?")
        message = await out.accept(names.Place(BOT, 10, 0, connection), ident, "are you open?")
        await out.send(partial(message, "We are"))
        await out.telegram.until(lambda: out.telegram.calls_of("sendChatAction"))
        remote = await out.send(final(message, "We are open."))
        [shown] = out.telegram.chat(10, business=connection).said
        assert shown.text == "We are open." and not shown.buttons
        assert await out.store.sent_as("telegram", remote) == message.id
        assert not out.telegram.calls_of("sendMessageDraft") and not out.telegram.violations
