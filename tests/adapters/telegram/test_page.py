"""docs/telegram.md says what is so: commands, settings, log lines, figures and links are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.commands import NAMES
from adapters.telegram.commands import topic
from adapters.telegram.routes import HEADER, PATH
from adapters.telegram.tables import WIDEST
from bot.config import SECRET_VARIABLES, Config, load

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs" / "telegram.md").read_text("utf-8")
_CODE = "\n".join(file.read_text("utf-8") for file in sorted((_ROOT / "adapters" / "telegram").glob("*.py")))


def _marked(pattern: str) -> list[str]:
    return sorted(set(re.findall(rf"`({pattern})`", _PAGE)))


def test_every_command_is_explained() -> None:
    """And none that is not there."""
    listed = re.findall(r"^\| `/(\w+)` \|", _PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(set(NAMES.values()))
    for command in re.findall(r"`/([a-z]+)\b", _PAGE):
        assert command in {*NAMES, "newbot", "token", "setprivacy", "setinline", "setjoingroups", "metrics", "telegram"}


@pytest.mark.parametrize("key", _marked(r"(?:telegram|server|privacy|handover|language|site)(?:\.[a-z_]+)+"))
def test_settings_are_there(key: str) -> None:
    """Whatever the page names is a setting, or a line of the log."""
    if f'"{key}"' in _CODE:
        return
    value: object = Config()
    for name in key.split("."):
        value = getattr(value, name)


def test_variables_are_there() -> None:
    for variable in _marked(r"TELEGRAM_[A-Z_]+"):
        assert variable in SECRET_VARIABLES


@pytest.mark.parametrize("metric", _marked(r"frontdesk_telegram_[a-z_]+"))
def test_figures_are_there(metric: str) -> None:
    assert f'"{metric.removeprefix("frontdesk_").removesuffix("_total")}"' in _CODE


def test_what_doctor_and_proxies_need_is_called_as_it_is() -> None:
    assert f"`https://chat.example.org{PATH}`" in _PAGE
    assert f"`{HEADER}`" in _PAGE
    assert f"at most {WIDEST} columns" in _PAGE


def test_deep_links_lead_where_the_page_says() -> None:
    """Words as they are, and the example in base64url."""
    assert topic("opening-hours") == "opening hours"
    found = re.search(r"<!-- example: deep link -->\n```sh\nprintf '(.+?)' .*# (\S+)\n", _PAGE)
    assert found
    assert topic(found[2]) == found[1]


def test_the_tables_are_a_configuration(tmp_path: Path) -> None:
    """Each example of the page, as somebody would copy it."""
    examples = re.findall(r"```toml\n(.*?)```", _PAGE, re.DOTALL)
    assert examples
    for number, text in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(text, "utf-8")
        load(file, environ={})
