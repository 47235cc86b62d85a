"""`frontdesk add slack`, `keys encryption`, and what the doctor says of channels: as an operator meets them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from adapters.base import Adapter, Finding
from bot import desk
from bot.cli import checks
from bot.config import Config, HandoverConfig, Secrets, load
from tests.bot.test_cli import frontdesk

URL = "https://chat.example.org"
_STEP = re.compile(r"^ ?(\d+)\. ", re.MULTILINE)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert frontdesk("init", "shop", "--name", "Green Door", cwd=folder).returncode == 0
    return folder / "shop"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project as `init` makes it; a copy of its own for each test."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


def _manifest(project: Path) -> dict[str, dict[str, object]]:
    made: dict[str, dict[str, object]] = json.loads((project / "slack-manifest.json").read_text("utf-8"))
    return made


def test_slack_is_added(project: Path) -> None:
    """The file keeps every byte, Slack is on, the manifest is the project's, and the steps are numbered."""
    before = (project / "frontdesk.toml").read_bytes()
    told = frontdesk("add", "slack", cwd=project)
    assert told.returncode == 0, told.stderr
    after = (project / "frontdesk.toml").read_bytes()
    assert after.startswith(before)
    assert load(project / "frontdesk.toml", environ={}).slack.enabled
    assert _manifest(project)["display_information"]["name"] == "Green Door"
    assert "in a sentence" not in json.dumps(_manifest(project))
    assert _manifest(project)["settings"]["socket_mode_enabled"] is True
    steps = [int(number) for number in _STEP.findall(told.stdout)]
    assert steps == list(range(1, len(steps) + 1))
    for words in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "connections:write", "frontdesk doctor", "From a manifest"):
        assert words in told.stdout
    assert "SIGNING" not in told.stdout


def test_what_is_commented_can_be_uncommented(project: Path) -> None:
    """The section with every example of it turned on is a configuration."""
    assert frontdesk("add", "slack", cwd=project).returncode == 0
    text = (project / "frontdesk.toml").read_text("utf-8")
    at = text.index("[slack]")
    (project / "all.toml").write_text(re.sub(r"(?m)^# (?=[\[a-z])", "", text[at:]), "utf-8")
    whole = load(project / "all.toml", environ={})
    assert whole.handover.channel == "slack"
    assert whole.slack.suggestions["en"]
    assert whole.slack.teams == ("T0123456789",)


def test_slack_is_added_once(project: Path) -> None:
    """A second time nothing changes, and it is said what to do; the manifest alone can be written again."""
    assert frontdesk("add", "slack", cwd=project).returncode == 0
    files = {file: file.read_bytes() for file in project.iterdir() if file.is_file()}
    again = frontdesk("add", "slack", "--http", "--public-url", URL, cwd=project)
    assert again.returncode == 2
    assert "--manifest-only" in again.stderr
    assert {file: file.read_bytes() for file in files} == files
    anew = frontdesk(
        "add", "slack", "--manifest-only", "--http", "--public-url", URL, "--name", "Blue", "--assistant-view",
        cwd=project,
    )  # fmt: skip
    assert anew.returncode == 0, anew.stderr
    assert _manifest(project)["display_information"]["name"] == "Blue"
    assert "assistant_view" in _manifest(project)["features"]
    assert (project / "frontdesk.toml").read_bytes() == files[project / "frontdesk.toml"]


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "[site]\r\nname = 'x'\r\n", "\ufeff[site]\nname = 'x'", "data = 'd' # end"]
)
def test_the_rest_of_the_file_stays(tmp_path: Path, text: str) -> None:
    """Whatever its ends of line, with or without a last one."""
    file = tmp_path / "frontdesk.toml"
    file.write_bytes(text.encode())
    told = frontdesk("add", "slack", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    after = file.read_bytes()
    assert after.startswith(text.encode())
    assert tomllib.loads(after.decode("utf-8-sig"))["slack"]["enabled"] is True
    if "\r\n" in text:
        assert after.count(b"\n") == after.count(b"\r\n")


def test_over_http(project: Path) -> None:
    """The address goes into the manifest, and what it needs is said."""
    told = frontdesk("add", "slack", "--http", "--public-url", URL + "/", cwd=project)
    assert told.returncode == 0, told.stderr
    assert load(project / "frontdesk.toml", environ={}).slack.mode == "http"
    assert f"{URL}/slack/events" in json.dumps(_manifest(project))
    assert "SLACK_SIGNING_SECRET" in told.stdout
    assert "SLACK_APP_TOKEN" not in told.stdout
    assert f'public_url = "{URL}"' in told.stdout  # [server] is there already: it is the operator's to change


def test_many_workspaces(tmp_path: Path) -> None:
    """OAuth is explained, the address is set where it can be, and the doctor names what is missing."""
    (tmp_path / "frontdesk.toml").write_text("[site]\nname = 'x'\n", "utf-8")
    told = frontdesk("add", "slack", "--many", "--public-url", URL, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    settings = load(tmp_path / "frontdesk.toml", environ={})
    assert settings.server.public_url == URL
    assert settings.slack.mode == "http"
    for words in ("client_id", "SLACK_CLIENT_SECRET", "frontdesk keys encryption", f"{URL}/slack/install"):
        assert words in told.stdout
    assert "SLACK_BOT_TOKEN" not in told.stdout


def test_the_public_address_may_be_set_already(tmp_path: Path) -> None:
    """Then it is taken, and another one is refused."""
    (tmp_path / "frontdesk.toml").write_text(f"[server]\npublic_url = '{URL}'\n", "utf-8")
    other = frontdesk("add", "slack", "--http", "--public-url", "https://other.example.org", cwd=tmp_path)
    assert other.returncode == 2
    assert URL in other.stderr
    assert frontdesk("add", "slack", "--http", cwd=tmp_path).returncode == 0
    assert f"{URL}/slack/events" in json.dumps(_manifest(tmp_path))


@pytest.mark.parametrize("url", ["", "http://chat.example.org", "chat.example.org", "https://", "https://x.org/?a=b"])
def test_slack_needs_https(project: Path, url: str) -> None:
    """Before anything is written."""
    before = (project / "frontdesk.toml").read_bytes()
    told = frontdesk("add", "slack", "--http", "--public-url", url, cwd=project)
    assert told.returncode == 2
    assert "https" in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before
    assert not (project / "slack-manifest.json").exists()


def test_without_a_project_it_is_said_what_to_do(tmp_path: Path) -> None:
    """Before `frontdesk init`, and for a file that does not exist."""
    for arguments in ((), ("--config", "none.toml")):
        told = frontdesk("add", "slack", *arguments, cwd=tmp_path)
        assert told.returncode == 2
        assert "frontdesk init" in told.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_of_somebody_s_is_not_overwritten(project: Path) -> None:
    """It may hold what they changed by hand."""
    (project / "slack-manifest.json").write_text("{}", "utf-8")
    before = (project / "frontdesk.toml").read_bytes()
    told = frontdesk("add", "slack", cwd=project)
    assert told.returncode == 2
    assert "exists already" in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_written_is_said(project: Path) -> None:
    """Nothing is left half done."""
    before = (project / "frontdesk.toml").read_bytes()
    project.chmod(0o500)
    try:
        told = frontdesk("add", "slack", cwd=project)
    finally:
        project.chmod(0o700)
    assert told.returncode == 2
    assert "Cannot write" in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before


def test_a_wrong_configuration_is_said_first(project: Path) -> None:
    """Not made longer."""
    (project / "frontdesk.toml").write_text("[slak]\n", "utf-8")
    told = frontdesk("add", "slack", cwd=project)
    assert told.returncode == 2
    assert "slak" in told.stderr


def test_a_key_for_encryption_is_printed(tmp_path: Path) -> None:
    """Alone on standard output, so that it can be assigned; a new one each time."""
    keys = [frontdesk("keys", "encryption", cwd=tmp_path) for _ in range(2)]
    assert all(Fernet(key.stdout.strip()) for key in keys)
    assert keys[0].stdout != keys[1].stdout
    assert "FRONTDESK_ENCRYPTION_KEY" in keys[0].stderr
    assert list(tmp_path.iterdir()) == []


# -- the doctor --------------------------------------------------------------------------------------------
class Telling:
    """A channel that has something to say of itself."""

    name = "telling"

    def __init__(self, *found: Finding, error: Exception | None = None) -> None:
        self._found, self._error, self.closed = found, error, False

    async def check(self) -> Sequence[Finding]:
        if self._error:
            raise self._error
        return self._found

    async def close(self) -> None:
        self.closed = True


async def _said(monkeypatch: pytest.MonkeyPatch, config: Config, *made: object) -> list[Finding]:
    monkeypatch.setattr(desk, "adapters_of", lambda *_: list(made))
    return [finding for finding in await checks._channels(config) if finding.subject != "channels"]


async def test_channels_speak_for_themselves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their findings are shown, one that breaks is named and hides none, and each is closed."""
    good, broken = Telling(Finding("good", "telling", "fine")), Telling(error=RuntimeError("secret-1"))
    said = await _said(monkeypatch, Config(data=tmp_path), broken, good)
    assert [(finding.state, finding.subject) for finding in said] == [("bad", "telling"), ("good", "telling")]
    assert "RuntimeError" in said[0].text
    assert "secret-1" not in said[0].text
    assert good.closed and broken.closed


async def test_a_channel_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The doctor ends, whatever a channel does."""

    class Silent(Telling):
        async def check(self) -> Sequence[Finding]:
            await asyncio.Event().wait()
            return ()

    monkeypatch.setattr(checks, "_CHANNEL_SECONDS", 0.01)
    said = await _said(monkeypatch, Config(data=tmp_path), Silent())
    assert [(finding.state, "no answer" in finding.text) for finding in said] == [("bad", True)]


async def test_a_desk_that_is_not_set_up_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Cases would be posted nowhere."""
    config = Config(data=tmp_path, handover=HandoverConfig(channel="slack"))
    said = await _said(monkeypatch, config, Telling())
    assert [(finding.state, finding.subject) for finding in said] == [("bad", "hand-over")]


async def test_no_finding_shows_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even when the channel repeats what it was given."""
    config = Config(data=tmp_path, secrets=Secrets(slack_bot_token=SecretStr("xoxb-test-secret")))

    def made(*_: object) -> list[Adapter]:
        return [Telling(Finding("bad", "telling", "Refused: xoxb-test-secret"))]  # type: ignore[list-item]  # a double

    monkeypatch.setattr(desk, "adapters_of", made)
    found = await checks.examine(config)
    assert any("Refused: …" in finding.text for finding in found)
    assert "xoxb-test-secret" not in str(found)


def test_the_doctor_names_what_slack_needs(project: Path) -> None:
    """Turned on without its secrets, it is not well, and the sentence says which: a token first, then a way in."""
    assert frontdesk("add", "slack", cwd=project).returncode == 0
    for given, missing in (({}, "SLACK_BOT_TOKEN"), ({"SLACK_BOT_TOKEN": "xoxb-test"}, "SLACK_APP_TOKEN")):
        told = frontdesk("doctor", cwd=project, FRONTDESK_SERVER__PORT="0", **given)
        assert told.returncode == 1
        assert missing in told.stdout
        assert "Traceback" not in told.stderr


def test_without_slack_s_sdk(project: Path, tmp_path: Path) -> None:
    """Slack can be added all the same; the steps and the doctor say what to install."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['slack_bolt'] = sys.modules['slack_sdk'] = None\n", "utf-8"
    )
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
    told = frontdesk("add", "slack", cwd=project, PYTHONPATH=path)
    assert told.returncode == 0, told.stderr
    assert "pip install 'frontdesk[slack]'" in told.stdout
    told = frontdesk("doctor", cwd=project, FRONTDESK_SERVER__PORT="0", PYTHONPATH=path)
    assert told.returncode == 1
    assert "pip install 'frontdesk[slack]'" in told.stdout
