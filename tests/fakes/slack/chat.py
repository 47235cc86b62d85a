"""chat.*: what is posted, changed and taken away; streams are in `streams`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.slack import limits, shapes
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.state import Shown
from tests.fakes.slack.world import Call, Ephemeral


async def post_message(call: Call) -> dict[str, Any]:
    limits.said(call.arguments)
    place = call.channel()
    thread = call.thread(place, call["thread_ts"])
    shown = call.post(place, thread_ts=thread, metadata=call["metadata"], **_said(call))
    return {"channel": place.id, "ts": shown.ts, "message": shapes.message(shown, call.team)}


def _said(call: Call) -> dict[str, Any]:
    return {
        "fallback": call["text"] or "",
        "markdown": call["markdown_text"] or "",
        "blocks": _named(call["blocks"] or []),
        "attachments": call["attachments"] or [],
    }


def _named(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Slack names the blocks that have no name."""
    return [{"block_id": f"b{number}", **block} for number, block in enumerate(blocks)]


async def post_ephemeral(call: Call) -> dict[str, Any]:
    limits.said(call.arguments)
    place = call.channel()
    if call["user"] not in place.members:
        raise Refused("user_not_in_channel")
    call.world.ephemerals.append(
        Ephemeral(
            team=call.team.id,
            channel=place.id,
            user=call["user"],
            text=call["markdown_text"] or call["text"] or "",
            by="chat.postEphemeral",
            thread_ts=call.thread(place, call["thread_ts"]),
            blocks=tuple(call["blocks"] or ()),
        )
    )
    call.world.changed()
    return {"message_ts": call.world.clock.ts()}


async def update(call: Call) -> dict[str, Any]:
    message = call.own("cant_update_message")
    if message.streaming:
        expired(call, message)
    if message.streaming:
        raise Refused("streaming_state_conflict")
    limits.said(call.arguments)
    before = shapes.message(message, call.team)
    rewrite(message, **_said(call))
    if call["metadata"] is not None:
        message.metadata = call["metadata"] or None
    message.edited = call.world.clock.ts()
    told(call, message, before)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.fallback,
        "message": shapes.message(message, call.team),
    }


def rewrite(message: Shown, **said: Any) -> None:
    for name, value in said.items():
        setattr(message, name, value)
    message.updates += 1
    message.texts.append(message.text)


def told(call: Call, message: Shown, before: Mapping[str, Any]) -> None:
    """Let everybody know that `message` is no longer as it was `before`."""
    call.world.changed()
    place = call.team.channels[message.channel]
    now = shapes.message(message, call.team)
    call.world.tell(call.team, shapes.changed_event(now, before, place, call.world.clock.ts(), call.team.id))


def expired(call: Call, message: Shown) -> None:
    """End a stream whose time is over."""
    if message.streaming and call.world.now() - message.began >= call.world.stream_seconds:
        message.streaming = False


async def delete(call: Call) -> dict[str, Any]:
    message = call.own("cant_delete_message")
    before = shapes.message(message, call.team)
    message.deleted, message.streaming = True, False
    call.world.changed()
    place = call.team.channels[message.channel]
    call.world.tell(call.team, shapes.deleted_event(before, place, call.world.clock.ts()))
    return {"channel": message.channel, "ts": message.ts}


async def permalink(call: Call) -> dict[str, Any]:
    place = call.channel()
    if (place.id, call["message_ts"]) not in call.team.messages:
        raise Refused("message_not_found")
    path = f"archives/{place.id}/p{call['message_ts'].replace('.', '')}"
    return {"channel": place.id, "permalink": f"https://{call.team.domain}.slack.com/{path}"}


CHAT = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": permalink,
}
