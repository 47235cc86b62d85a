"""From a payload of Slack's (checked by `payload.checked`) to what was heard. Pure.

A payload is an event, a button or a shortcut, or a slash command. What is no concern of ours, and whatever Slack may
invent, becomes `Nothing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.slack.heard import Heard, Installed, Nothing, Opened, Removed, Stopped
from adapters.slack.interactions import ordered, picked, pressed
from adapters.slack.messages import mention, message
from adapters.slack.payload import inner, is_id, is_ts, objects, string

Given = Mapping[str, Any]


def heard(payload: Given) -> Heard:
    """What `payload` tells."""
    of = installed(payload)
    kind = string(payload, "type")
    if not of.team and not of.enterprise:
        return Nothing(of=of, why="no_team")
    if kind == "event_callback":
        event = inner(payload, "event")
        reader = _EVENTS.get(string(event, "type"))
        return reader(of, event) if reader else Nothing(of=of, why="other_event")
    if kind == "block_actions":
        return pressed(of, payload)
    if kind == "message_action":
        return picked(of, payload)
    if not kind and string(payload, "command"):
        return ordered(of, payload)
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
    return Removed(of=of)


def _context(of: Installed, _: Given) -> Heard:
    return Nothing(of=of, why="context")  # where the person looks now; nothing is answered from that


_EVENTS: Mapping[str, Callable[[Installed, Given], Heard]] = {
    "message": message,
    "app_mention": mention,
    "agent_session_stopped": _stopped,
    "assistant_thread_started": _pane,
    "assistant_thread_context_changed": _context,
    "app_context_changed": _context,
    "app_home_opened": _home,
    "tokens_revoked": _removed,
    "app_uninstalled": _removed,
}
