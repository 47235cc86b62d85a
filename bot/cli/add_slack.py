"""`frontdesk add slack`: a section in the configuration, and the app's manifest."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.addition import SERVER, Project, append, print_steps, project, public_address
from bot.cli.terminal import ConfigFile
from bot.config import Config
from bot.errors import UsageError

_MANIFEST = "slack-manifest.json"
_SECTION = """\

[slack]                        # docs/slack.md; secrets come from the environment
enabled = true
{lines}# teams = ["T0123456789"]      # who may use it, by id; empty lists are everybody
# channels = ["C0123456789"]
# users = ["U0123456789"]

# [slack.suggestions]          # what the assistant's pane suggests, by language
# en = ["What are your opening hours?"]

# [handover]                   # where people of yours take over a conversation
# channel = "slack"
# conversation = "C0123456789"
"""
_NEEDED = (
    "Slack needs an https address for this server, but it is {url}. Give --public-url https://chat.example.org, or "
    "leave out --http and --many: Socket Mode needs no address."
)


def slack(
    http: Annotated[
        bool, typer.Option("--http", help="Take events over HTTP at --public-url instead of Socket Mode.")
    ] = False,
    public_url: Annotated[
        str, typer.Option(help="The https address where Slack reaches this server; server.public_url without it.")
    ] = "",
    name: Annotated[str, typer.Option(help="What the app is called in Slack; site.name without it.")] = "",
    many: Annotated[bool, typer.Option("--many", help="Let many workspaces install the app; over HTTP.")] = False,
    assistant_view: Annotated[
        bool, typer.Option("--assistant-view", help="For an app that has the older assistant view and keeps it.")
    ] = False,
    manifest_only: Annotated[
        bool, typer.Option("--manifest-only", help="Write the manifest anew and leave the configuration alone.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Add Slack: a section in frontdesk.toml and the app's manifest, and say what is to be done in Slack.

    [bold]Examples[/bold]

      frontdesk add slack
      frontdesk add slack --http --public-url https://chat.example.org
      frontdesk add slack --many --public-url https://chat.example.org
      frontdesk add slack --manifest-only --name "Green Door"
    """
    at = project(config, "Slack")
    if "slack" in at.tree and not manifest_only:
        raise UsageError(
            f"{at.file} sets up `slack` already; nothing was changed. Set `enabled = true` there if it is off. "
            "To write the manifest alone: frontdesk add slack --manifest-only"
        )
    url = public_address(at.settings, public_url, _NEEDED) if http or many or public_url else ""
    manifest = _manifest(at, name, url, many=many, older=assistant_view)
    beside = at.file.parent / _MANIFEST
    if not manifest_only and beside.exists() and beside.read_bytes() != manifest:
        raise UsageError(f"{beside} exists already; nothing was changed. Move it away, or use --manifest-only.")
    _write(beside, manifest)
    if not manifest_only:
        append(at.file, _addition(at.tree, url, many=many))
    done = f"Wrote {'' if manifest_only else f'[slack] into {at.file} and '}{beside}."
    print_steps(done, _steps(at.settings, at.tree, url, many=many))


def _manifest(at: Project, name: str, url: str, *, many: bool, older: bool) -> bytes:
    from adapters.slack.manifest import manifest

    settings = at.settings
    made = manifest(
        name=name or settings.site.name,
        description=at.about,
        view="assistant" if older else "agent",
        prompts=settings.slack.suggestions.get(settings.language.default, ()),
        public_url=url,
        many=many,
    )
    return (json.dumps(made, ensure_ascii=False, indent=2) + "\n").encode()


def _addition(tree: Mapping[str, Any], url: str, *, many: bool) -> str:
    lines = 'mode = "http"                  # events come to /slack/events\n' if url else ""
    if many:
        lines += 'client_id = ""                 # of the app\'s page Basic Information\n'
    server = SERVER.format(url=json.dumps(url)) if url and "server" not in tree else ""
    return server + _SECTION.format(lines=lines)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}. Nothing was changed.") from None


def _steps(settings: Config, tree: Mapping[str, Any], url: str, *, many: bool) -> Sequence[str]:
    """What is left to do, in its order."""
    steps = [] if importlib.util.find_spec("slack_bolt") else ["Install Slack's SDK: pip install 'frontdesk[slack]'"]
    if url and "server" in tree and not settings.server.public_url:
        steps.append(f'Set `public_url = "{url}"` in the section [server] of the configuration.')
    steps.append(
        f"Open https://api.slack.com/apps, choose Create New App, From a manifest, and paste {_MANIFEST}. "
        "(An app that is there already: its page App Manifest.)"
    )
    if many:
        steps += _many(url)
    else:
        steps.append("Page Install App: install it into the workspace and copy the Bot User OAuth Token.\n"
                     "    export SLACK_BOT_TOKEN=xoxb-…")  # fmt: skip
    if url:
        steps.append("Page Basic Information, App Credentials: copy the Signing Secret.\n"
                     "    export SLACK_SIGNING_SECRET=…")  # fmt: skip
    else:
        steps.append("Page Basic Information, App-Level Tokens: generate one with the scope connections:write.\n"
                     "    export SLACK_APP_TOKEN=xapp-…")  # fmt: skip
    steps.append("Look whether all is well, and start:\n    frontdesk doctor\n    frontdesk run")
    if url:
        steps.append(f"While it runs, page Event Subscriptions: have Slack verify {url}/slack/events.")
    steps.append(
        f"Send people to {url}/slack/install, then write to the app in Slack."
        if many
        else "Write to the app in Slack: a direct message, or invite it into a channel and mention it."
    )
    return steps


def _many(url: str) -> list[str]:
    return [
        "Page Basic Information, App Credentials: write the Client ID into `client_id` of [slack].\n"
        "    export SLACK_CLIENT_SECRET=…",
        f"Page OAuth & Permissions: {url}/slack/oauth_redirect has to stand among the Redirect URLs. "
        "Page Manage Distribution: activate it.",
        "Make a key that encrypts the workspaces' tokens, and keep it where secrets are kept.\n"
        '    export FRONTDESK_ENCRYPTION_KEY="$(frontdesk keys encryption)"',
    ]
