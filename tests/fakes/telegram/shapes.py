"""The objects of the Bot API as they go over the wire: https://core.telegram.org/bots/api#available-types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.telegram.limits import rich_text
from tests.fakes.telegram.state import Business, Chat, File, Shown, User

Json = dict[str, Any]
Known = Callable[[int], User]


def user(one: User) -> Json:
    found: Json = {"id": one.id, "is_bot": one.is_bot, "first_name": one.first_name}
    if one.last_name:
        found["last_name"] = one.last_name
    if one.username:
        found["username"] = one.username
    if one.language_code and not one.is_bot:
        found["language_code"] = one.language_code
    return found


def chat(place: Chat, known: Known) -> Json:
    if place.kind == "private":
        person = user(known(place.id))
        return {name: person[name] for name in ("id", "first_name", "last_name", "username") if name in person} | {
            "type": "private"
        }
    found: Json = {"id": place.id, "title": place.title, "type": place.kind}
    return found | ({"is_forum": True} if place.forum else {})


def full_chat(place: Chat, known: Known) -> Json:
    """What getChat gives; a group's permissions are all granted."""
    found = chat(place, known) | {"accent_color_id": 1, "max_reaction_count": 11, "accepted_gift_types": _GIFTS}
    if place.group:
        found["permissions"] = dict.fromkeys(_PERMISSIONS, True)
    return found


_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), True
)
_PERMISSIONS = ("can_send_messages", "can_send_documents", "can_send_polls", "can_invite_users", "can_manage_topics")
_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members", "can_promote_members",
    "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
    "can_pin_messages", "can_manage_topics",
)  # fmt: skip


def member(place: Chat, one: User) -> Json:
    status = place.members.get(one.id, "left")
    found: Json = {"user": user(one), "status": status}
    if status == "administrator":
        found |= {"can_be_edited": False, "is_anonymous": False, **dict.fromkeys(_RIGHTS, True)}
    elif status == "creator":
        found["is_anonymous"] = False
    elif status == "kicked":
        found["until_date"] = 0
    elif status == "restricted":
        found |= {"is_member": True, "until_date": 0, **dict.fromkeys(_RESTRICTIONS, False)}
    return found


_RESTRICTIONS = (
    "can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos",
    "can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages",
    "can_add_web_page_previews", "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics",
    "can_edit_tag",
)  # fmt: skip


def file(one: File) -> Json:
    """The file of a message; of a photo this is its largest size."""
    found: Json = {"file_id": one.id, "file_unique_id": one.unique_id, "file_size": len(one.body)}
    if one.kind == "photo":
        return found | {"width": 1_280, "height": 960}
    if one.kind in ("voice", "audio", "video"):
        found["duration"] = one.seconds
    if one.kind == "video":
        found |= {"width": 640, "height": 480}
    if one.name and one.kind != "voice":
        found["file_name"] = one.name
    return found | ({"mime_type": one.media_type} if one.media_type else {})


def message(shown: Shown, place: Chat, known: Known, bot: User, *, reply: bool = True) -> Json:
    """A message; the one that it answers comes with it, but not the one which that answered.

    Two things that mislead: in supergroups an answer outside of topics has a message_thread_id as well, that of the
    message at the root of the answers (to which nothing can be sent); and what is no answer in a topic comes as one to
    the message that tells of the topic.
    """
    found: Json = {"message_id": shown.id, "from": user(known(shown.user)), "chat": chat(place, known)}
    found["date"] = shown.date
    if shown.business:
        found["business_connection_id"] = shown.business
        if shown.by_bot:
            found["sender_business_bot"] = user(bot)
    if shown.thread:
        found |= {"message_thread_id": shown.thread, "is_topic_message": True}
    elif shown.reply_to and place.kind == "supergroup":
        found["message_thread_id"] = _root(shown, place)
    answered = place.messages.get(shown.reply_to or (shown.thread if shown.thread != shown.id else 0))
    if reply and answered is not None and not answered.deleted:
        found["reply_to_message"] = message(answered, place, known, bot, reply=False)
    if shown.edit_date:
        found["edit_date"] = shown.edit_date
    if shown.preview is not None:
        found["link_preview_options"] = dict(shown.preview)
    if shown.markup:
        found["reply_markup"] = dict(shown.markup)
    return found | dict(shown.service) | dict(shown.more) | _content(shown)


def _root(shown: Shown, place: Chat) -> int:
    """Where the answers began that this is the last of."""
    while (answered := place.messages.get(shown.reply_to)) is not None:
        shown = answered
    return shown.id


def _content(shown: Shown) -> Json:
    if shown.rich is not None:
        return {"rich_message": rich(shown.rich)}
    if shown.file is None:
        texts: Json = {"text": shown.text} if shown.text else {}
        return texts | ({"entities": list(shown.entities)} if shown.entities else {})
    found: Json = {shown.file.kind: file(shown.file)}
    if shown.file.kind == "photo":
        small = file(shown.file) | {"file_id": f"{shown.file.id}-s", "width": 90, "height": 68, "file_size": 1_024}
        found["photo"] = [small | {"file_unique_id": f"{shown.file.unique_id}s"}, file(shown.file)]
    if shown.text:
        found["caption"] = shown.text
    return found | ({"caption_entities": list(shown.entities)} if shown.entities else {})


def rich(given: Mapping[str, Any]) -> Json:
    """A rich message as it is read: paragraphs, whatever it was written in."""
    paragraphs = [text for text in rich_text(given).split("\n\n") if text.strip()]
    found: Json = {"blocks": given.get("blocks") or [{"type": "paragraph", "text": text} for text in paragraphs]}
    return found | ({"is_rtl": True} if given.get("is_rtl") else {})


def connection(business: Business, owner: User) -> Json:
    rights = {"can_read_messages": True, **({"can_reply": True} if business.can_reply else {})}
    return {
        "id": business.id, "user": user(owner), "user_chat_id": owner.id, "date": business.date,
        "is_enabled": business.enabled, "rights": rights,
    }  # fmt: skip
