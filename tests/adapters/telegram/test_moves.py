"""Groups that became supergroups: followed to where they are, while nothing there is taken for what was the bot's."""

from __future__ import annotations

import pytest

from adapters.telegram.api import TelegramRefused
from adapters.telegram.errors import GONE, NOT_THERE
from adapters.telegram.moves import MOST, Moves
from tests.adapters.telegram.outlet import BOT, final, outlet, partial
from tests.fakes.telegram.server import Shown

OLD = -55
TEXT = "We deliver within three days."


def put(telegram, chat, ident):
    """Somebody's message with that number."""
    shown = Shown(chat=chat, id=ident, user=7, date=1, text="theirs", by_bot=True)
    telegram.world.place(chat).messages[ident] = shown
    return shown


async def test_a_group_that_moved_is_asked_where_it_is(tmp_path):
    """Once; then it is known."""
    async with outlet(tmp_path) as out:
        out.telegram.group(OLD)
        new = out.telegram.migrate(OLD)
        for _ in range(2):
            assert (await out.api.call("sendMessage", chat=OLD, text="hello"))["chat"]["id"] == new
        assert out.api.place(OLD) == new and len(out.telegram.calls_of("sendMessage")) == 3


async def test_a_groups_messages_are_none_of_the_group_that_it_became(tmp_path):
    """Both number their messages: what was the bot's there may be another one here."""
    async with outlet(tmp_path) as out:
        out.telegram.group(OLD)
        old = (await out.api.call("sendMessage", chat=OLD, text="mine"))["message_id"]
        new = out.telegram.migrate(OLD)
        theirs = put(out.telegram, new, old)
        for _ in range(2):  # before the new id is known, and when it is
            for method, more in (("editMessageText", {"text": "changed"}), ("deleteMessage", {})):
                with pytest.raises(TelegramRefused) as refused:
                    await out.api.call(method, chat=OLD, message_id=old, **more)
                assert refused.value.says(GONE) and refused.value.says(NOT_THERE) and refused.value.permanent
        answer = await out.api.call("sendMessage", chat=OLD, text="hi", reply_parameters={"message_id": old})
        assert "reply_to_message" not in answer and (theirs.text, theirs.deleted) == ("theirs", False)


@pytest.mark.parametrize("restarts", [True, False])
async def test_an_answer_that_was_begun_before_is_said_where_the_group_is_now(tmp_path, restarts):
    """It replies to nothing there, and changes nothing there; also when a new process has to be told of it again."""
    async with outlet(tmp_path) as out:
        message = await out.ask(chat=OLD)
        await out.send(partial(message, TEXT[:20]))
        [begun] = await out.telegram.answers(OLD)
        new = out.telegram.migrate(OLD)
        theirs = [put(out.telegram, new, ident) for ident in (begun.id, int(message.id.split(":")[2]))]
        if restarts:
            await out.restart()
        remote = await out.deliver(final(message, TEXT))
        [shown] = [one for one in out.said(new) if one not in theirs]
        assert shown.text == TEXT and not shown.reply_to and remote == f"{BOT}:{new}:{shown.id}"
        assert [one.text for one in theirs] == ["theirs", "theirs"] and not out.telegram.violations
        assert await out.deliver(final(message, TEXT)) == remote


def test_groups_that_moved_are_remembered_within_bounds():
    """Those that were needed lately; of the others one is told again. Ids that name each other come to an end."""
    known = Moves()
    for old in range(1, 3 * MOST):
        known.learn(-old, -old - 1_000_000)
        assert known.place(-1) == -1_000_001
    assert known.place(-2) == -2 and len(known._to) == MOST
    known.learn(-7, -8)
    known.learn(-8, -7)
    assert known.place(-7) in (-7, -8)
