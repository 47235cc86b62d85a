"""What people press, pick and command, as Slack tells of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.slack.heard import Heard, Installed, Nothing, Ordered, Picked, Pressed
from adapters.slack.manifest import SHORTCUT
from adapters.slack.messages import said
from adapters.slack.payload import inner, is_id, is_ts, objects, string

Given = Mapping[str, Any]


def pressed(of: Installed, payload: Given) -> Heard:
    action = next(iter(objects(payload, "actions")), {})
    container, message, user = inner(payload, "container"), inner(payload, "message"), inner(payload, "user")
    channel = string(inner(payload, "channel"), "id") or string(container, "channel_id")
    ts = string(message, "ts") or string(container, "message_ts")
    root = string(message, "thread_ts") or string(container, "thread_ts") or ts
    at = string(action, "action_ts")
    if not (is_id(channel) and is_ts(ts) and is_ts(root) and is_ts(at) and is_id(user.get("id"))):
        return Nothing(of=of, why="no_place")
    return Pressed(
        of=of,
        channel=channel,
        ts=ts,
        root=root,
        user=string(user, "id"),
        name=_name(user),
        action=string(action, "action_id"),
        value=string(action, "value"),
        at=at,
        home=string(user, "team_id"),
    )


def picked(of: Installed, payload: Given) -> Heard:
    user, message = inner(payload, "user"), inner(payload, "message")
    if string(payload, "callback_id") != SHORTCUT or not is_id(user.get("id")):
        return Nothing(of=of, why="other_shortcut")
    place = {"channel": string(inner(payload, "channel"), "id")}
    writer = string(message, "user") or string(message, "bot_id") or string(user, "id")
    told = {**message, "ts": string(message, "ts") or string(payload, "message_ts"), "subtype": "", "user": writer}
    what = said(of, place, told)
    if what is None:
        return Nothing(of=of, why="no_speech")
    return Picked(of=of, user=string(user, "id"), name=_name(user), said=what, home=string(user, "team_id"))


def ordered(of: Installed, payload: Given) -> Heard:
    channel, user, trigger = (string(payload, name) for name in ("channel_id", "user_id", "trigger_id"))
    if not is_id(channel) or not is_id(user) or not trigger:
        return Nothing(of=of, why="no_place")
    return Ordered(
        of=of,
        channel=channel,
        user=user,
        name=string(payload, "user_name"),
        text=string(payload, "text"),
        trigger=trigger,
        command=string(payload, "command"),
    )


def _name(user: Given) -> str:
    return string(user, "name") or string(user, "username")
