"""What somebody says in Telegram, from the library's message to `Said`. Pure."""

from __future__ import annotations

from telegram import Chat, Message, User

from adapters.commands import command_of
from adapters.telegram.api import Me
from adapters.telegram.commands import commanded, looks_like_command, topic
from adapters.telegram.contents import files_of, mentions, quoted, text_of, without_name
from adapters.telegram.heard import Heard, Moved, Nothing, Said, Who
from adapters.telegram.names import Place

PRIVATE, GROUPS = "private", ("group", "supergroup")
_TELEGRAM = 777_000
"""Who posts for Telegram itself, and for a channel into its group."""


def message(given: Message, me: Me, *, edited: bool = False) -> Heard:
    """What `given` says; a service message mostly says nothing."""
    if given.migrate_to_chat_id:
        return Moved(old=given.chat.id, new=given.migrate_to_chat_id)
    who = speaker(given.from_user, given.sender_chat)
    why = _nobody(given, me)
    if why or who is None:
        return Nothing(why=why or "nobody")
    if not text_of(given) and not files_of(given):
        return Nothing(why="no_speech")
    return _said(given, me, who, edited=edited)


def place_of(given: Message, me: Me) -> Place:
    """Where it stands. Below an answer outside of topics there is a thread too, which is no conversation of its own."""
    topical = given.message_thread_id if given.is_topic_message else 0
    return Place(me.id, given.chat.id, topical or 0, given.business_connection_id or "")


def speaker(user: User | None, chat: Chat | None) -> Who | None:
    """Who speaks; a chat speaks through a user that stands for every such chat."""
    if chat is not None:
        return Who(id=chat.id, name=" ".join((chat.title or chat.full_name or "").split()))
    return person(user) if user is not None else None


def person(user: User) -> Who:
    code = (user.language_code or "").partition("-")[0].lower()
    known = len(code) == 2 and code.isascii() and code.isalpha()  # "fil" is no Finnish
    name = " ".join(user.full_name.split())
    return Who(id=user.id, name=name, language=code if known else "", bot=user.is_bot)


def _nobody(given: Message, me: Me) -> str:
    """Why nobody says it to us: we said it ourselves, it was passed on for us, or a channel tells everybody."""
    user = given.from_user
    if given.chat.type not in (PRIVATE, *GROUPS):
        return "channel"
    if user is not None and user.id == me.id:
        return "ours"
    if given.via_bot is not None and given.via_bot.id == me.id:
        return "ours_by_inline"
    if given.sender_business_bot is not None or given.is_from_offline:
        return "on_behalf"
    if given.is_automatic_forward or (user is not None and user.id == _TELEGRAM):
        return "of_telegram"
    return ""


def _said(given: Message, me: Me, who: Who, *, edited: bool) -> Heard:
    private = given.chat.type == PRIVATE
    text = without_name(given, me)
    meant = commanded(text)
    if meant and meant.lower() != me.username.lower():
        return Nothing(why="other_bot")
    command, rest = command_of(text, me.username)
    answered = given.reply_to_message
    if answered is not None and _opens_topic(answered, given):
        answered = None
    return Said(
        place=place_of(given, me),
        private=private,
        message=given.message_id,
        who=who,
        at=_seconds(given),
        text=topic(rest) if command == "start" else rest,
        edited_at=_edited(given) if edited else 0,
        command=command,
        unknown=not command and looks_like_command(text),
        named=bool(mentions(given, me) or command or meant),
        answers=answered.message_id if answered else 0,
        answers_us=bool(answered and answered.from_user and answered.from_user.id == me.id),
        quoted=quoted(given) if answered or given.quote else "",
        root=given.message_thread_id or 0,
        files=files_of(given),
        album=given.media_group_id or "",
    )


def _opens_topic(answered: Message, given: Message) -> bool:
    """In a topic everything replies to the message that opened it, which says nothing about whom it is for."""
    return answered.forum_topic_created is not None or (
        bool(given.is_topic_message) and answered.message_id == given.message_thread_id
    )


def _seconds(given: Message) -> int:
    return int(given.date.timestamp())


def _edited(given: Message) -> int:
    return int((given.edit_date or given.date).timestamp())
