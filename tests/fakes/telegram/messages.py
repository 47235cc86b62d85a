"""What is sent, changed and taken away: texts, files, reactions, typing. Drafts and rich messages are in `drafts`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from telegram.constants import ChatAction, ReactionEmoji

from tests.fakes.telegram import limits, texts
from tests.fakes.telegram.arguments import Refused, Upload
from tests.fakes.telegram.state import Chat, File, Shown
from tests.fakes.telegram.world import Call, World

_ACTIONS = frozenset(str(action.value) for action in ChatAction)
_REACTIONS = frozenset(str(emoji.value) for emoji in ReactionEmoji)
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)
_UPLOAD = 50_000_000
_numbers = itertools.count(1)


async def send_message(call: Call) -> dict[str, Any]:
    limits.no_parse_mode(call.given)
    text, entities = texts.checked(call["text"] or "", call["entities"])
    return post(call, text=text, entities=entities, preview=limits.preview(call["link_preview_options"]))


def post(call: Call, **said: Any) -> dict[str, Any]:
    """Say something where the call says it is to be; a draft there ends with it."""
    markup, reply = limits.markup(call["reply_markup"]), limits.reply(call["reply_parameters"])
    place = call.place()
    thread = call.thread(place)
    answered = _answered(place, reply)
    business = call.world.businesses.get(place.business)
    shown = call.world.put(
        place, user=business.user if business else call.world.bot.id, thread=thread, markup=markup,
        reply_to=answered.id if answered else 0, by_bot=True, **said,
    )  # fmt: skip
    for key in [key for key in place.drafts if key[0] == thread]:
        del place.drafts[key]
    return call.world.message(place, shown)


def _answered(place: Chat, reply: Mapping[str, Any] | None) -> Shown | None:
    """The message that is answered. One in another chat is not looked for."""
    if reply is None:
        return None
    if reply.get("chat_id") not in (None, place.id):
        raise Refused("message to be replied not found")
    answered = place.messages.get(reply["message_id"])
    if answered is None or answered.deleted:
        if reply.get("allow_sending_without_reply"):
            return None
        raise Refused("message to be replied not found")
    if (quote := reply.get("quote")) and quote not in answered.text:
        raise Refused("QUOTE_TEXT_INVALID", blame=True)
    return answered


async def edit_message_text(call: Call) -> dict[str, Any] | bool:
    limits.no_parse_mode(call.given)
    if call["inline_message_id"]:
        return _inline(call)
    markup = limits.markup(call["reply_markup"], inline=True)
    rich = call["rich_message"]
    if rich is not None:
        said: dict[str, Any] = {"rich": limits.rich(rich, call.world.version), "text": limits.rich_text(rich)}
        said |= {"entities": []}
    else:
        text, entities = texts.checked(call["text"] or "", call["entities"], long="MESSAGE_TOO_LONG")
        said = {"rich": None, "text": text, "entities": entities}
    preview = limits.preview(call["link_preview_options"])
    place, shown = _edited(call)
    if shown.file is not None:
        raise Refused("there is no text in the message to edit")
    return _rewrite(call, place, shown, **said, markup=markup, preview=preview)


async def edit_message_reply_markup(call: Call) -> dict[str, Any] | bool:
    markup = limits.markup(call["reply_markup"], inline=True)
    if call["inline_message_id"]:
        return _inline(call)
    place, shown = _edited(call)
    return _rewrite(call, place, shown, markup=markup)


def _inline(call: Call) -> bool:
    if call["inline_message_id"] not in call.world.inline:
        raise Refused("MESSAGE_ID_INVALID")
    return True


def _edited(call: Call) -> tuple[Chat, Shown]:
    if call["chat_id"] is None or call["message_id"] is None:
        raise Refused("message identifier is not specified", blame=True)
    place = call.place()
    return place, call.own(place, "message to edit not found", "message can't be edited")


def _rewrite(call: Call, place: Chat, shown: Shown, **said: Any) -> dict[str, Any]:
    """Only what reads otherwise is a change; a preview's settings are not."""
    if all(_plain(getattr(shown, name)) == _plain(value) for name, value in said.items() if name != "preview"):
        raise Refused(_SAME)
    for name, value in said.items():
        setattr(shown, name, value)
    shown.edits += 1
    shown.edit_date, shown.edited_at = call.world.clock.date(), time.monotonic()
    if "text" in said:
        shown.texts.append(shown.text)
    return call.world.message(place, shown)


def _plain(value: Any) -> Any:
    """Entities are a set, however they are ordered."""
    return sorted(map(repr, value)) if isinstance(value, list | tuple) else value


async def delete_message(call: Call) -> bool:
    place = call.place()
    _delete(call.world, place, call["message_id"])
    return True


async def delete_messages(call: Call) -> bool:
    """Those that are not there are overlooked."""
    place, idents = call.place(), call["message_ids"]
    if not 1 <= len(idents) <= 100:
        raise Refused("message identifiers are not specified", blame=True)
    for ident in idents:
        if ident in place.messages and not place.messages[ident].deleted:
            _delete(call.world, place, ident)
    return True


def _delete(world: World, place: Chat, ident: int) -> None:
    """Bots delete their own, in private chats everything, in groups others' where they are administrators."""
    shown = place.messages.get(ident)
    if shown is None or shown.deleted:
        raise Refused("message to delete not found")
    if not (shown.by_bot or place.kind == "private" or place.members.get(world.bot.id) == "administrator"):
        raise Refused("message can't be deleted")
    shown.deleted = True


async def send_document(call: Call) -> dict[str, Any]:
    return await _send_file(call, "document")


async def send_voice(call: Call) -> dict[str, Any]:
    return await _send_file(call, "voice")


async def send_photo(call: Call) -> dict[str, Any]:
    return await _send_file(call, "photo")


async def _send_file(call: Call, kind: Any) -> dict[str, Any]:
    limits.no_parse_mode(call.given)
    caption, entities = texts.checked(
        call["caption"] or "", call["caption_entities"], most=texts.CAPTION, empty=True,
        long="message caption is too long",
    )  # fmt: skip
    given = call[kind]
    if isinstance(given, Upload):
        if not given.body:
            raise Refused("file must be non-empty", blame=True)
        if len(given.body) > _UPLOAD:
            raise Refused("Request Entity Too Large", code=413, blame=True)
        file = keep(call.world, kind, given.body, given.name, given.media_type, call["duration"] or 0)
    elif given in call.world.files:
        file = call.world.files[given]
    else:
        raise Refused("wrong file identifier/HTTP URL specified")
    return post(call, text=caption, entities=entities, file=file)


def keep(world: World, kind: Any, body: bytes, name: str, media_type: str, seconds: int = 0) -> File:
    """A file on Telegram's side, for ever."""
    number = next(_numbers)
    ident = f"{'AwACAgIAAx' if kind == 'voice' else 'BQACAgIAAx'}{number:08d}"
    world.files[ident] = File(kind, ident, f"AgAD{number:08d}", body, name, media_type, seconds)
    return world.files[ident]


async def send_chat_action(call: Call) -> bool:
    if call["action"] not in _ACTIONS:
        raise Refused("wrong parameter action in request", blame=True)
    place = call.place()
    call.thread(place)
    place.actions.append(call["action"])
    return True


async def set_message_reaction(call: Call) -> bool:
    """Bots may put one reaction, of the emoji that everybody may use."""
    given = call["reaction"] or []
    if len(given) > 1:
        raise Refused("REACTIONS_TOO_MANY", blame=True)
    for one in given:
        if one.get("type") != "emoji" or one.get("emoji") not in _REACTIONS:
            raise Refused("REACTION_INVALID", blame=True)
    place = call.place()
    shown = place.messages.get(call["message_id"])
    if shown is None or shown.deleted:
        raise Refused("message to react not found")
    shown.reactions[call.world.bot.id] = tuple(one["emoji"] for one in given)
    return True


MESSAGES = {
    "sendMessage": send_message,
    "editMessageText": edit_message_text,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "sendDocument": send_document,
    "sendVoice": send_voice,
    "sendPhoto": send_photo,
    "sendChatAction": send_chat_action,
    "setMessageReaction": set_message_reaction,
}
