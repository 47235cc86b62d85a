"""`frontdesk add`: connect a channel to a project."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from bot.cli.terminal import ConfigFile, configuration, output
from bot.config import Config
from bot.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Connect a channel: slack.")

_FILE, _MANIFEST = Path("frontdesk.toml"), "slack-manifest.json"
_PLACEHOLDER = "does, in a sentence."
"""How the description ends that `init` wrote and nobody has changed."""

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
_SERVER = """\

[server]
public_url = {url}
"""


@app.command()
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
    file = config or _FILE
    if not file.exists():
        raise UsageError(
            f"There is no {file} to add Slack to. Make a project with `frontdesk init`, or name one with --config."
        )
    settings, tree = configuration(file), tomllib.loads(file.read_text("utf-8-sig"))
    if "slack" in tree and not manifest_only:
        raise UsageError(
            f"{file} sets up `slack` already; nothing was changed. Set `enabled = true` there if it is off. "
            "To write the manifest alone: frontdesk add slack --manifest-only"
        )
    url = _address(settings, public_url) if http or many or public_url else ""
    manifest = _manifest(settings, name, url, many=many, older=assistant_view)
    beside = file.parent / _MANIFEST
    if not manifest_only and beside.exists() and beside.read_bytes() != manifest:
        raise UsageError(f"{beside} exists already; nothing was changed. Move it away, or use --manifest-only.")
    _write(beside, manifest)
    if not manifest_only:
        _append(file, _addition(tree, url, many=many))
    output.print(f"Wrote {'' if manifest_only else f'[slack] into {file} and '}{beside}. Next:\n", markup=False)
    for number, step in enumerate(_steps(settings, tree, url, many=many), 1):
        output.print(f"{number:2}. {step}", markup=False, highlight=False, soft_wrap=True)


def _address(settings: Config, given: str) -> str:
    """Where Slack reaches this server."""
    known = settings.server.public_url.rstrip("/")
    url = given.strip().rstrip("/") or known
    if given and known and url != known:
        raise UsageError(f"--public-url is {url}, but server.public_url is {known}: use one of them for both.")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"Slack needs an https address for this server, but it is {url!r}. Give --public-url "
            "https://chat.example.org, or leave out --http and --many: Socket Mode needs no address."
        )
    return url


def _manifest(settings: Config, name: str, url: str, *, many: bool, older: bool) -> bytes:
    from adapters.slack.manifest import manifest

    description = settings.site.description
    made = manifest(
        name=name or settings.site.name,
        description="" if description.endswith(_PLACEHOLDER) else description,
        view="assistant" if older else "agent",
        prompts=settings.slack.suggestions.get(settings.language.default, ()),
        public_url=url,
        many=many,
    )
    return (json.dumps(made, ensure_ascii=False, indent=2) + "\n").encode()


def _addition(tree: dict[str, Any], url: str, *, many: bool) -> str:
    lines = 'mode = "http"                  # events come to /slack/events\n' if url else ""
    if many:
        lines += 'client_id = ""                 # of the app\'s page Basic Information\n'
    server = _SERVER.format(url=json.dumps(url)) if url and "server" not in tree else ""
    return server + _SECTION.format(lines=lines)


def _append(file: Path, text: str) -> None:
    """Add to the end, in the file's own line ends. What stood there stays as it is, even when the disk is full."""
    before = file.read_bytes()
    ends = b"" if not before or before.endswith(b"\n") else b"\n"
    added = ends + text.encode()
    if b"\r\n" in before:
        added = added.replace(b"\n", b"\r\n")
    tomllib.loads((before + added).decode("utf-8-sig"))
    try:
        with file.open("r+b") as out:
            out.seek(0, 2)
            try:
                out.write(added)
                out.flush()
            except OSError:
                out.truncate(len(before))
                raise
    except OSError as error:
        raise UsageError(f"Cannot write to {file}: {error.strerror}. It is as it was.") from None


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}. Nothing was changed.") from None


def _steps(settings: Config, tree: dict[str, Any], url: str, *, many: bool) -> Sequence[str]:
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
