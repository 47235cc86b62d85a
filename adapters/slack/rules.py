"""Whom the bot answers, and when it is meant. Pure."""

from __future__ import annotations

from adapters.slack.heard import Said
from adapters.slack.installs import Account
from adapters.slack.mrkdwn import addressed_to_others, mentions
from bot.config import SlackConfig


def own(said: Said, account: Account) -> bool:
    """Whether the bot itself said it: answering that would never end."""
    mine = {account.bot_user, account.bot_id} - {""}
    return said.user in mine or not mine.isdisjoint(said.bot)


def welcome(said: Said, account: Account, config: SlackConfig) -> bool:
    """Whether whoever said it, where they said it, is answered at all."""
    if own(said, account):
        return False
    if said.bot and not set(said.bot) & set(config.bots):
        return False
    if not said.bot and not may_use(said.user, said.home, account.team, config):
        return False
    return may_answer_in(said.channel, config, direct=said.direct)


def may_use(user: str, home: str, team: str, config: SlackConfig) -> bool:
    """`home` is the workspace that they belong to: people of others write in shared channels, too ("" is `team`).

    Where an organisation is listed (E…), which workspaces are its own is not known here: Slack let them in.
    """
    if config.users and user not in config.users:
        return False
    known = all(listed.startswith("T") for listed in config.teams)
    foreign = home.startswith("T") and home not in (team, *config.teams)
    return not (config.teams and known and foreign)


def may_answer_in(channel: str, config: SlackConfig, *, direct: bool) -> bool:
    """Direct messages are no channels: whom to answer there, `users` says."""
    return direct or not config.channels or channel in config.channels


def named(said: Said, account: Account) -> bool:
    """Whether it is said to the bot by itself, whatever was said before."""
    return said.direct or mentions(said.text, account.bot_user)


def may_be_meant(said: Said, account: Account) -> bool:
    """Whether it is said to the bot when the bot takes part there."""
    return said.threaded and not addressed_to_others(said.text, account.bot_user)
