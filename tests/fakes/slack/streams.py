"""chat.startStream, chat.appendStream, chat.stopStream, and the statuses that stand beside them.

A stream takes either text or chunks for all of its life (streaming_mode_mismatch). It ends when it is stopped, when
the person presses Stop (stopped_by_user), or a fixed time after it began, appended to or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack import chat, limits, shapes
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.state import Shown
from tests.fakes.slack.world import Call


async def start(call: Call) -> dict[str, Any]:
    limits.streamed(call["markdown_text"], call["chunks"] or ())
    place = call.channel()
    if place.shared:
        _recipient(call)
    if call["task_display_mode"] not in (None, "timeline", "plan"):
        raise Refused("invalid_arguments")
    mode, text = _piece(call)
    shown = call.post(
        place,
        thread_ts=call.thread(place, call["thread_ts"]),
        markdown=text,
        streaming=True,
        streamed=True,
        mode=mode,
        recipient=call["recipient_user_id"] or "",
        began=call.world.now(),
        chunks=list(call["chunks"] or ()),
    )
    return {"channel": place.id, "ts": shown.ts}


def _recipient(call: Call) -> None:
    for name in ("recipient_team_id", "recipient_user_id"):
        if not call[name]:
            raise Refused(f"missing_{name}")
    if call["recipient_team_id"] not in call.world.teams:
        raise Refused("team_not_found")
    if call["recipient_user_id"] not in call.team.users:
        raise Refused("user_not_found")


def _piece(call: Call) -> tuple[str, str]:
    """What kind of piece this is ("" when there is none), and its text."""
    text, chunks = call["markdown_text"], call["chunks"]
    if text is not None and chunks:
        raise Refused("invalid_arguments")
    if chunks:
        written = (str(chunk["text"]) for chunk in chunks if chunk["type"] == "markdown_text")
        return "chunks", "".join(written)
    return ("text" if text is not None else ""), text or ""


async def append(call: Call) -> dict[str, Any]:
    message = _open(call)
    limits.streamed(call["markdown_text"], call["chunks"] or ())
    if not call["markdown_text"] and not call["chunks"]:
        raise Refused("no_text")
    _write(call, message)
    return {"channel": message.channel, "ts": message.ts}


async def stop(call: Call) -> dict[str, Any]:
    message = _open(call)
    limits.streamed(call["markdown_text"], call["chunks"] or ())
    blocks = call["blocks"] or []
    limits.check_blocks(blocks)
    limits.metadata(call["metadata"])
    if call["session_status"]:
        _session(call, message.channel, message.thread_ts, call["session_status"])
    before = shapes.message(message, call.team)
    _write(call, message)
    message.streaming = False
    message.blocks = [{"block_id": f"b{number}", **block} for number, block in enumerate(blocks)]
    message.metadata = call["metadata"]
    chat.told(call, message, before)
    return {"channel": message.channel, "ts": message.ts, "message": shapes.message(message, call.team)}


def _open(call: Call) -> Shown:
    message = call.own("message_not_owned_by_app")
    chat.expired(call, message)
    if message.stopped_by:
        raise Refused("stopped_by_user")
    if not message.streaming:
        raise Refused("message_not_in_streaming_state")
    return message


def _write(call: Call, message: Shown) -> None:
    mode, text = _piece(call)
    if mode and message.mode and mode != message.mode:
        raise Refused("streaming_mode_mismatch")
    if len(message.markdown) + len(text) > limits.WHOLE:
        raise Refused("msg_too_long")
    message.mode = message.mode or mode
    message.markdown += text
    message.chunks += list(call["chunks"] or ())
    message.updates += 1
    message.texts.append(message.text)
    call.world.changed()


async def set_status(call: Call) -> dict[str, Any]:
    place = call.channel("channel_id")
    call.thread(place, call["thread_ts"])
    if len(call["loading_messages"] or ()) > 10:
        raise Refused("invalid_arguments")
    _note(call, call.world.statuses)
    return {}


async def set_title(call: Call) -> dict[str, Any]:
    place = call.channel("channel_id")
    if place.kind != "im":
        raise Refused("invalid_thread_ts")
    call.world.titles[place.id, call.thread(place, call["thread_ts"])] = call["title"]
    call.world.changed()
    return {}


async def set_prompts(call: Call) -> dict[str, Any]:
    place = call.channel("channel_id")
    prompts: Sequence[Mapping[str, Any]] = call["prompts"]
    right = all(set(prompt) == {"title", "message"} and all(prompt.values()) for prompt in prompts)
    if place.kind != "im" or not 1 <= len(prompts) <= 4 or not right:
        raise Refused("invalid_arguments")
    call.thread(place, call["thread_ts"])
    _note(call, call.world.prompts)
    return {}


async def set_session(call: Call) -> dict[str, Any]:
    place = call.channel("channel_id")
    _session(call, place.id, call.thread(place, call["thread_ts"]), call["status"])
    return {"status": call["status"]}


def _session(call: Call, channel: str, thread: str, status: str) -> None:
    if status not in ("processing", "active", "suspended", "closed"):
        raise Refused("invalid_arguments")
    call.world.sessions[channel, thread] = status
    call.world.changed()


def _note(call: Call, kept: list[Mapping[str, Any]]) -> None:
    kept.append(dict(call.arguments))
    call.world.changed()


STREAMS = {
    "chat.startStream": start,
    "chat.appendStream": append,
    "chat.stopStream": stop,
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setTitle": set_title,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "agents.sessions.setStatus": set_session,
}
