"""The app as Slack has to know it: what it may do, what it is told of, and where. Pure.

Source: docs.slack.dev/reference/app-manifest, whose limits of length are kept here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

COMMAND = "/frontdesk"
SHORTCUT = "answer_this"

SCOPES = (
    "app_mentions:read",  # mentions in channels
    "assistant:write",  # the pane's status, title and prompts
    "channels:history",  # threads in public channels
    "channels:read",
    "chat:write",
    "commands",  # /frontdesk and the message shortcut
    "files:read",  # what people attach
    "groups:history",  # threads in private channels
    "groups:read",
    "im:history",  # direct messages
    "im:read",
    "im:write",  # an answer to /frontdesk goes to the asker's direct messages
    "mpim:history",  # group messages
    "mpim:read",
    "users:read",  # the names of colleagues who take over
)
"""What the bot's token may do."""

EVENTS = (
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "agent_session_stopped",
    "app_uninstalled",
    "tokens_revoked",
)
"""What the app is told of, whatever its pane."""

VIEW_EVENTS: Mapping[str, Sequence[str]] = {
    "agent": ("app_home_opened", "app_context_changed"),
    "assistant": ("assistant_thread_started", "assistant_thread_context_changed"),
}
"""What it is told of its pane."""

_NAME, _DESCRIPTION, _AGENT, _BOT, _PROMPTS = 35, 140, 300, 80, 4
"""Slack's limits, in characters; the last one is how many prompts."""


def manifest(
    *,
    name: str,
    description: str,
    view: Literal["agent", "assistant"] = "agent",
    prompts: Sequence[str] = (),
    public_url: str = "",
    many: bool = False,
) -> dict[str, Any]:
    """The manifest as JSON values. With `public_url` requests come there, without it through Socket Mode.

    `many`: other workspaces, and whole organisations, may install the app; its tokens end and are changed then.
    """
    url = public_url.rstrip("/")
    name = _line(name, _NAME) or "Frontdesk"
    about = _line(description, _DESCRIPTION) or "Answers questions from your documents, with sources."
    events: dict[str, Any] = {"bot_events": sorted((*EVENTS, *VIEW_EVENTS[view]))}
    interactivity: dict[str, Any] = {"is_enabled": True}
    oauth: dict[str, Any] = {"scopes": {"bot": list(SCOPES)}}
    if url:
        events["request_url"] = interactivity["request_url"] = f"{url}/slack/events"
    if many:
        oauth["redirect_urls"] = [f"{url}/slack/oauth_redirect"]
    return {
        "display_information": {"name": name, "description": about},
        "features": _features(name, about, view, prompts, url),
        "oauth_config": oauth,
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": many,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": many,
        },
    }


def _features(name: str, about: str, view: str, prompts: Sequence[str], url: str) -> dict[str, Any]:
    shown = [prompt for prompt in prompts if _line(prompt, _NAME)][:_PROMPTS]
    suggested = [{"title": _line(prompt, _NAME), "message": prompt.strip()} for prompt in shown]
    pane = {f"{view}_description": _line(about, _AGENT), **({"suggested_prompts": suggested} if suggested else {})}
    command = {
        "command": COMMAND,
        "description": "Ask, summarize a thread, translate, or get help",
        "usage_hint": "ask QUESTION | summarize LINK | translate LANGUAGE TEXT | help",
        "should_escape": False,
    }
    shortcut = {
        "type": "message",
        "name": "Answer this",
        "callback_id": SHORTCUT,
        "description": "Answer this message from the knowledge base",
    }
    return {
        "app_home": {
            "home_tab_enabled": False,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        f"{view}_view": pane,
        "bot_user": {"display_name": name[:_BOT], "always_online": True},
        "shortcuts": [shortcut],
        "slash_commands": [{**command, "url": f"{url}/slack/events"} if url else command],
    }


def _line(text: str, limit: int) -> str:
    """On one line, within the limit."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"
