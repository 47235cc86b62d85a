"""From an update of Telegram's to what was heard. Pure.

What is no concern of ours, and whatever Telegram may invent, becomes `Nothing`. What is newer than the library stands
in `api_kwargs`, as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from telegram import (
    BusinessConnection,
    BusinessMessagesDeleted,
    CallbackQuery,
    ChatMember,
    ChatMemberUpdated,
    InlineQuery,
    Message,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeEmoji,
    Update,
)

from adapters.telegram.api import Me
from adapters.telegram.heard import (
    Asked,
    Connected,
    Deleted,
    Heard,
    Joined,
    Left,
    Nothing,
    Pressed,
    Reacted,
    Stopped,
)
from adapters.telegram.names import Place
from adapters.telegram.shape import Malformed, read
from adapters.telegram.spoken import GROUPS, PRIVATE, message, person, place_of, speaker

_THUMBS = {"👍": 1, "👎": -1}
_OUTSIDE = (ChatMember.LEFT, ChatMember.BANNED)


def understood(update: Mapping[str, Any], me: Me) -> Heard:
    """What an update that was `shape.checked` tells. Raises `Malformed`, whatever in it nobody can make sense of."""
    try:
        return heard(read(update), me)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise Malformed("The update is not in the shape of the Bot API.") from None


def heard(update: Update, me: Me) -> Heard:
    """What `update` tells a bot that is `me`."""
    for name, reader in _READERS.items():
        if given := getattr(update, name, None) or update.api_kwargs.get(name):
            return reader(given, me)
    return Nothing(why="other_update")


def _edited(given: Message, me: Me) -> Heard:
    return message(given, me, edited=True)


def _pressed(query: CallbackQuery, me: Me) -> Heard:
    given = query.message
    if given is None or not query.data:
        return Nothing(why="foreign_button")
    where = place_of(given, me) if isinstance(given, Message) else Place(me.id, given.chat.id)
    return Pressed(
        place=where,
        private=given.chat.type == PRIVATE,
        message=given.message_id,
        who=person(query.from_user),
        query=query.id,
        data=query.data,
    )


def _asked(query: InlineQuery, _: Me) -> Heard:
    return Asked(query=query.id, who=person(query.from_user), text=" ".join(query.query.split()))


def _reacted(given: MessageReactionUpdated, me: Me) -> Heard:
    who = speaker(given.user, given.actor_chat)
    before, now = _thumb(given.old_reaction), _thumb(given.new_reaction)
    if who is None or before == now:
        return Nothing(why="other_reaction")
    private = given.chat.type == PRIVATE
    return Reacted(place=Place(me.id, given.chat.id), private=private, message=given.message_id, who=who, value=now)


def _thumb(reactions: Sequence[ReactionType]) -> int:
    return next(
        (_THUMBS[one.emoji] for one in reactions if isinstance(one, ReactionTypeEmoji) and one.emoji in _THUMBS), 0
    )


def _member(change: ChatMemberUpdated, me: Me) -> Heard:
    """What became of the bot's own place in a chat."""
    where = Place(me.id, change.chat.id)
    was, now = change.old_chat_member.status, change.new_chat_member.status
    if now in _OUTSIDE:
        return Left(place=where)
    if was in _OUTSIDE and change.chat.type in GROUPS:
        return Joined(place=where, who=person(change.from_user), at=int(change.date.timestamp()))
    return Nothing(why="other_change")


def _connected(given: BusinessConnection, _: Me) -> Heard:
    return Connected(connection=given.id)


def _deleted(given: BusinessMessagesDeleted, me: Me) -> Heard:
    where = Place(me.id, given.chat.id, business=given.business_connection_id)
    return Deleted(place=where, messages=tuple(given.message_ids))


def _stopped(given: Any, me: Me) -> Heard:
    """Bot API 10.3: somebody pressed Stop at a draft. As it came, or as a library that knows it has it."""
    told = given if isinstance(given, dict) else given.to_dict()
    where = Place(me.id, told["chat"]["id"], told.get("message_thread_id") or 0)
    return Stopped(place=where, draft=told["draft_id"])


_READERS: Mapping[str, Callable[[Any, Me], Heard]] = {
    "message": message,
    "edited_message": _edited,
    "business_message": message,
    "edited_business_message": _edited,
    "callback_query": _pressed,
    "inline_query": _asked,
    "message_reaction": _reacted,
    "my_chat_member": _member,
    "business_connection": _connected,
    "deleted_business_messages": _deleted,
    "stopped_message_generation": _stopped,
}

ALLOWED = tuple(_READERS)
"""The kinds of updates to ask for. Reactions come only when they are asked for by name."""
