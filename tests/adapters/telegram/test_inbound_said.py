"""From what is said in Telegram to what the house is given: to whom it is said, by whom, and in which form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram.names import Place, address, message_id
from bot.events import Address, Message, Stop
from tests.adapters.telegram.inlet import Inlet, inlet
from tests.adapters.telegram.updates import ANNA, BOT, GROUP, NAME, OURS, PRIVATE, ROOM, message, named

BORIS = {"id": 8, "is_bot": False, "first_name": "Boris"}
OTHER_BOT = {"id": 99, "is_bot": True, "first_name": "Other", "username": "other_bot"}


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Inlet]:
    async with inlet(tmp_path) as made:
        yield made


def edited(text: str, at: int, **more: Any) -> dict[str, Any]:
    return message(text, edit_date=at, **more)


async def test_a_private_message(made: Inlet) -> None:
    """Its id is made of where it stands; sender, name and language are Telegram's."""
    assert await made.asked("message", message("How long?")) == Message(
        id=f"{BOT}:7:10",
        address=Address(channel="telegram", account=str(BOT), conversation="7"),
        sender="7",
        text="How long?",
        sent_at=1_700_000_000.0,
        language="de",
        name="Anna Alt",
    )


# -- access ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("allowed", "answered"),
    [
        ({}, {"anna", "boris", "anna in the room", "boris in the room"}),
        ({"users": [7]}, {"anna", "anna in the room"}),
        ({"chats": [GROUP]}, {"anna in the room", "boris in the room"}),
        ({"chats": [GROUP], "users": [7]}, {"anna", "anna in the room"}),
        ({"chats": [8]}, {"boris"}),
    ],
)
async def test_allow_lists(tmp_path: Path, allowed: dict[str, Any], answered: set[str]) -> None:
    """Empty ones allow everybody; who is listed is answered in private, and in groups that are listed or all."""
    async with inlet(tmp_path, telegram=allowed) as made:
        tried = {
            "anna": message("Hi"),
            "boris": message("Hi", user=BORIS, chat={"id": 8, "type": "private"}),
            "anna in the room": named(f"@{NAME} hi"),
            "boris in the room": named(f"@{NAME} hi", user=BORIS),
        }
        heard = {
            name
            for number, (name, payload) in enumerate(tried.items())
            if await made.asked("message", payload | {"message_id": number + 1})
        }
        assert heard == answered


async def test_other_bots(tmp_path: Path) -> None:
    """They are ignored; one that is allowed has to name us each time, and is not answered without end."""
    theirs = named(f"@{NAME} hi", user=OTHER_BOT)
    async with inlet(tmp_path / "strict") as strict:
        assert await strict.asked("message", theirs) is None
        private = message("Hi", user=OTHER_BOT, chat={"id": 99, "type": "private"})
        assert await strict.asked("message", private) is None
    async with inlet(tmp_path / "kind", telegram={"bots": [99]}) as kind:
        ours = message("Hello.", user=OURS) | {"message_id": 3}
        assert await kind.asked("message", message("So?", chat=ROOM, user=OTHER_BOT, reply_to_message=ours)) is None
        for number in range(20, 60):
            await kind.take("message", theirs | {"message_id": number})
            await kind.take("message", theirs | {"message_id": number})
        assert len(kind.messages) == 10


async def test_business_accounts(made: Inlet) -> None:
    """Answered where the connection may reply; neither the owner's own words nor what is said for others."""
    connection = await made.telegram.connect(30)
    silent = await made.telegram.connect(32, can_reply=False)
    customer = {"chat": {"id": 7, "type": "private"}, "business_connection_id": connection}
    assert (await made.asked("business_message", message("Hi") | customer)) is not None
    owner = {"id": 30, "is_bot": False, "first_name": "Otto"}
    assert await made.asked("business_message", message("Hi", user=owner) | customer | {"message_id": 11}) is None
    silenced = customer | {"business_connection_id": silent, "message_id": 12}
    assert await made.asked("business_message", message("Hi") | silenced) is None
    unknown = customer | {"business_connection_id": "BC-nobody", "message_id": 13}
    assert await made.asked("business_message", message("Hi") | unknown) is None


async def test_a_connection_that_ends(made: Inlet) -> None:
    """What Telegram tells of a connection is asked for again, whatever the update said: it may come late."""
    connection = await made.telegram.connect(30)
    said = message("Hi") | {"business_connection_id": connection}
    assert await made.asked("business_message", said)
    await made.telegram.disconnect(connection)
    stale = {
        "id": connection,
        "user": ANNA,
        "user_chat_id": 7,
        "date": 1,
        "is_enabled": True,
        "rights": {"can_reply": True},
    }
    await made.take("business_connection", stale)
    assert await made.asked("business_message", said | {"message_id": 11}) is None


# -- what is asked -----------------------------------------------------------------------------------------
async def test_a_reply_to_somebody_else_brings_their_words(made: Inlet) -> None:
    """Below what is asked about them; a command that takes a text is applied to them."""
    theirs = message("The frame broke.\nTwice.", user=BORIS) | {"message_id": 4}
    asked = await made.asked("message", named(f"@{NAME} is that covered?", reply_to_message=theirs))
    assert asked and asked.text == "is that covered?\n\n> The frame broke.\n> Twice."
    for number, (text, command, expected) in enumerate(
        (
            ("/translate de", "translate", "de\nThe frame broke.\nTwice."),
            ("/summarize", "summarize", "The frame broke.\nTwice."),
            ("/summarize this text", "summarize", "this text"),
            ("/sentiment", "sentiment", "The frame broke.\nTwice."),
            (f"@{NAME}", "", "The frame broke.\nTwice."),
            ("/help", "help", ""),
        )
    ):
        more = {"reply_to_message": theirs, "message_id": 20 + number}
        asked = await made.asked("message", named(text, **more))
        assert asked and (asked.command, asked.text) == (command, expected)


async def test_what_asks_for_help(made: Inlet) -> None:
    """The bot's name alone, and a command that nobody knows."""
    for number, payload in enumerate((named(f"@{NAME}"), message("/unheard_of"), named(f"/unheard_of@{NAME}"))):
        asked = await made.asked("message", payload | {"message_id": 30 + number})
        assert asked and (asked.command, asked.text) == ("help", "")
    assert await made.asked("message", named("/unheard_of")) is None


# -- edits -------------------------------------------------------------------------------------------------
async def test_an_edit(made: Inlet) -> None:
    """It is a message of its own, which replaces the first form."""
    await made.take("message", message("How long?"))
    asked = await made.asked("edited_message", edited("How much?", 1_700_000_005))
    assert asked and asked.replaces == f"{BOT}:7:10" and asked.id == f"{BOT}:7:10:1700000005"
    assert asked.edited and asked.sent_at == 1_700_000_005.0 and asked.text == "How much?"


async def test_an_edit_without_a_change_of_text(made: Inlet) -> None:
    """Nothing is asked anew: held against the newest form, not against the first."""
    await made.take("message", message("A"))
    assert await made.asked("edited_message", edited("A", 1_700_000_001)) is None
    assert await made.asked("edited_message", edited("B", 1_700_000_002))
    assert await made.asked("edited_message", edited("B", 1_700_000_003)) is None
    assert await made.asked("edited_message", edited("A", 1_700_000_004))


async def test_two_edits_within_one_second(made: Inlet) -> None:
    """They carry one date, and are two: the second is answered, and however often either is told of, once."""
    await made.take("message", message("A"))
    for _ in range(2):
        for text in ("B", "C"):
            await made.take("edited_message", edited(text, 1_700_000_002))
    texts = [(asked.text, asked.sent_at) for asked in made.messages]
    assert [text for text, _ in texts] == ["A", "B", "C"] and texts[2][1] > texts[1][1]


async def test_an_older_edit_that_comes_late(made: Inlet) -> None:
    """An edit back to the first text came first, so the one before it asks nothing any more."""
    await made.take("message", message("A"))
    await made.take("edited_message", edited("A", 1_700_000_005))
    assert await made.asked("edited_message", edited("B", 1_700_000_003)) is None


async def test_an_edit_that_names_the_bot(made: Inlet) -> None:
    """What was not for it is for it now; and what was for it stays so when its name is taken out."""
    assert await made.asked("message", named("How long?")) is None
    assert await made.asked("edited_message", named(f"@{NAME} how long?", edit_date=1_700_000_001))
    asked = await made.asked("edited_message", named("How much?", edit_date=1_700_000_002))
    assert asked and asked.text == "How much?"


# -- deletions ---------------------------------------------------------------------------------------------
async def test_deleted_business_messages(made: Inlet) -> None:
    """The answer to a known one is withdrawn; one that has not come yet will not be answered."""
    connection = await made.telegram.connect(30)
    place = Place(BOT, 7, 0, connection)
    await made.take("business_message", message("Hi") | {"business_connection_id": connection})
    deleted = {"business_connection_id": connection, "chat": PRIVATE, "message_ids": [10, 11]}
    stop, tombstone = await made.take("deleted_business_messages", deleted)
    assert stop == Stop(address=address(place), message_id=message_id(place, 10), reason="withdrawn")
    assert isinstance(tombstone, Message)
    assert (tombstone.id, tombstone.command) == (message_id(place, 11), "withdrawn")
    late = message("Hi") | {"business_connection_id": connection, "message_id": 11}
    await made.take("business_message", late)
    exchange = await made.store.exchange("telegram", message_id(place, 11))
    assert exchange and exchange.message.command == "withdrawn"


# -- albums ------------------------------------------------------------------------------------------------
async def test_albums(made: Inlet) -> None:
    """Of pictures without words one is enough; documents and what has words are taken each."""
    photo = [{"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}]
    document = {"file_id": "d", "file_unique_id": "u", "file_name": "a.csv", "mime_type": "text/csv"}
    album = {"media_group_id": "1"}
    taken = [
        await made.asked("message", message(**media, **album) | {"message_id": number})
        for number, media in enumerate(
            ({"photo": photo}, {"photo": photo}, {"photo": photo, "caption": "What is this?"}, {"document": document}),
            50,
        )
    ]
    assert [asked is not None for asked in taken] == [True, False, True, True]
    assert await made.asked("message", message(photo=photo, **album) | {"message_id": 50})  # the first, once more
