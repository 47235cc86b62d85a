"""What people do in Slack, and the events that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.slack import shapes
from tests.fakes.slack.state import Channel, File, Shown, Team
from tests.fakes.slack.tokens import kill
from tests.fakes.slack.workspaces import TeamName, Workspaces


class People(Workspaces):
    """What people write, and where they look."""

    # -- messages ------------------------------------------------------------------------------------
    async def say(
        self,
        team: TeamName,
        channel: str,
        user: str,
        text: str,
        thread_ts: str = "",
        files: Sequence[File] = (),
        *,
        subtype: str = "",
        bot_id: str = "",
    ) -> str:
        """A person (or, with `bot_id`, another bot) writes. The ts of it; its events are on their way."""
        found = self.team_of(team)
        place = found.place(channel, user)
        message = Shown(
            team=found.id, channel=channel, ts=self.world.clock.ts(), user=user, fallback=text, thread_ts=thread_ts,
            files=tuple(files), subtype=subtype or ("file_share" if files else ""), bot_id=bot_id,
        )  # fmt: skip
        message.texts.append(text)
        found.put(message)
        self.world.changed()
        self._tell_of(found, place, message)
        return message.ts

    def _tell_of(self, team: Team, place: Channel, message: Shown) -> None:
        """One post in a channel comes twice when it mentions the bot, each time under an id of its own."""
        if team.bot_user not in place.members:
            return
        self.delivery.emit(team, shapes.message_event(message, team, place))
        if place.kind != "im" and f"<@{team.bot_user}>" in message.fallback and not message.bot_id:
            self.delivery.emit(team, shapes.mention_event(message, team))

    async def edit(self, channel: str, ts: str, text: str, *, team: TeamName = None) -> str:
        """Its author edits it; the ts of the edit."""
        found, message = self.message(channel, ts, team=team)
        before = shapes.message(message, found)
        message.fallback, message.edited = text, self.world.clock.ts()
        message.texts.append(text)
        self._changed(found, message, before)
        return message.edited

    async def unfurl(self, channel: str, ts: str, *, team: TeamName = None) -> None:
        """A preview of a link is put below it: an edit without a change of text."""
        found, message = self.message(channel, ts, team=team)
        before = shapes.message(message, found)
        message.attachments = [{"id": 1, "from_url": "https://example.org/", "title": "Example", "fallback": "Example"}]
        self._changed(found, message, before)

    def _changed(self, team: Team, message: Shown, before: Mapping[str, Any]) -> None:
        place, now = team.channels[message.channel], shapes.message(message, team)
        self.world.changed()
        self.delivery.emit(team, shapes.changed_event(now, before, place, self.world.clock.ts(), team.id))

    async def delete(self, channel: str, ts: str, *, team: TeamName = None) -> None:
        """Somebody deletes it. A message with replies leaves a tombstone, which is an edit."""
        found, message = self.message(channel, ts, team=team)
        before = shapes.message(message, found)
        message.deleted = True
        self.world.changed()
        place, event_ts = found.channels[channel], self.world.clock.ts()
        if not found.replies(channel, ts):
            self.delivery.emit(found, shapes.deleted_event(before, place, event_ts))
            return
        stone = before | {
            "subtype": "tombstone",
            "text": "This message was deleted.",
            "user": "USLACKBOT",
            "hidden": True,
        }
        stone = {key: value for key, value in stone.items() if key not in ("client_msg_id", "blocks", "files", "team")}
        self.delivery.emit(found, shapes.changed_event(stone, before, place, event_ts, found.id))

    async def react(self, channel: str, ts: str, user: str, name: str = "thumbsup", *, team: TeamName = None) -> None:
        """Somebody puts an emoji below it."""
        found, message = self.message(channel, ts, team=team)
        item = {"type": "message", "channel": channel, "ts": ts}
        event = {"type": "reaction_added", "user": user, "reaction": name, "item_user": message.user, "item": item}
        self.delivery.emit(found, event | {"event_ts": self.world.clock.ts()})

    async def join(self, channel: str, user: str, *, team: TeamName = None) -> None:
        """Somebody joins a channel, which Slack tells as a message, too."""
        found = self.team_of(team)
        await self.say(found, channel, user, f"<@{user}> has joined the channel", subtype="channel_join")
        event = {
            "type": "member_joined_channel",
            "user": user,
            "channel": channel,
            "channel_type": "C",
            "team": found.id,
        }
        self.delivery.emit(found, event | {"event_ts": self.world.clock.ts()})

    def attach(
        self, team: TeamName, name: str, body: bytes, media_type: str, *, user: str = "U0123", checked: bool = False
    ) -> File:
        """A file that `user` uploaded, for `say`. The bot gets its bytes with its token alone."""
        found = self.team_of(team)
        ident = f"F{found.number():09d}"
        url = f"{self.http}/files-pri/{found.id}-{ident}/{name}"
        found.files[ident] = File(ident, name, body, media_type, user, url, checked)
        return found.files[ident]

    # -- the app's own places --------------------------------------------------------------------------
    async def open_pane(self, user: str, *, team: TeamName = None, context: str = "") -> str:
        """Somebody opens the assistant's pane (apps with `assistant_view`): a new thread there, whose ts this is."""
        found = self.team_of(team)
        channel = found.dm(user)
        root = Shown(
            team=found.id, channel=channel, ts=self.world.clock.ts(), user=found.bot_user, bot_id=found.bot_id,
            fallback="New Assistant Thread", subtype="assistant_app_thread",
        )  # fmt: skip
        found.put(root)
        self._pane(found, "assistant_thread_started", user, channel, root.ts, context)
        return root.ts

    async def change_context(self, user: str, thread_ts: str, context: str, *, team: TeamName = None) -> None:
        """Somebody looks at another channel, with the pane open."""
        found = self.team_of(team)
        self._pane(found, "assistant_thread_context_changed", user, found.dm(user), thread_ts, context)
        entities = [{"type": "slack#/types/channel_id", "value": context, "team_id": found.id}]
        self.delivery.emit(found, {"type": "app_context_changed", "context": {"entities": entities}})

    def _pane(self, team: Team, kind: str, user: str, channel: str, thread_ts: str, context: str) -> None:
        seen = {"channel_id": context, "team_id": team.id, "enterprise_id": team.enterprise or None} if context else {}
        thread = {"user_id": user, "context": seen, "channel_id": channel, "thread_ts": thread_ts}
        self.delivery.emit(team, {"type": kind, "assistant_thread": thread, "event_ts": self.world.clock.ts()})

    async def open_home(self, user: str, *, tab: str = "messages", team: TeamName = None) -> str:
        """Somebody opens the app (apps with `agent_view`); the id of their direct messages with it."""
        found = self.team_of(team)
        event = {"type": "app_home_opened", "user": user, "channel": found.dm(user), "tab": tab}
        self.delivery.emit(found, event | {"event_ts": self.world.clock.ts()})
        return found.dm(user)

    async def stop(self, channel: str, thread_ts: str, user: str, *, team: TeamName = None) -> None:
        """Somebody presses Slack's own Stop: it ends the streams there, and tells the app."""
        found = self.team_of(team)
        streams = [reply for reply in found.replies(channel, thread_ts) if reply.streaming]
        for stream in streams:
            stream.streaming, stream.stopped_by = False, user
        event: dict[str, Any] = {
            "type": "agent_session_stopped",
            "channel": channel,
            "thread_ts": thread_ts,
            "user": user,
        }
        event |= {"streaming_message_ts": [stream.ts for stream in streams], "event_ts": self.world.clock.ts()}
        self.delivery.emit(found, event)

    # -- the app's life --------------------------------------------------------------------------------
    async def revoke(self, team: TeamName = None, *, tell: bool = True) -> None:
        """Somebody takes the bot's token back."""
        found = self.team_of(team)
        kill(self.world, found, "token_revoked")
        if tell:
            tokens = {"oauth": [], "bot": [found.bot_user]}
            self.delivery.emit(found, {"type": "tokens_revoked", "tokens": tokens, "event_ts": self.world.clock.ts()})

    async def uninstall(self, team: TeamName = None) -> None:
        """Somebody removes the app from the workspace."""
        found = self.team_of(team)
        kill(self.world, found, "account_inactive")
        self.delivery.emit(found, {"type": "app_uninstalled", "event_ts": self.world.clock.ts()})
