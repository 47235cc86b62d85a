"""Messages as Slack tells of them: said, changed, deleted. Pure.

What nobody said is `Nothing`: joins, topics, reminders, and changes that change no text, since Slack unfurls links,
counts replies and ends streams by editing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.slack.heard import Deleted, Heard, Installed, Nothing, Said
from adapters.slack.payload import inner, is_id, is_ts, objects, string
from bot.events import Attachment

Given = Mapping[str, Any]

_SPOKEN = ("", "file_share", "thread_broadcast", "me_message", "bot_message")
"""Subtypes of messages that somebody said; all others are Slack's own remarks."""
_SLACKBOT = "USLACKBOT"


def message(of: Installed, event: Given) -> Heard:
    subtype = string(event, "subtype")
    if subtype == "message_changed":
        return _changed(of, event)
    if subtype == "message_deleted":
        return _deleted(of, event, inner(event, "previous_message"), string(event, "deleted_ts"))
    return said(of, event, event) or Nothing(of=of, why="no_speech")


def mention(of: Installed, event: Given) -> Heard:
    """An edit comes as `message_changed` as well, with what it was before: that one is heard."""
    if inner(event, "edited"):
        return Nothing(of=of, why="edit_told_twice")
    return said(of, event, event) or Nothing(of=of, why="no_speech")


def _changed(of: Installed, event: Given) -> Heard:
    message, before = inner(event, "message"), inner(event, "previous_message")
    if string(message, "subtype") == "tombstone":  # how the root of a thread is deleted
        return _deleted(of, event, before, string(message, "ts"))
    edited_ts = string(inner(message, "edited"), "ts")
    if not is_ts(edited_ts):
        return Nothing(of=of, why="no_edit")
    if string(message, "text") == string(before, "text") and before:
        return Nothing(of=of, why="same_text")
    return said(of, event, message, edited_ts) or Nothing(of=of, why="no_speech")


def _deleted(of: Installed, event: Given, before: Given, ts: str) -> Heard:
    channel = string(event, "channel")
    if not is_id(channel) or not is_ts(ts):
        return Nothing(of=of, why="no_place")
    root = string(before, "thread_ts")
    what = said(of, event, {**before, "ts": ts}, string(inner(before, "edited"), "ts"))
    if before and what is None:
        return Nothing(of=of, why="no_speech")
    root = root if is_ts(root) else ts
    return Deleted(of=of, channel=channel, ts=ts, root=root, direct=_is_direct(event, channel), said=what)


def said(of: Installed, event: Given, message: Given, edited_ts: str = "") -> Said | None:
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
