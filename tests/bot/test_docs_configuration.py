"""The page about the configuration says what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot.config import SECRET_VARIABLES, Config, load

_DOCS = Path(__file__).parents[2] / "docs"
_PAGE = (_DOCS / "configuration.md").read_text("utf-8")
_ROWS = {
    match["key"]: (match["default"], match["meaning"])
    for match in re.finditer(r"^\| `(?P<key>[a-z_.]+)` \| (?P<default>.+?) \| (?P<meaning>.+) \|$", _PAGE, re.MULTILINE)
}


def _settings(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every key with its default, walked from the model."""
    for name, field in model.model_fields.items():
        if not path and name in ("root", "secrets"):
            continue
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from _settings(type(default), (*path, name))
        else:
            yield ".".join((*path, name)), default


def _written(default: Any) -> str:
    """A default as the page writes it."""
    if default is None:
        return "not set"
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    if isinstance(default, Path):
        default = str(default)
    return f"`{json.dumps(default, ensure_ascii=False)}`"


_SETTINGS = dict(_settings(Config))


@pytest.mark.parametrize("key", _SETTINGS)
def test_every_setting_is_documented_with_its_default_and_meaning(key: str) -> None:
    """A setting that is added or changed has to be told."""
    assert key in _ROWS, f"add a row for {key} to docs/configuration.md"
    default, meaning = _ROWS[key]
    assert default == _written(_SETTINGS[key])
    assert meaning[0].isupper() or meaning.startswith("`")
    assert meaning.rstrip("`").endswith((".", '."'))


def test_nothing_is_documented_that_does_not_exist() -> None:
    """A setting that is removed takes its row with it."""
    assert _ROWS.keys() == _SETTINGS.keys()


def test_every_section_has_a_heading() -> None:
    """Readers find a key by the table that it stands in."""
    sections = {key.split(".")[0] for key in _SETTINGS if "." in key}
    assert all(f"\n## `[{section}]`\n" in _PAGE for section in sections)


def test_every_secret_is_documented_and_no_other() -> None:
    """By the variable that it is read from."""
    told = re.findall(r"^\| `([A-Z_]+)` \|", _PAGE, re.MULTILINE)
    assert sorted(told) == sorted(SECRET_VARIABLES)


@pytest.mark.parametrize("page", ["api.md", "configuration.md", "deployment.md", "prompts.md"])
def test_examples_can_be_loaded(page: str, tmp_path: Path) -> None:
    """What a reader copies from the docs is a configuration."""
    examples = re.findall(r"```toml\n(.*?)```", (_DOCS / page).read_text("utf-8"), re.DOTALL)
    assert examples
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.toml"
        file.write_text(example, "utf-8")
        load(file, environ={})


def test_the_examples_variables_can_be_loaded() -> None:
    """The lines for a shell are the settings that they claim to be."""
    lines = re.findall(r"^(FRONTDESK_\w+)=(.+)$", _PAGE, re.MULTILINE)
    environ: Mapping[str, str] = {name: value.strip("\"'") for name, value in lines}
    config = load(environ=environ)
    assert config.site.name == "Green Door Books"
    assert config.web.origins == ("https://www.example.org",)
    assert config.engine.openai.base_url == "http://127.0.0.1:11434/v1"
