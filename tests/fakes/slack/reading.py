"""conversations.*, users.*, files.*, team.*, reactions.*, views.*: what can be looked up, and small things."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack import shapes
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.state import Channel, Shown
from tests.fakes.slack.world import Call

_PREFIX = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


def _allowed(call: Call, place: Channel, what: str) -> None:
    needed = f"{_PREFIX[place.kind]}:{what}"
    if needed not in call.token.scopes.split(","):
        raise Refused("missing_scope", needed=needed, provided=call.token.scopes)


def _page(call: Call, found: Sequence[Any], *, most: int = 1_000) -> tuple[Sequence[Any], dict[str, Any]]:
    """The page that was asked for, and what says how to get the next one."""
    limit = call["limit"] if call["limit"] is not None else most
    if not 1 <= limit <= most:
        raise Refused("invalid_limit")
    start = 0
    if call["cursor"]:
        try:
            start = int(base64.b64decode(call["cursor"], validate=True).removeprefix(b"next:"))
        except ValueError:
            raise Refused("invalid_cursor") from None
    more = len(found) > start + limit
    cursor = base64.b64encode(b"next:%d" % (start + limit)).decode() if more else ""
    return found[start : start + limit], {"has_more": more, "response_metadata": {"next_cursor": cursor}}


def _between(call: Call, messages: Sequence[Shown]) -> list[Shown]:
    oldest, latest, inclusive = call["oldest"] or "", call["latest"] or "", bool(call["inclusive"])

    def inside(ts: str) -> bool:
        after = not oldest or ts > oldest or (inclusive and ts == oldest)
        return after and (not latest or ts < latest or (inclusive and ts == latest))

    return [message for message in messages if inside(message.ts)]


async def replies(call: Call) -> dict[str, Any]:
    """The root comes first on every page, whatever was asked for."""
    place = call.channel()
    _allowed(call, place, "history")
    asked = call.team.messages.get((place.id, call["ts"]))
    root = call.team.messages.get((place.id, asked.root)) if asked else None
    if asked is None or root is None or (root.deleted and not call.team.replies(place.id, root.ts)):
        raise Refused("thread_not_found")
    page, more = _page(call, _between(call, call.team.replies(place.id, root.ts)))
    metadata = bool(call["include_all_metadata"])
    told = [shapes.message(message, call.team, metadata=metadata) for message in (root, *page)]
    return {"messages": told, **more}


async def history(call: Call) -> dict[str, Any]:
    """What stands in the channel itself, newest first."""
    place = call.channel()
    _allowed(call, place, "history")
    said = [
        message
        for (channel, _), message in reversed(call.team.messages.items())
        if channel == place.id and not message.thread_ts and not message.deleted
    ]
    page, more = _page(call, _between(call, said))
    metadata = bool(call["include_all_metadata"])
    return {"messages": [shapes.message(message, call.team, metadata=metadata) for message in page], **more}


async def info(call: Call) -> dict[str, Any]:
    place = call.channel(member=False)
    if place.kind != "channel" and call.team.bot_user not in place.members:
        raise Refused("channel_not_found")
    _allowed(call, place, "read")
    return {"channel": shapes.channel(place, call.team)}


async def opened(call: Call) -> dict[str, Any]:
    users = [user for user in str(call["users"] or "").split(",") if user]
    if call["channel"]:
        place = call.channel()
    elif len(users) != 1:
        raise Refused("users_list_not_supplied" if not users else "method_not_supported_for_channel_type")
    elif users[0] not in call.team.users:
        raise Refused("user_not_found")
    else:
        place = call.team.channels[call.team.dm(users[0])]
    return {"channel": shapes.channel(place, call.team) if call["return_im"] else {"id": place.id}}


async def join(call: Call) -> dict[str, Any]:
    place = call.channel(member=False)
    if place.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    place.members.add(call.team.bot_user)
    return {"channel": shapes.channel(place, call.team)}


async def listed(call: Call) -> dict[str, Any]:
    kinds = {"public_channel": "channel", "private_channel": "group"}
    wanted = {kinds.get(name, name) for name in (call["types"] or "public_channel").split(",")}
    found = [place for place in call.team.channels.values() if place.kind in wanted]
    page, more = _page(call, found)
    return {"channels": [shapes.channel(place, call.team) for place in page], **more}


async def members(call: Call) -> dict[str, Any]:
    page, more = _page(call, sorted(call.channel().members))
    return {"members": list(page), **more}


async def user(call: Call) -> dict[str, Any]:
    person = call.team.users.get(call["user"])
    if person is None:
        raise Refused("user_not_found")
    return {"user": shapes.user(person, call.team.id, locale=bool(call["include_locale"]))}


async def users(call: Call) -> dict[str, Any]:
    page, more = _page(call, list(call.team.users.values()))
    return {"members": [shapes.user(person, call.team.id, locale=False) for person in page], **more}


async def file(call: Call) -> dict[str, Any]:
    held = call.team.files.get(call["file"])
    if held is None:
        raise Refused("file_not_found")
    return {"file": shapes.file(held, call.team.id)}


async def team(call: Call) -> dict[str, Any]:
    return {"team": {"id": call.team.id, "name": call.team.name, "domain": call.team.domain}}


async def bot(call: Call) -> dict[str, Any]:
    if call["bot"] not in (None, call.team.bot_id):
        raise Refused("bot_not_found")
    return {
        "bot": {"id": call.team.bot_id, "app_id": shapes.APP_ID, "user_id": call.team.bot_user, "name": "frontdesk"}
    }


async def react(call: Call) -> dict[str, Any]:
    place = call.channel()
    if (place.id, call["timestamp"]) not in call.team.messages:
        raise Refused("message_not_found")
    reaction = (place.id, call["timestamp"], call["name"])
    if call.method == "reactions.add":
        if reaction in call.world.reactions:
            raise Refused("already_reacted")
        call.world.reactions.append(reaction)
    elif reaction not in call.world.reactions:
        raise Refused("no_reaction")
    else:
        call.world.reactions.remove(reaction)
    call.world.changed()
    return {}


async def view(call: Call) -> dict[str, Any]:
    shown: Mapping[str, Any] = call["view"]
    if shown.get("type") not in ("home", "modal") or not isinstance(shown.get("blocks"), list):
        raise Refused("invalid_arguments")
    call.world.views.append(dict(call.arguments))
    call.world.changed()
    return {"view": {**shown, "id": f"V{call.team.number():09d}", "team_id": call.team.id}}


READING = {
    "conversations.replies": replies,
    "conversations.history": history,
    "conversations.info": info,
    "conversations.open": opened,
    "conversations.join": join,
    "conversations.list": listed,
    "conversations.members": members,
    "users.info": user,
    "users.list": users,
    "files.info": file,
    "team.info": team,
    "bots.info": bot,
    "reactions.add": react,
    "reactions.remove": react,
    "views.open": view,
    "views.publish": view,
}
