"""Buttons, shortcuts and commands: what the app has to acknowledge within three seconds, and gets once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from tests.fakes.slack import shapes
from tests.fakes.slack.delivery import Ack
from tests.fakes.slack.state import Shown, Team
from tests.fakes.slack.workspaces import TeamName, Workspaces
from tests.fakes.slack.world import Ephemeral


class Pressing(Workspaces):
    """What people press."""

    async def press(self, message: Shown, action_id: str, user: str, *, value: str = "") -> Ack:
        """Press a button of a message; `value` says which, where there are several."""
        team = self.team_of(message.team)
        for block, element in message.button(action_id):
            values = [element.get("value", "")]
            if element["type"] == "feedback_buttons":
                values = [element["positive_button"]["value"], element["negative_button"]["value"]]
            if not value or value in values:
                return await self._press(
                    team, message, user, shapes.action(block, element, value or values[0], self.world.clock.ts())
                )
        raise LookupError(f"no button {action_id} {value} in {message}")

    async def _press(self, team: Team, message: Shown, user: str, action: Mapping[str, Any]) -> Ack:
        place = team.place(message.channel, user)
        payload = shapes.interaction(team, team.user(user), "block_actions") | {
            "container": {"type": "message", "message_ts": message.ts, "channel_id": place.id, "is_ephemeral": False},
            "channel": {"id": place.id, "name": place.name},
            "message": shapes.message(message, team),
            "state": {"values": {}},
            "response_url": self.responses.url(team, place.id, user, message),
            "actions": [dict(action)],
        }
        return await self.delivery.ask("interactive", payload)

    async def shortcut(self, callback_id: str, message: Shown, user: str) -> Ack:
        """Choose a shortcut of the app from a message's menu."""
        team = self.team_of(message.team)
        place = team.channels[message.channel]
        payload = shapes.interaction(team, team.user(user), "message_action") | {
            "callback_id": callback_id,
            "action_ts": self.world.clock.ts(),
            "channel": {"id": place.id, "name": place.name},
            "message_ts": message.ts,
            "message": shapes.message(message, team),
            "response_url": self.responses.url(team, place.id, user, message),
        }
        return await self.delivery.ask("interactive", payload)

    async def slash(self, command: str, text: str, user: str, channel: str, *, team: TeamName = None) -> Ack:
        """Write a command. What it is acknowledged with is shown to its author alone."""
        found = self.team_of(team)
        place = found.place(channel, user)
        payload = {
            "token": "verification-token-test", "team_id": found.id, "team_domain": found.domain,
            "channel_id": place.id, "channel_name": place.name, "user_id": user, "user_name": found.user(user).name,
            "command": command, "text": text, "api_app_id": shapes.APP_ID, "is_enterprise_install": "false",
            "response_url": self.responses.url(found, place.id, user, None),
            "trigger_id": f"1.2.{secrets.token_hex(8)}",
        }  # fmt: skip
        ack = await self.delivery.ask("slash_commands", payload)
        if ack.ok and ack.text:
            said = Ephemeral(team=found.id, channel=place.id, user=user, text=ack.text, by="ack")
            self.world.ephemerals.append(said)
            self.world.changed()
        return ack
