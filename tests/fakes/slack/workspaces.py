"""The workspaces of the fake, as everything else finds them."""

from __future__ import annotations

from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.delivery import Delivery
from tests.fakes.slack.responses import Responses
from tests.fakes.slack.state import Shown, Team, Token
from tests.fakes.slack.world import World

TeamName = Team | str | None


class Workspaces:
    """Where no `team` is named, the first is meant."""

    world: World
    delivery: Delivery
    responses: Responses
    http: str

    def team(
        self,
        ident: str,
        *,
        bot_token: str = "",
        app_token: str = "",
        scopes: str = "",
        enterprise: str = "",
        bot_user: str = "U0BOT0001",
        bot_id: str = "B0BOT0001",
    ) -> Team:
        """The workspace `ident`, with the app installed under these tokens (or, without them, not installed yet)."""
        if ident not in self.world.teams:
            team = Team(ident, self.world.clock, bot_user=bot_user, bot_id=bot_id, enterprise=enterprise)
            self.world.teams[ident] = team
        if bot_token:
            self.world.tokens[bot_token] = Token(bot_token, ident, **({"scopes": scopes} if scopes else {}))
        if app_token:
            self.world.tokens[app_token] = Token(app_token, ident, kind="app", scopes="connections:write")
        return self.world.teams[ident]

    def team_of(self, team: TeamName) -> Team:
        if isinstance(team, Team):
            return team
        return self.world.teams[team] if team else next(iter(self.world.teams.values()))

    def message(self, channel: str, ts: str, *, team: TeamName = None) -> tuple[Team, Shown]:
        """A message, and its workspace (the one that has it, unless it is named)."""
        teams = [self.team_of(team)] if team else list(self.world.teams.values())
        for one in teams:
            if (channel, ts) in one.messages:
                return one, one.messages[channel, ts]
        raise Refused("message_not_found")
