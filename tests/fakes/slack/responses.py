"""response_url: up to five answers within half an hour, without a token.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from aiohttp import web

from tests.fakes.slack import limits
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.state import Shown, Team
from tests.fakes.slack.world import Ephemeral, World

TIMES, SECONDS = 5, 1_800
_TAKES = frozenset(
    {"text", "blocks", "attachments", "response_type", "replace_original", "delete_original", "thread_ts",
     "unfurl_links", "unfurl_media", "metadata"}
)  # fmt: skip


@dataclass
class _Link:
    team: Team
    channel: str
    user: str
    message: Shown | None
    until: float
    left: int = TIMES


class Responses:
    def __init__(self, world: World) -> None:
        self._world = world
        self.http = ""
        self._links: dict[str, _Link] = {}

    def url(self, team: Team, channel: str, user: str, message: Shown | None) -> str:
        key = secrets.token_hex(12)
        self._links[key] = _Link(team, channel, user, message, time.time() + SECONDS)
        return f"{self.http}/actions/{team.id}/{key}"

    async def handle(self, request: web.Request) -> web.Response:
        link = self._links.get(request.match_info["key"])
        if link is None or link.left == 0 or time.time() > link.until:
            error = "used_url" if link and link.left == 0 else "expired_url"
            return web.json_response({"ok": False, "error": error}, status=404)
        link.left -= 1
        try:
            self._answer(link, json.loads(await request.text()))
        except (ValueError, TypeError):
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        except Refused as refused:
            self._world.violation(f"response_url: {refused.error} {refused.more}")
            return web.json_response({"ok": False, "error": refused.error}, status=400)
        return web.json_response({"ok": True})

    def _answer(self, link: _Link, body: dict[str, object]) -> None:
        if unknown := set(body) - _TAKES:
            raise Refused("invalid_arguments", unknown=sorted(unknown))
        if body.get("delete_original"):
            if link.message is not None:
                link.message.deleted = True
            return
        limits.said(body)
        text = str(body.get("text") or "")
        if body.get("replace_original") and link.message is not None:
            link.message.fallback, link.message.markdown, link.message.blocks = text, "", body.get("blocks") or []  # type: ignore[assignment]  # checked above
            link.message.updates += 1
            link.message.texts.append(link.message.text)
        elif body.get("response_type") == "in_channel":
            shown = Shown(
                team=link.team.id, channel=link.channel, ts=self._world.clock.ts(), user=link.team.bot_user,
                bot_id=link.team.bot_id, fallback=text, thread_ts=str(body.get("thread_ts") or ""),
                blocks=body.get("blocks") or [],  # type: ignore[arg-type]  # checked above
            )  # fmt: skip
            link.team.put(shown)
        else:
            said = Ephemeral(team=link.team.id, channel=link.channel, user=link.user, text=text, by="response_url")
            self._world.ephemerals.append(said)
        self._world.changed()
