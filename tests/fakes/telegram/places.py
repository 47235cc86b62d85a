"""Chats as the bot may ask for them, their topics, and files: https://core.telegram.org/bots/api#createforumtopic."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram import shapes
from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.state import Chat, Topic
from tests.fakes.telegram.world import Call, World

_COLOURS = (0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F)
DOWNLOAD = 20_000_000
LINK_SECONDS = 3_600.0
"""How long the path of a file is good for, at least."""


async def get_chat(call: Call) -> dict[str, Any]:
    return shapes.full_chat(call.place(write=False), call.world.person)


async def get_chat_member(call: Call) -> dict[str, Any]:
    place = call.place()
    if call["user_id"] not in call.world.people:
        raise Refused("user not found")
    return shapes.member(place, call.world.person(call["user_id"]))


async def get_chat_administrators(call: Call) -> list[dict[str, Any]]:
    place = call.place()
    if not place.group:
        raise Refused("there are no administrators in the private chat")
    chiefs = [ident for ident, status in place.members.items() if status in ("creator", "administrator")]
    return [shapes.member(place, call.world.person(ident)) for ident in chiefs]


async def leave_chat(call: Call) -> bool:
    place = call.place()
    if not place.group:
        raise Refused("chat member status can't be changed in private chats")
    place.members[call.world.bot.id] = "left"
    return True


async def create_forum_topic(call: Call) -> dict[str, Any]:
    place = _forum(call)
    if not 1 <= len(call["name"]) <= 128:
        raise Refused("TOPIC_TITLE_INVALID", blame=True)
    colour = call["icon_color"] or _COLOURS[0]
    if colour not in _COLOURS:
        raise Refused("TOPIC_ICON_COLOR_INVALID", blame=True)
    topic = open_topic(call.world, place, call["name"], call.world.bot.id, colour)
    return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.icon_color}


def open_topic(world: World, place: Chat, name: str, user: int, colour: int = _COLOURS[0]) -> Topic:
    """A topic has the id of the message that tells of it."""
    service = {"forum_topic_created": {"name": name, "icon_color": colour}}
    told = world.put(place, user=user, service=service, by_bot=user == world.bot.id)
    told.thread = told.id
    place.topics[told.id] = Topic(told.id, name, colour, by=user)
    return place.topics[told.id]


async def edit_forum_topic(call: Call) -> bool:
    topic = _topic(call)
    if len(call["name"] or "") > 128:
        raise Refused("TOPIC_TITLE_INVALID", blame=True)
    name, icon = call["name"] or topic.name, topic.icon if call["icon_custom_emoji_id"] is None else ""
    icon = call["icon_custom_emoji_id"] or icon
    if (name, icon) == (topic.name, topic.icon):
        raise Refused("TOPIC_NOT_MODIFIED")
    topic.name, topic.icon = name, icon
    return True


async def close_forum_topic(call: Call) -> bool:
    return _shut(call, closed=True)


async def reopen_forum_topic(call: Call) -> bool:
    return _shut(call, closed=False)


def _shut(call: Call, *, closed: bool) -> bool:
    topic = _topic(call)
    if topic.closed == closed:
        raise Refused("TOPIC_NOT_MODIFIED")
    topic.closed = closed
    service: dict[str, Any] = {"forum_topic_closed" if closed else "forum_topic_reopened": {}}
    call.world.put(call.place(), user=call.world.bot.id, service=service, thread=topic.id, by_bot=True)
    return True


async def delete_forum_topic(call: Call) -> bool:
    place, topic = _forum(call), _topic(call)
    del place.topics[topic.id]
    for shown in place.messages.values():
        shown.deleted = shown.deleted or shown.thread == topic.id
    return True


def _forum(call: Call) -> Chat:
    """The forum that is named, in which the bot may manage topics."""
    place = call.place()
    if not place.forum:
        raise Refused("the chat is not a forum")
    if place.members.get(call.world.bot.id) not in ("administrator", "creator"):
        raise Refused("not enough rights to manage topics")
    return place


def _topic(call: Call) -> Topic:
    topic = _forum(call).topics.get(call["message_thread_id"])
    if topic is None:
        raise Refused("message thread not found")
    return topic


async def get_file(call: Call) -> dict[str, Any]:
    """The path of a file is good for an hour, and its bytes are given for the bot's token alone."""
    file = call.world.files.get(call["file_id"].removesuffix("-s"))
    if file is None:
        raise Refused("wrong file_id or the file is temporarily unavailable")
    if len(file.body) > DOWNLOAD:
        raise Refused("file is too big")
    ending = (
        file.name.rpartition(".")[2] if "." in file.name else {"voice": "oga", "photo": "jpg"}.get(file.kind, "bin")
    )
    path = f"{file.kind}s/file_{list(call.world.files).index(file.id)}.{ending}"
    call.world.paths[path] = (file, call.world.clock.now() + LINK_SECONDS)
    return {
        "file_id": call["file_id"], "file_unique_id": file.unique_id, "file_size": len(file.body), "file_path": path,
    }  # fmt: skip


PLACES = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "leaveChat": leave_chat,
    "createForumTopic": create_forum_topic,
    "editForumTopic": edit_forum_topic,
    "closeForumTopic": close_forum_topic,
    "reopenForumTopic": reopen_forum_topic,
    "deleteForumTopic": delete_forum_topic,
    "getFile": get_file,
}
