"""What `frontdesk doctor` says of Slack. It asks Slack and changes nothing: no token is rotated here, none is shown."""

from __future__ import annotations

from adapters.base import Finding
from adapters.slack import grants
from adapters.slack.accounts import Accounts, NotInstalled
from adapters.slack.grants import Refusal, Unreachable
from adapters.slack.installs import Account
from adapters.slack.manifest import SCOPES
from adapters.slack.names import CHANNEL
from bot.config import Config
from bot.errors import FrontdeskError

_TRIED = 20
"""Installations whose tokens are tried, one after the other."""


async def findings(config: Config, accounts: Accounts) -> list[Finding]:
    """Everything, in the order in which it would trip the start."""
    found = await _way_in(config)
    found += await _own(config, accounts)
    if accounts.app is not None:
        found += await _installed(config, accounts)
    if not config.server.public_url:
        text = "sources that have no address of their own are named without a link: set server.public_url for links."
        found.append(Finding("note", CHANNEL, text))
    return found


async def _way_in(config: Config) -> list[Finding]:
    token = config.secrets.slack_app_token
    if config.slack.mode == "http" or (config.slack.mode == "auto" and token is None):
        if config.secrets.slack_signing_secret is None:
            return [Finding("bad", CHANNEL, "events come over HTTP: set SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN.")]
        where = config.server.public_url.rstrip("/") or "this server"
        return [Finding("good", CHANNEL, f"events come over HTTP: Slack has to reach {where}/slack/events")]
    if token is None:
        return [Finding("bad", CHANNEL, "events come by Socket Mode: set SLACK_APP_TOKEN (xapp-…).")]
    try:
        await grants.try_app_token(config.slack.base_url, token.get_secret_value())
    except Refusal as refusal:
        text = f"Slack refuses SLACK_APP_TOKEN ({refusal.error}): {_APP_REMEDY}"
        return [Finding("bad", CHANNEL, text)]
    except Unreachable as problem:
        return [_unreachable(config, problem)]
    return [Finding("good", CHANNEL, "events come by Socket Mode, which Slack opens for SLACK_APP_TOKEN")]


_APP_REMEDY = (
    "it is the App-Level Token (xapp-…) of the page Basic Information, with the scope connections:write; "
    "Socket Mode is turned on by the manifest."
)


async def _own(config: Config, accounts: Accounts) -> list[Finding]:
    try:
        own = await accounts.own()
    except NotInstalled as error:
        return [Finding("bad", CHANNEL, str(error))]
    except Unreachable as problem:
        return [_unreachable(config, problem)]
    if own is None:
        return []
    if not own.bot_id:
        text = "SLACK_BOT_TOKEN is no bot's token: copy the Bot User OAuth Token (xoxb-…) from the app's page "
        return [Finding("bad", CHANNEL, text + "OAuth & Permissions.")]
    found = [Finding("good", CHANNEL, f"speaks in {own.name} ({own.team}) as {own.bot_user}")]
    found += _scopes(own)
    if not accounts.allowed(own.team, own.enterprise):
        text = f"slack.teams leaves out {own.team}, whose token SLACK_BOT_TOKEN is: add it there."
        found.append(Finding("bad", CHANNEL, text))
    if config.handover.channel == CHANNEL and config.handover.account in ("", own.team):
        found.append(await _desk(config, own))
    return found


def _scopes(account: Account) -> list[Finding]:
    """Slack names the token's scopes in a header; where it does not, nothing is known."""
    missing = [scope for scope in SCOPES if scope not in account.scopes]
    if not account.scopes or not missing:
        return []
    text = f"the token lacks {', '.join(missing)}: give the app the manifest of `frontdesk add slack --manifest-only`"
    return [Finding("bad", CHANNEL, f"{text}, and install it again.")]


async def _desk(config: Config, account: Account) -> Finding:
    where = config.handover.conversation
    if not where:
        return Finding("bad", "hand-over", "set handover.conversation to the id of the channel for cases (C…).")
    try:
        name, inside = await grants.look_at(config.slack.base_url, account.bot_token, where)
    except Refusal as refusal:
        text = f"handover.conversation is {where}, which Slack does not show ({refusal.error}): "
        return Finding("bad", "hand-over", text + "copy the channel's id, and invite the app into it.")
    except Unreachable as problem:
        return _unreachable(config, problem)
    if not inside:
        return Finding("bad", "hand-over", f"the app is not in #{name} ({where}): invite it there.")
    return Finding("good", "hand-over", f"cases are posted in #{name} ({where})")


async def _installed(config: Config, accounts: Accounts) -> list[Finding]:
    vault = accounts.installs.vault
    found = [Finding("bad", CHANNEL, text) for text in await accounts.installs.unreadable()]
    if not config.server.public_url.startswith("https://"):
        found.append(Finding("bad", CHANNEL, "Slack sends browsers back to https alone: server.public_url is not."))
    if not vault.encrypts:
        text = "tokens of installations are not encrypted: set FRONTDESK_ENCRYPTION_KEY (frontdesk keys encryption)."
        found.append(Finding("note", CHANNEL, text))
    try:
        kept = await accounts.installs.grants()
    except FrontdeskError as error:
        return [*found, Finding("bad", CHANNEL, str(error))]
    where = f"{config.server.public_url.rstrip('/')}/slack/install"
    found.append(Finding("good", CHANNEL, f"installed by {len(kept)}; more install it at {where}"))
    for grant in kept[:_TRIED]:
        account = grant.account
        try:
            await grants.whose_token(config.slack.base_url, account.bot_token)
        except Refusal as refusal:
            if refusal.error != "token_expired" or not grant.refresh_token:  # the next start fetches a new one
                text = f"{account.name or grant.key} ({grant.key}) took its token back ({refusal.error}): "
                found.append(Finding("bad", CHANNEL, text + "it has to install the app again."))
        except Unreachable as problem:
            return [*found, _unreachable(config, problem)]
    return found


def _unreachable(config: Config, problem: Unreachable) -> Finding:
    text = f"{problem} Look whether this machine reaches {config.slack.base_url} (slack.base_url), and try again."
    return Finding("bad", CHANNEL, text)
