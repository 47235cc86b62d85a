"""From a payload of Slack's (checked by `payload.checked`) to what was heard. Pure.

A payload is an event, a button or a shortcut, or a slash command. What is no concern of ours becomes `Nothing`: other
kinds of messages (joins, topics, reminders), edits that change no text (Slack unfurls links by editing), and whatever
Slack may invent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.slack.heard import (
    Deleted,
    Heard,
    Installed,
    Nothing,
    Opened,
    Ordered,
    Picked,
    Pressed,
    Removed,
    Said,
    Stopped,
)
from adapters.slack.payload import inner, is_id, is_ts, objects, string
from bot.events import Attachment

Given = Mapping[str, Any]

ANSWER_THIS = "answer_this"
"""The callback id of the message shortcut."""

_SPOKEN = ("", "file_share", "thread_broadcast", "me_message", "bot_message")
"""Subtypes of messages that somebody said; all others are Slack's own remarks."""
_SLACKBOT = "USLACKBOT"


def heard(payload: Given) -> Heard:
    """What `payload` tells."""
    of = installed(payload)
    if not of.team:
        return Nothing(of=of, why="no_team")
    kind = string(payload, "type")
    if kind == "event_callback":
        event = {**inner(payload, "event"), "event_time": payload.get("event_time")}
        reader = _EVENTS.get(string(event, "type"))
        return reader(of, event) if reader else Nothing(of=of, why="other_event")
    if kind == "block_actions":
        return _pressed(of, payload)
    if kind == "message_action":
        return _picked(of, payload)
    if not kind and string(payload, "command"):
        return _ordered(of, payload)
    return Nothing(of=of, why="other_payload")


def installed(payload: Given) -> Installed:
    """Whose payload it is: for an event in a shared channel the workspace that has the app, not the writer's."""
    authorization = next(iter(objects(payload, "authorizations")), {})
    event = inner(payload, "event")
    given = (
        string(inner(payload, "view"), "app_installed_team_id"),
        string(inner(payload, "team"), "id"),
        string(authorization, "team_id"),
        string(payload, "team_id"),
        string(event, "team_id"),
        string(inner(payload, "user"), "team_id"),
    )
    team = next((one for one in given if is_id(one)), "")
    organisations = (
        string(inner(payload, "enterprise"), "id"),
        string(authorization, "enterprise_id"),
        string(payload, "enterprise_id"),
        string(inner(payload, "team"), "enterprise_id"),
    )
    return Installed(team=team, enterprise=next((one for one in organisations if is_id(one)), ""))


# -- events ----------------------------------------------------------------------------------------------
def _message(of: Installed, event: Given) -> Heard:
    subtype = string(event, "subtype")
    if subtype == "message_changed":
        return _changed(of, event)
    if subtype == "message_deleted":
        return _deleted(of, event, inner(event, "previous_message"), string(event, "deleted_ts"))
    return _said(of, event, event) or Nothing(of=of, why="no_speech")


def _mention(of: Installed, event: Given) -> Heard:
    """An edit comes as `message_changed` as well, with what it was before: that one is heard."""
    if inner(event, "edited"):
        return Nothing(of=of, why="edit_told_twice")
    return _said(of, event, event) or Nothing(of=of, why="no_speech")


def _changed(of: Installed, event: Given) -> Heard:
    message, before = inner(event, "message"), inner(event, "previous_message")
    if string(message, "subtype") == "tombstone":  # how the root of a thread is deleted
        return _deleted(of, event, before, string(message, "ts"))
    edited_ts = string(inner(message, "edited"), "ts")
    if not is_ts(edited_ts):
        return Nothing(of=of, why="no_edit")
    if string(message, "text") == string(before, "text") and before:
        return Nothing(of=of, why="same_text")
    return _said(of, event, message, edited_ts) or Nothing(of=of, why="no_speech")


def _deleted(of: Installed, event: Given, before: Given, ts: str) -> Heard:
    channel = string(event, "channel")
    if not is_id(channel) or not is_ts(ts):
        return Nothing(of=of, why="no_place")
    root = string(before, "thread_ts")
    said = _said(of, event, {**before, "ts": ts}, string(inner(before, "edited"), "ts"))
    if before and said is None:
        return Nothing(of=of, why="no_speech")
    return Deleted(
        of=of, channel=channel, ts=ts, root=root if is_ts(root) else ts, direct=_is_direct(event, channel), said=said
    )


def _said(of: Installed, event: Given, message: Given, edited_ts: str = "") -> Said | None:
    """What `message` says; `event` knows the place. None when nobody says anything there."""
    channel, ts, root = string(event, "channel"), string(message, "ts"), string(message, "thread_ts")
    user, bot = string(message, "user"), _bot(message)
    spoken = string(message, "subtype") in _SPOKEN and user != _SLACKBOT and not message.get("is_ephemeral")
    if not spoken or not is_id(channel) or not is_ts(ts) or not (is_id(user) or bot):
        return None
    return Said(
        of=of,
        channel=channel,
        ts=ts,
        root=root if is_ts(root) else ts,
        user=user if is_id(user) else bot[0],
        text=string(message, "text"),
        direct=_is_direct(event, channel),
        threaded=is_ts(root) and root != ts,
        edited_ts=edited_ts if is_ts(edited_ts) else "",
        files=_files(of, message),
        bot=bot,
        home=string(message, "user_team") or string(message, "team"),
        starter=string(message, "parent_user_id"),
    )


def _bot(message: Given) -> tuple[str, ...]:
    """The ids of the bot that wrote it: its own, its app's, its user's."""
    if not string(message, "bot_id") and string(message, "subtype") != "bot_message":
        return ()
    profile = inner(message, "bot_profile")
    ids = (string(message, "bot_id"), string(message, "app_id") or string(profile, "app_id"), string(message, "user"))
    return tuple(one for one in ids if is_id(one))


def _is_direct(event: Given, channel: str) -> bool:
    return string(event, "channel_type") == "im" or channel.startswith("D")


def _files(of: Installed, message: Given) -> tuple[Attachment, ...]:
    """The files that came with it. In a shared channel Slack tells no more than the id (`file_access`)."""
    return tuple(
        Attachment(
            name=string(file, "name") or string(file, "title") or string(file, "id"),
            media_type=string(file, "mimetype"),
            size=max(size, 0) if isinstance(size := file.get("size"), int) else 0,
            location=f"file:{of.team}:{string(file, 'id')}",
        )
        for file in objects(message, "files")
        if is_id(file.get("id")) and string(file, "mode") not in ("tombstone", "hidden_by_limit")
    )


def _stopped(of: Installed, event: Given) -> Heard:
    channel = string(event, "channel") or string(event, "channel_id")
    given = event.get("streaming_message_ts")
    streams = tuple(str(ts) for ts in (given if isinstance(given, list) else [given]) if is_ts(ts))
    root = string(event, "thread_ts")
    if not is_id(channel) or not (is_ts(root) or streams):
        return Nothing(of=of, why="no_place")
    return Stopped(
        of=of, channel=channel, root=root if is_ts(root) else "", user=string(event, "user"), streams=streams
    )


def _pane(of: Installed, event: Given) -> Heard:
    thread = inner(event, "assistant_thread")
    channel, root, user = (string(thread, name) for name in ("channel_id", "thread_ts", "user_id"))
    if not is_id(channel) or not is_ts(root) or not is_id(user):
        return Nothing(of=of, why="no_place")
    return Opened(of=of, channel=channel, root=root, user=user)


def _home(of: Installed, event: Given) -> Heard:
    channel, user = string(event, "channel"), string(event, "user")
    if string(event, "tab") != "messages" or not is_id(channel) or not is_id(user):
        return Nothing(of=of, why="other_tab")
    return Opened(of=of, channel=channel, root="", user=user)


def _removed(of: Installed, event: Given) -> Heard:
    tokens = inner(event, "tokens")
    if string(event, "type") == "tokens_revoked" and not tokens.get("bot"):
        return Nothing(of=of, why="other_token")  # a person's token, and we hold none
    at = event.get("event_time")
    return Removed(of=of, at=float(at) if isinstance(at, int) else 0.0)


def _context(of: Installed, _: Given) -> Heard:
    return Nothing(of=of, why="context")  # where the person looks now; nothing is answered from that


_EVENTS: Mapping[str, Callable[[Installed, Given], Heard]] = {
    "message": _message,
    "app_mention": _mention,
    "agent_session_stopped": _stopped,
    "assistant_thread_started": _pane,
    "assistant_thread_context_changed": _context,
    "app_context_changed": _context,
    "app_home_opened": _home,
    "tokens_revoked": _removed,
    "app_uninstalled": _removed,
}


# -- buttons, shortcuts, slash commands ------------------------------------------------------------------
def _pressed(of: Installed, payload: Given) -> Heard:
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


def _picked(of: Installed, payload: Given) -> Heard:
    user, message = inner(payload, "user"), inner(payload, "message")
    if string(payload, "callback_id") != ANSWER_THIS or not is_id(user.get("id")):
        return Nothing(of=of, why="other_shortcut")
    place = {"channel": string(inner(payload, "channel"), "id")}
    writer = string(message, "user") or string(message, "bot_id") or string(user, "id")
    told = {**message, "ts": string(message, "ts") or string(payload, "message_ts"), "subtype": "", "user": writer}
    said = _said(of, place, told, string(inner(message, "edited"), "ts"))
    if said is None:
        return Nothing(of=of, why="no_speech")
    return Picked(of=of, user=string(user, "id"), name=_name(user), said=said, home=string(user, "team_id"))


def _ordered(of: Installed, payload: Given) -> Heard:
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
