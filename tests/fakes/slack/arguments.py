"""Which arguments each method takes, of which type, and how they may be sent. Anything else is refused.

Slack itself overlooks an argument that it does not know; a test should not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web


class Refused(Exception):
    """Answered as {"ok": false, "error": error, …}."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error, self.more = error, more


@dataclass(frozen=True, kw_only=True)
class Method:
    """`takes` maps names to "str", "list", "dict", "bool" or "int". `as_json` is whether a JSON body is read at all:
    methods that only read take forms and queries and see nothing of a JSON body."""

    needs: frozenset[str]
    takes: Mapping[str, str]
    as_json: bool
    scope: str = ""
    token: str = "bot"


_MARKS = {"]": ("list", 2), "}": ("dict", 2), "?": ("bool", 1), "#": ("int", 1)}


def _method(words: str, *, as_json: bool = True, scope: str = "", token: str = "bot") -> Method:
    """`words` are names: `name!` is needed; `[]` a list, `{}` an object, `?` a truth value, `#` a number."""
    needs, takes = set(), {}
    for word in words.split():
        name = word.removesuffix("!")
        kind, length = _MARKS.get(name[-1], ("str", 0))
        name = name[: len(name) - length]
        takes[name] = kind
        if word.endswith("!"):
            needs.add(name)
    return Method(needs=frozenset(needs), takes=takes, as_json=as_json, scope=scope, token=token)


_AS = "icon_emoji icon_url username"
_SAID = f"text attachments[] blocks[] link_names? parse markdown_text as_user? {_AS}"
_PAGE = "cursor limit#"

METHODS: Mapping[str, Method] = {
    "chat.postMessage": _method(
        f"channel! {_SAID} thread_ts reply_broadcast? unfurl_links? unfurl_media? mrkdwn? metadata{{}} container_id",
        scope="chat:write",
    ),
    "chat.postEphemeral": _method(f"channel! user! {_SAID} thread_ts", scope="chat:write"),
    "chat.update": _method(
        "channel! ts! text attachments[] blocks[] as_user? file_ids link_names? parse reply_broadcast? metadata{} "
        "markdown_text unfurl_links? unfurl_media?",
        scope="chat:write",
    ),
    "chat.delete": _method("channel! ts! as_user?", scope="chat:write"),
    "chat.getPermalink": _method("channel! message_ts!", as_json=False),
    "chat.startStream": _method(
        f"channel! thread_ts! markdown_text recipient_team_id recipient_user_id chunks[] task_display_mode {_AS}",
        scope="chat:write",
    ),
    "chat.appendStream": _method("channel! ts! markdown_text chunks[]", scope="chat:write"),
    "chat.stopStream": _method(
        "channel! ts! markdown_text blocks[] metadata{} chunks[] session_status", scope="chat:write"
    ),
    "assistant.threads.setStatus": _method(
        f"channel_id! thread_ts! status! loading_messages[] {_AS}", scope="assistant:write"
    ),
    "assistant.threads.setTitle": _method("channel_id! thread_ts! title!", scope="assistant:write"),
    "assistant.threads.setSuggestedPrompts": _method("channel_id! thread_ts title prompts[]!", scope="assistant:write"),
    "agents.sessions.setStatus": _method(
        f"channel_id! status! thread_ts title initiator_user_id {_AS}", scope="chat:write"
    ),
    "conversations.replies": _method(
        f"channel! ts! inclusive? include_all_metadata? latest oldest {_PAGE}", as_json=False, scope="history"
    ),
    "conversations.history": _method(
        f"channel! inclusive? include_all_metadata? latest oldest {_PAGE}", as_json=False, scope="history"
    ),
    "conversations.info": _method("channel! include_locale? include_num_members?", as_json=False, scope="read"),
    "conversations.open": _method("channel users return_im?", scope="im:write"),
    "conversations.join": _method("channel!", scope="channels:join"),
    "conversations.list": _method(f"exclude_archived? types team_id {_PAGE}", as_json=False, scope="channels:read"),
    "conversations.members": _method(f"channel! {_PAGE}", as_json=False, scope="read"),
    "users.info": _method("user! include_locale?", as_json=False, scope="users:read"),
    "users.list": _method(f"include_locale? team_id {_PAGE}", as_json=False, scope="users:read"),
    "files.info": _method(f"file! count# page# {_PAGE}", as_json=False, scope="files:read"),
    "team.info": _method("team domain", as_json=False, scope="team:read"),
    "bots.info": _method("bot team_id", as_json=False, scope="users:read"),
    "reactions.add": _method("channel! name! timestamp!", scope="reactions:write"),
    "reactions.remove": _method("name! channel timestamp file file_comment", scope="reactions:write"),
    "views.open": _method("view{}! trigger_id interactivity_pointer"),
    "views.publish": _method("user_id! view{}! hash"),
    "auth.test": _method("", token="any"),
    "auth.revoke": _method("test?", as_json=False, token="any"),
    "apps.uninstall": _method("client_id! client_secret!", as_json=False),
    "apps.connections.open": _method("", token="app"),
    "oauth.v2.access": _method(
        "client_id client_secret code redirect_uri grant_type refresh_token", as_json=False, token="none"
    ),
}


async def read(request: web.Request, method: Method) -> dict[str, Any]:
    """The arguments of a request, of the types that the method takes. Raises `Refused`."""
    sent = dict(request.query)
    if request.content_type == "application/json":
        sent |= _json(await request.text()) if method.as_json else {}
    elif request.method == "POST":
        sent |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    sent.pop("token", None)
    if unknown := sorted(set(sent) - set(method.takes)):
        raise Refused("invalid_arguments", response_metadata={"messages": [f"[ERROR] unknown: {unknown}"]})
    typed = {name: _typed(name, value, method.takes[name]) for name, value in sent.items()}
    empty = ("", None) if "status" not in method.needs else (None,)  # an empty status takes the status away
    if missing := sorted(name for name in method.needs if typed.get(name) in empty):
        messages = [f"[ERROR] missing required field: {name}" for name in missing]
        raise Refused("invalid_arguments", response_metadata={"messages": messages})
    return typed


def _json(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    return body


def _typed(name: str, value: Any, kind: str) -> Any:
    """`value` as what it has to be; forms and queries write everything as text."""
    if kind == "str" and isinstance(value, str):
        return value
    if isinstance(value, str):
        if kind == "bool" and value.lower() in ("true", "false", "1", "0"):
            return value.lower() in ("true", "1")
        try:
            value = json.loads(value)
        except ValueError:
            raise _wrong(name, kind) from None
    right = {"list": list, "dict": dict, "bool": bool, "int": int, "str": str}[kind]
    if not isinstance(value, right) or (kind == "int" and isinstance(value, bool)):
        raise _wrong(name, kind)
    return value


def _wrong(name: str, kind: str) -> Refused:
    if name == "metadata":
        return Refused("invalid_metadata_format")
    messages = [f"[ERROR] must be a {kind} [json-pointer:/{name}]"]
    return Refused("invalid_arguments", response_metadata={"messages": messages})
