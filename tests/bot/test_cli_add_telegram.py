"""`frontdesk add telegram`, and what the doctor says of it: as an operator meets them, against a strict Bot API."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters.telegram.profile import LANGUAGES
from bot.config import load
from tests.bot.test_cli import LEAN, frontdesk
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

URL = "https://chat.example.org"
TOKEN = "123456:TEST-token"
_STEP = re.compile(r"^ ?(\d+)\. ", re.MULTILINE)
_COMMANDS = "setMyCommands", "setMyDescription", "setMyShortDescription", "setChatMenuButton"

Told = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert frontdesk("init", "shop", "--name", "Green Door", cwd=folder).returncode == 0
    return folder / "shop"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project as `init` makes it."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


async def _add(cwd: Path, telegram: FakeTelegram, *arguments: str, token: str = TOKEN, **environ: str) -> Told:
    """Run the command while the fake answers it."""
    given = {"TELEGRAM_BOT_TOKEN": token} if token else {}
    address = {"FRONTDESK_TELEGRAM__BASE_URL": telegram.http}
    told = await asyncio.to_thread(frontdesk, "add", "telegram", *arguments, cwd=cwd, **(given | address | environ))
    assert "Traceback" not in told.stderr
    assert TOKEN not in told.stdout + told.stderr
    return told


def _set(telegram: FakeTelegram, method: str) -> list[Any]:
    return [asked.given for asked in telegram.calls_of(method)]


async def test_telegram_is_added(project: Path) -> None:
    """The token is tried, Telegram is told everything, the file keeps every byte, and the steps are numbered."""
    before = (project / "frontdesk.toml").read_bytes()
    async with fake_telegram() as telegram:
        told = await _add(project, telegram)
        assert told.returncode == 0, told.stderr
        assert telegram.violations == []
        assert len(telegram.calls_of("getMe")) == 1
        for method in _COMMANDS[1:3]:
            assert len(telegram.calls_of(method)) == len(LANGUAGES)
        assert len(telegram.calls_of("setMyCommands")) == 2 * len(LANGUAGES)
        assert [given["menu_button"] for given in _set(telegram, "setChatMenuButton")] == [{"type": "commands"}]
        texts = [given["description"] for given in _set(telegram, "setMyDescription")]
    assert all("Green Door" in text and "in a sentence" not in text for text in texts)
    after = (project / "frontdesk.toml").read_bytes()
    assert after.startswith(before)
    assert TOKEN.encode() not in after
    assert load(project / "frontdesk.toml", environ={}).telegram.enabled
    steps = [int(number) for number in _STEP.findall(told.stdout)]
    assert steps == list(range(1, len(steps) + 1))
    for words in ("frontdesk doctor", "frontdesk run", "https://t.me/frontdesk_bot", "privacy mode", "topics"):
        assert words in told.stdout
    for words in ("WEBHOOK", "export TELEGRAM_BOT_TOKEN"):
        assert words not in told.stdout


async def test_what_is_commented_can_be_uncommented(project: Path) -> None:
    """The section with every example of it turned on is a configuration."""
    async with fake_telegram() as telegram:
        assert (await _add(project, telegram)).returncode == 0
    text = (project / "frontdesk.toml").read_text("utf-8")
    at = text.index("[telegram]")
    (project / "all.toml").write_text(re.sub(r"(?m)^# (?=[\[a-z])", "", text[at:]), "utf-8")
    whole = load(project / "all.toml", environ={})
    assert whole.handover.channel == "telegram"
    assert whole.telegram.chats == (-1001234567890,)


async def test_telegram_is_added_once(project: Path) -> None:
    """A second time nothing changes, here or there; what Telegram shows alone can be set again."""
    async with fake_telegram() as telegram:
        assert (await _add(project, telegram)).returncode == 0
        before = (project / "frontdesk.toml").read_bytes()
        calls = len(telegram.calls_of("getMe"))
        again = await _add(project, telegram)
        assert again.returncode == 2
        assert "--profile-only" in again.stderr
        assert len(telegram.calls_of("getMe")) == calls
        anew = await _add(project, telegram, "--profile-only", "--name", "Blue Door", FRONTDESK_ENGINE__KIND="echo")
        assert anew.returncode == 0, anew.stderr
        assert "Blue Door" in _set(telegram, "setMyDescription")[-1]["description"]
        named = [{one["command"] for one in given["commands"]} for given in _set(telegram, "setMyCommands")]
        assert "translate" not in named[0]  # nothing writes at first
        assert "translate" in named[-1]
    assert (project / "frontdesk.toml").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "[site]\r\nname = 'x'\r\n", "\ufeff[site]\nname = 'x'", "data = 'd' # end"]
)
async def test_the_rest_of_the_file_stays(tmp_path: Path, text: str) -> None:
    """Whatever its ends of line, with or without a last one."""
    file = tmp_path / "frontdesk.toml"
    file.write_bytes(text.encode())
    async with fake_telegram() as telegram:
        told = await _add(tmp_path, telegram)
    assert told.returncode == 0, told.stderr
    after = file.read_bytes()
    assert after.startswith(text.encode())
    assert tomllib.loads(after.decode("utf-8-sig"))["telegram"]["enabled"] is True
    if "\r\n" in text:
        assert after.count(b"\n") == after.count(b"\r\n")


async def test_by_webhook(tmp_path: Path) -> None:
    """The address is set where it can be, the secret is asked for, and its ports are Telegram's."""
    (tmp_path / "frontdesk.toml").write_text("[site]\nname = 'x'\n", "utf-8")
    async with fake_telegram() as telegram:
        told = await _add(tmp_path, telegram, "--webhook", "--public-url", URL + "/")
    assert told.returncode == 0, told.stderr
    settings = load(tmp_path / "frontdesk.toml", environ={})
    assert settings.server.public_url == URL
    assert settings.telegram.mode == "webhook"
    assert "TELEGRAM_WEBHOOK_SECRET" in told.stdout


async def test_a_server_s_section_is_the_operator_s(project: Path) -> None:
    """It is there already, so it is said what to change; an address that stands there is taken, and no other."""
    async with fake_telegram() as telegram:
        told = await _add(project, telegram, "--webhook", "--public-url", URL)
        assert told.returncode == 0, told.stderr
        assert f'public_url = "{URL}"' in told.stdout
        (project / "frontdesk.toml").write_text(f"[server]\npublic_url = '{URL}'\n", "utf-8")
        other = await _add(project, telegram, "--public-url", "https://other.example.org")
        assert other.returncode == 2
        assert URL in other.stderr
        assert (await _add(project, telegram, "--webhook")).returncode == 0


async def test_a_section_that_is_there_is_changed_by_hand(project: Path) -> None:
    """What to write in it for a webhook is said, since the steps of the documentation lead here."""
    async with fake_telegram() as telegram:
        assert (await _add(project, telegram)).returncode == 0
        before = (project / "frontdesk.toml").read_bytes()
        told = await _add(project, telegram, "--webhook", "--public-url", URL)
    assert told.returncode == 2 and 'mode = "webhook"' in told.stderr and "public_url" in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before


@pytest.mark.parametrize(
    "url",
    ["", "http://chat.example.org", "chat.example.org", "https://", "https://x.org/?a=b", "https://[", "https://x:0"],
)
def test_a_webhook_needs_https(project: Path, url: str) -> None:
    """Before anything is asked or written."""
    _refused(project, "https", "--webhook", "--public-url", url, token=TOKEN)


def test_telegram_knocks_at_few_ports(project: Path) -> None:
    """Of its own server; one that you run yourself may knock anywhere."""
    _refused(project, "8443", "--webhook", "--public-url", f"{URL}:9000", token=TOKEN)


@pytest.mark.parametrize(
    ("token", "says"),
    [("", "TELEGRAM_BOT_TOKEN"), ("not-a-token", "BotFather"), ("123456", "BotFather"), ("12:a/../getMe", "BotFather")],
)
def test_without_a_token_it_is_said_what_to_do(project: Path, token: str, says: str) -> None:
    """Where nobody can be asked, and for one that cannot be one; it is not shown."""
    told = _refused(project, says, token=token)
    if len(token) > 6:
        assert token not in told.stderr


@pytest.mark.parametrize("token", ["123456:TEST-other", "1:TEST"])
async def test_a_wrong_token_is_said(project: Path, token: str) -> None:
    """Nothing was changed, and the token is not shown."""
    before = (project / "frontdesk.toml").read_bytes()
    async with fake_telegram() as telegram:
        told = await _add(project, telegram, token=token)
        assert telegram.calls_of("setMyCommands") == []
    assert told.returncode == 2
    assert "/token" in told.stderr
    assert token not in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before


def test_without_a_network_it_is_said(project: Path) -> None:
    """Which address could not be reached, and what to look at."""
    nowhere = "http://127.0.0.1:9"
    told = _refused(project, nowhere, token=TOKEN, FRONTDESK_TELEGRAM__BASE_URL=nowhere)
    assert "telegram.base_url" in told.stderr
    assert TOKEN not in told.stderr


async def test_what_breaks_in_the_middle_is_said(project: Path) -> None:
    """The configuration is as it was, so that the command can simply be given again."""
    before = (project / "frontdesk.toml").read_bytes()
    async with fake_telegram() as telegram:
        telegram.fail_next("setMyDescription", "Bad Request: DESCRIPTION_WRONG", status=400)
        told = await _add(project, telegram)
        assert told.returncode == 2
        assert "setMyDescription" in told.stderr
        assert (project / "frontdesk.toml").read_bytes() == before
        telegram.fail_next("setMyCommands", status=502)  # a hiccup is no failure
        assert (await _add(project, telegram)).returncode == 0


async def test_what_botfather_decides_is_said_as_it_is(project: Path) -> None:
    """Privacy mode on or off, from what Telegram tells of the bot."""
    async with fake_telegram(privacy=False) as telegram:
        told = await _add(project, telegram)
    assert "privacy mode is off" in told.stdout
    assert "/setinline" not in told.stdout  # this bot has it


async def test_the_token_is_asked_for_where_somebody_is(project: Path) -> None:
    """It is typed unseen, and kept nowhere: it is said which variable to set."""
    async with fake_telegram() as telegram:
        master, slave = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("FRONTDESK_", "TELEGRAM_"))}
        ours = {"PYTHONPATH": str(Path(__file__).parents[2]), "FRONTDESK_TELEGRAM__BASE_URL": telegram.http}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "add", "telegram", cwd=project, env=clean | LEAN | ours, stdin=slave,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        assert process.stderr and process.stdout
        shown = await process.stderr.readuntil(b"Token: ")
        os.write(master, f"{TOKEN}\n".encode())
        shown += await process.stderr.read()
        told = (await process.stdout.read()).decode()
        assert await process.wait() == 0, shown
        try:
            echoed = os.read(master, 4_096)
        except OSError:  # nothing came back from the terminal, which is closed by now
            echoed = b""
        os.close(master)
    assert TOKEN.encode() not in shown + echoed
    assert "export TELEGRAM_BOT_TOKEN=…" in told
    assert TOKEN.encode() not in (project / "frontdesk.toml").read_bytes()


def test_without_a_project_it_is_said_what_to_do(tmp_path: Path) -> None:
    """Before `frontdesk init`, and for a file that does not exist."""
    for arguments in ((), ("--config", "none.toml")):
        told = frontdesk("add", "telegram", *arguments, cwd=tmp_path, TELEGRAM_BOT_TOKEN=TOKEN)
        assert told.returncode == 2
        assert "frontdesk init" in told.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("add", "telegram"), ("doctor",)])
def test_a_missing_sdk_is_said(project: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """By name, with what to install; the doctor goes on to say the rest."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['telegram'] = None\n", "utf-8")
    if command[0] == "doctor":
        with (project / "frontdesk.toml").open("a", encoding="utf-8") as file:
            file.write("[telegram]\nenabled = true\n")
    path = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))
    told = frontdesk(*command, cwd=project, TELEGRAM_BOT_TOKEN=TOKEN, PYTHONPATH=path, FRONTDESK_SERVER__PORT="0")
    assert told.returncode != 0
    assert "pip install 'frontdesk[telegram]'" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr
    if command[0] == "doctor":
        assert "engine" in told.stdout


async def test_the_doctor_asks_telegram(project: Path) -> None:
    """Who the bot is, and how updates come; it changes nothing."""
    async with fake_telegram() as telegram:
        assert (await _add(project, telegram)).returncode == 0
        calls = len(telegram.world.calls)
        environ = {"TELEGRAM_BOT_TOKEN": TOKEN, "FRONTDESK_TELEGRAM__BASE_URL": telegram.http}
        told = await asyncio.to_thread(frontdesk, "doctor", cwd=project, FRONTDESK_SERVER__PORT="0", **environ)
        assert told.returncode == 0, told.stdout
        assert {asked.method for asked in list(telegram.world.calls)[calls:]} <= {"getMe", "getWebhookInfo"}
    assert "@frontdesk_bot" in told.stdout
    assert TOKEN not in told.stdout


def test_the_doctor_names_the_token(project: Path) -> None:
    """Turned on without it, the bot is not well, and the sentence says which variable is missing."""
    with (project / "frontdesk.toml").open("a", encoding="utf-8") as file:
        file.write("[telegram]\nenabled = true\n")
    told = frontdesk("doctor", cwd=project, FRONTDESK_SERVER__PORT="0")
    assert told.returncode == 1
    assert "TELEGRAM_BOT_TOKEN" in told.stdout


def _refused(project: Path, says: str, *arguments: str, token: str, **environ: str) -> Told:
    """It is refused in a sentence, and nothing was changed."""
    before = (project / "frontdesk.toml").read_bytes()
    given = {"TELEGRAM_BOT_TOKEN": token} if token else {}
    told = frontdesk("add", "telegram", *arguments, cwd=project, **(given | environ))
    assert told.returncode == 2, told.stderr
    assert says in told.stderr
    assert "Traceback" not in told.stderr
    assert (project / "frontdesk.toml").read_bytes() == before
    return told
