"""Which parameters each method takes and of which type: https://core.telegram.org/bots/api#available-methods.

Telegram itself overlooks a parameter that it does not know; a test should not. What came with a later version of the
Bot API than the server's is overlooked, as an old server does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Version = tuple[int, int]


class Refused(Exception):
    """Answered as {"ok": false, "error_code": code, "description": …}. `blame`: only a wrong client gets it."""

    def __init__(self, description: str, *, code: int = 400, blame: bool = False, **parameters: int | float) -> None:
        prefix = {400: "Bad Request: ", 403: "Forbidden: ", 409: "Conflict: "}.get(code, "")
        super().__init__(prefix + description)
        self.description, self.code, self.blame, self.parameters = prefix + description, code, blame, parameters


@dataclass(frozen=True)
class Upload:
    """A file that came with the request."""

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Method:
    needs: frozenset[str]
    takes: Mapping[str, str]
    since: Version = (0, 0)
    later: Mapping[str, Version]
    """Parameters that came after the method, and the version in which they did."""


_MARKS = {"]": ("list", 2), "}": ("dict", 2), "?": ("bool", 1), "#": ("int", 1), "@": ("chat", 1), "^": ("file", 1)}


def _method(words: str, *, since: Version = (0, 0), **later: Version) -> Method:
    """`words` are names: `name!` is needed; `[]` a list, `{}` an object, `?` a truth value, `#` a number, `@` a chat's
    id or @name, `^` a file."""
    needs, takes = set(), {}
    for word in words.split():
        name = word.removesuffix("!")
        kind, length = _MARKS.get(name[-1], ("str", 0))
        name = name[: len(name) - length]
        takes[name] = kind
        if word.endswith("!"):
            needs.add(name)
    return Method(needs=frozenset(needs), takes=takes, since=since, later=later)


_TO = "chat_id@! business_connection_id message_thread_id# direct_messages_topic_id#"
_HOW = (
    "disable_notification? protect_content? allow_paid_broadcast? message_effect_id suggested_post_parameters{} "
    "reply_parameters{} reply_markup{}"
)
_TEXT = "text parse_mode entities[] link_preview_options{}"
_CAPTION = "caption parse_mode caption_entities[]"
_EDITED = "business_connection_id chat_id@ message_id# inline_message_id"
_TOPIC = "chat_id@! message_thread_id#!"
_RICH, _STOP = (10, 1), (10, 3)

METHODS: Mapping[str, Method] = {
    "getMe": _method(""),
    "getUpdates": _method("offset# limit# timeout# allowed_updates[]"),
    "setWebhook": _method(
        "url certificate^ ip_address max_connections# allowed_updates[] drop_pending_updates? secret_token"
    ),
    "deleteWebhook": _method("drop_pending_updates?"),
    "getWebhookInfo": _method(""),
    "setMyCommands": _method("commands[]! scope{} language_code"),
    "getMyCommands": _method("scope{} language_code"),
    "deleteMyCommands": _method("scope{} language_code"),
    "setMyDescription": _method("description language_code"),
    "getMyDescription": _method("language_code"),
    "setMyShortDescription": _method("short_description language_code"),
    "getMyShortDescription": _method("language_code"),
    "setChatMenuButton": _method("chat_id# menu_button{}"),
    "getChatMenuButton": _method("chat_id#"),
    "sendMessage": _method(f"{_TO} {_TEXT} {_HOW}"),
    "editMessageText": _method(f"{_EDITED} {_TEXT} rich_message{{}} reply_markup{{}}", rich_message=_RICH),
    "editMessageReplyMarkup": _method(f"{_EDITED} reply_markup{{}}"),
    "deleteMessage": _method("chat_id@! message_id#!"),
    "deleteMessages": _method("chat_id@! message_ids[]!"),
    "sendMessageDraft": _method(
        "chat_id#! message_thread_id# draft_id#! text parse_mode entities[] can_stop? keep_on_stop?",
        since=(9, 3), can_stop=_STOP, keep_on_stop=_STOP,
    ),
    "sendRichMessage": _method(f"{_TO} rich_message{{}}! {_HOW}", since=_RICH),
    "sendRichMessageDraft": _method(
        "chat_id#! message_thread_id# draft_id#! rich_message{}! can_stop? keep_on_stop?",
        since=_RICH, can_stop=_STOP, keep_on_stop=_STOP,
    ),
    "sendDocument": _method(f"{_TO} document^! thumbnail^ {_CAPTION} disable_content_type_detection? {_HOW}"),
    "sendVoice": _method(f"{_TO} voice^! {_CAPTION} duration# {_HOW}"),
    "sendPhoto": _method(f"{_TO} photo^! {_CAPTION} show_caption_above_media? has_spoiler? {_HOW}"),
    "sendChatAction": _method("business_connection_id chat_id@! message_thread_id# action!"),
    "setMessageReaction": _method("chat_id@! message_id#! reaction[] is_big?"),
    "answerCallbackQuery": _method("callback_query_id! text show_alert? url cache_time#"),
    "answerInlineQuery": _method("inline_query_id! results[]! cache_time# is_personal? next_offset button{}"),
    "getFile": _method("file_id!"),
    "getChat": _method("chat_id@!"),
    "getChatMember": _method("chat_id@! user_id#!"),
    "getChatAdministrators": _method("chat_id@!"),
    "leaveChat": _method("chat_id@!"),
    "createForumTopic": _method("chat_id@! name! icon_color# icon_custom_emoji_id"),
    "editForumTopic": _method(f"{_TOPIC} name icon_custom_emoji_id"),
    "closeForumTopic": _method(_TOPIC),
    "reopenForumTopic": _method(_TOPIC),
    "deleteForumTopic": _method(_TOPIC),
    "getBusinessConnection": _method("business_connection_id!"),
}  # fmt: skip


async def read(request: web.Request, method: Method, version: Version) -> dict[str, Any]:
    """The parameters of a request, of the types that the method takes. Raises `Refused`."""
    sent: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        sent |= _json(await request.text())
    elif request.method == "POST":
        for name, value in (await request.post()).items():
            sent[name] = value if isinstance(value, str) else _upload(value)
    late = {name for name, since in method.later.items() if since > version}
    sent = {name: value for name, value in sent.items() if name not in late}
    uploads = {name: value for name, value in sent.items() if isinstance(value, Upload)}
    unknown = sorted(name for name in sent if name not in method.takes and name not in uploads)
    if unknown:
        raise Refused(f"unknown parameters {unknown}", blame=True)
    given = {
        name: _typed(name, value, method.takes[name], uploads)
        for name, value in sent.items()
        if name not in uploads or name in method.takes
    }
    if missing := sorted(name for name in method.needs if given.get(name) in ("", None)):
        raise Refused(f"{missing[0]} is empty", blame=True)
    return given


def _upload(field: web.FileField | bytearray | bytes) -> Upload:
    if not isinstance(field, web.FileField):
        return Upload("", "application/octet-stream", bytes(field))
    return Upload(field.filename, field.content_type, field.file.read())


def _json(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError:
        raise Refused("can't parse request JSON object", blame=True) from None
    if not isinstance(body, dict):
        raise Refused("can't parse request JSON object: Expected an Object", blame=True)
    return body


def _typed(name: str, value: Any, kind: str, uploads: Mapping[str, Upload]) -> Any:
    """`value` as what it has to be; forms write everything as text."""
    if kind == "file":
        return _file(name, value, uploads)
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "chat" and isinstance(value, str) and value.startswith("@"):
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Refused(f"can't parse {name}: {kind} expected", blame=True) from None
    right = {"list": list, "dict": dict, "bool": bool, "int": int, "chat": int, "str": str}[kind]
    if not isinstance(value, right) or (right is int and isinstance(value, bool)):
        raise Refused(f"can't parse {name}: {kind} expected", blame=True)
    return value


def _file(name: str, value: Any, uploads: Mapping[str, Upload]) -> Upload | str:
    """An upload, an upload by its attach:// name, or the id or URL of a file."""
    if isinstance(value, str) and value.startswith("attach://"):
        value = uploads.get(value.removeprefix("attach://"))
    if isinstance(value, Upload | str):
        return value
    raise Refused(f"wrong file in {name}", blame=True)
