"""What a message holds: its text as its writer saw it, and its files. Pure.

Telegram counts in UTF-16 units, so a place in a text that it names is no index of Python's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from telegram import Message, MessageEntity, PhotoSize

from adapters.telegram.api import Me
from bot.events import Attachment

_MEDIA = (
    ("document", "document", "application/octet-stream"),
    ("voice", "voice", "audio/ogg"),
    ("audio", "audio", "audio/mpeg"),
    ("video", "video", "video/mp4"),
    ("video_note", "video", "video/mp4"),
    ("animation", "animation", "video/mp4"),
    ("sticker", "sticker", "image/webp"),
)
"""Fields that hold a file, what it is called when it has no name, and its media type when that is not told."""
_ENDINGS = {"audio/ogg": ".ogg", "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "video/mp4": ".mp4", "image/webp": ".webp"}
_NAME = re.compile(r"[ \t]*\0[ \t]*[,:，：]?[ \t]*")


def written(message: Message) -> str:
    """What was typed, by itself or below a file."""
    return message.text or message.caption or ""


def text_of(message: Message) -> str:
    """The text of a message: what was typed, else what of it can be said in words."""
    return written(message) or _told(message)


def mentions(message: Message, me: Me) -> bool:
    """Whether it names the bot."""
    return any(_names(mark, written(message), me) for mark in _marks(message))


def without_name(message: Message, me: Me) -> str:
    """The text without the bot's name, which says whom it is for and not what is asked."""
    text = text_of(message)
    named = [mark for mark in _marks(message) if _names(mark, text, me)]
    for mark in sorted(named, key=lambda mark: -mark.offset):
        units = text.encode("utf-16-le")
        before, after = units[: 2 * mark.offset], units[2 * (mark.offset + mark.length) :]
        text = before.decode("utf-16-le", "replace") + "\0" + after.decode("utf-16-le", "replace")
    return _NAME.sub(" ", text).strip() if named else text.strip()


def quoted(message: Message) -> str:
    """What stands in the message that this one replies to, or the part of it that was chosen."""
    if message.quote:
        return message.quote.text.strip()
    return text_of(message.reply_to_message).strip() if message.reply_to_message else ""


def files_of(message: Message) -> tuple[Attachment, ...]:
    """The file that came with it, if one did; of a picture the largest size."""
    if message.photo:
        photo = max(message.photo, key=_size)
        return (_attachment(photo.file_id, f"photo-{message.message_id}.jpg", "image/jpeg", photo.file_size),)
    for field, called, usual in _MEDIA:
        media = getattr(message, field)
        if media is None or (field == "sticker" and media.emoji):
            continue
        media_type = str(getattr(media, "mime_type", None) or usual)
        name = getattr(media, "file_name", None) or f"{called}-{message.message_id}{_ENDINGS.get(media_type, '')}"
        return (_attachment(media.file_id, name, media_type, media.file_size),)
    return ()


def _told(message: Message) -> str:
    """What somebody sent without typing, in words: where they are, whom to call, a sticker."""
    if venue := message.venue:
        place = f"{venue.location.latitude:.6f}, {venue.location.longitude:.6f}"
        return f"📍 {venue.title}, {venue.address} ({place})"
    if location := message.location:
        return f"📍 {location.latitude:.6f}, {location.longitude:.6f}"
    if contact := message.contact:
        name = " ".join(filter(None, (contact.first_name, contact.last_name)))
        return f"👤 {name}: {contact.phone_number}"
    if poll := message.poll:
        return "\n".join([poll.question, *(f"- {option.text}" for option in poll.options)])
    if message.sticker and message.sticker.emoji:
        return message.sticker.emoji
    return message.dice.emoji if message.dice else ""


def _marks(message: Message) -> Sequence[MessageEntity]:
    return message.entities if message.text else message.caption_entities


def _names(mark: MessageEntity, text: str, me: Me) -> bool:
    if mark.type == MessageEntity.TEXT_MENTION:
        return mark.user is not None and mark.user.id == me.id
    if mark.type != MessageEntity.MENTION or not me.username:
        return False
    units = text.encode("utf-16-le")[2 * mark.offset : 2 * (mark.offset + mark.length)]
    return units.decode("utf-16-le", "replace").lower() == f"@{me.username}".lower()


def _size(photo: PhotoSize) -> int:
    return photo.width * photo.height


def _attachment(file_id: str, name: str, media_type: str, size: int | None) -> Attachment:
    return Attachment(name=" ".join(name.split()), media_type=media_type, size=size or 0, location=f"file:{file_id}")
