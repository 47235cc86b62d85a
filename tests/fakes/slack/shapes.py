"""What Slack's things look like on the wire. Pure.

After https://docs.slack.dev/reference/events, .../interaction-payloads and .../methods.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack.state import Channel, File, Shown, Team, User

APP_ID = "A0123456789"


def user(person: User, team: str, *, locale: bool) -> dict[str, Any]:
    profile = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.display_name,
        "display_name_normalized": person.display_name,
        "team": team,
    }
    found = {
        "id": person.id,
        "team_id": team,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.real_name,
        "tz": "Europe/Amsterdam",
        "profile": profile,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    return found | ({"locale": person.locale} if locale else {})


def channel(place: Channel, team: Team) -> dict[str, Any]:
    found: dict[str, Any] = {"id": place.id, "created": 1_700_000_000, "is_archived": place.archived}
    if place.kind == "im":
        other = next((member for member in place.members if member != team.bot_user), "")
        return found | {"is_im": True, "user": other, "is_org_shared": False}
    return found | {
        "name": place.name,
        "is_channel": place.kind == "channel",
        "is_group": place.kind == "group",
        "is_im": False,
        "is_mpim": place.kind == "mpim",
        "is_private": place.kind != "channel",
        "is_member": team.bot_user in place.members,
        "num_members": len(place.members),
    }


def file(held: File, team: str) -> dict[str, Any]:
    return {
        "id": held.id,
        "created": 1_700_000_000,
        "name": held.name,
        "title": held.name,
        "mimetype": held.media_type,
        "filetype": held.name.rpartition(".")[2] or "text",
        "user": held.user,
        "user_team": team,
        "size": len(held.body),
        "mode": "hosted",
        "is_external": False,
        "url_private": held.url,
        "url_private_download": held.url.replace("/files-pri/", "/files-pri/download/"),
        "file_access": "visible",
    }


def _file_in_event(held: File, team: str) -> dict[str, Any]:
    return {"id": held.id, "file_access": "check_file_info"} if held.checked else file(held, team)


def rich_text(text: str) -> list[dict[str, Any]]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "b1", "elements": [section]}]


def message(shown: Shown, team: Team, *, metadata: bool = False) -> dict[str, Any]:
    """As conversations.replies gives it, and as events do without their own fields."""
    found: dict[str, Any] = {
        "type": "message",
        "user": shown.user,
        "ts": shown.ts,
        "text": shown.fallback or shown.text,
        "team": team.id,
    }
    if shown.bot_id:
        found |= {"bot_id": shown.bot_id, "blocks": [dict(block) for block in shown.blocks]}
        found["app_id"] = APP_ID
    else:
        found |= {"client_msg_id": shown.client_id, "blocks": rich_text(shown.fallback)}
    if shown.thread_ts:
        found |= {"thread_ts": shown.thread_ts, "parent_user_id": _parent(shown, team)}
    elif replies := team.replies(shown.channel, shown.ts):
        found |= {"thread_ts": shown.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    if shown.subtype:
        found["subtype"] = shown.subtype
    if shown.edited:
        found["edited"] = {"user": shown.user, "ts": shown.edited}
    if shown.files:
        found |= {"files": [_file_in_event(held, team.id) for held in shown.files], "upload": False}
    if shown.attachments:
        found["attachments"] = [dict(attachment) for attachment in shown.attachments]
    if shown.streaming:
        found["streaming_state"] = "in_progress"
    if metadata and shown.metadata:
        found["metadata"] = dict(shown.metadata)
    return found


def _parent(shown: Shown, team: Team) -> str:
    parent = team.messages.get((shown.channel, shown.thread_ts))
    return parent.user if parent else ""


def message_event(shown: Shown, team: Team, place: Channel) -> dict[str, Any]:
    found = message(shown, team, metadata=True)
    return found | {"channel": place.id, "event_ts": shown.ts, "channel_type": place.kind}


def mention_event(shown: Shown, team: Team) -> dict[str, Any]:
    found = {key: value for key, value in message(shown, team).items() if key not in ("subtype", "metadata")}
    return found | {"type": "app_mention", "channel": shown.channel, "event_ts": shown.ts}


def changed_event(
    now: Mapping[str, Any], before: Mapping[str, Any], place: Channel, event_ts: str, team: str
) -> dict[str, Any]:
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": {**now, "source_team": team, "user_team": team},
        "previous_message": dict(before),
        "channel": place.id,
        "hidden": True,
        "ts": event_ts,
        "event_ts": event_ts,
        "channel_type": place.kind,
    }


def deleted_event(before: Mapping[str, Any], place: Channel, event_ts: str) -> dict[str, Any]:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": dict(before),
        "channel": place.id,
        "hidden": True,
        "deleted_ts": before["ts"],
        "ts": event_ts,
        "event_ts": event_ts,
        "channel_type": place.kind,
    }


def envelope(event: Mapping[str, Any], team: Team, event_id: str) -> dict[str, Any]:
    """The outer event: https://docs.slack.dev/apis/events-api/#callback-field"""
    authorization = {
        "enterprise_id": team.enterprise or None,
        "team_id": team.id,
        "user_id": team.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": "verification-token-test",
        "team_id": team.id,
        "context_team_id": team.id,
        "context_enterprise_id": team.enterprise or None,
        "api_app_id": APP_ID,
        "event": dict(event),
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(time.time()),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": f"4-{uuid.uuid4().hex}",
    }


def interaction(team: Team, person: User, kind: str) -> dict[str, Any]:
    """What every interactive payload begins with."""
    return {
        "type": kind,
        "token": "verification-token-test",
        "team": {"id": team.id, "domain": team.domain},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": team.id},
        "api_app_id": APP_ID,
        "enterprise": {"id": team.enterprise, "name": "Enterprise"} if team.enterprise else None,
        "is_enterprise_install": False,
        "trigger_id": f"1234.5678.{uuid.uuid4().hex}",
    }


def action(block: Mapping[str, Any], element: Mapping[str, Any], value: str, ts: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block.get("block_id", "b1"),
        "action_ts": ts,
        "value": value,
    }
    if element["type"] != "feedback_buttons":
        return found | {"text": element.get("text")}
    pressed: Sequence[Mapping[str, Any]] = [element["positive_button"], element["negative_button"]]
    return found | {"text": next(button["text"] for button in pressed if button["value"] == value)}
