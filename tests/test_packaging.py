"""What is shipped and what importing costs are behaviour too."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "sentence_transformers", "numpy", "slack_bolt", "telegram", "aiohttp", "langdetect")


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter holds after `statement`."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(found.stdout.split())


def test_importing_bot_is_light() -> None:
    """Law 7: `import bot` loads no model, no channel, nothing heavy."""
    assert loaded_by("import bot").isdisjoint(HEAVY)


def test_the_command_line_is_quick_to_ask_for_help() -> None:
    """`--help` loads neither a model nor a server."""
    assert loaded_by("import bot.cli").isdisjoint(HEAVY)


def test_a_desk_loads_no_model_library_and_no_foreign_channel() -> None:
    """With the built-in answerer nothing of torch or of a channel's SDK is imported."""
    heavy = {"torch", "transformers", "sentence_transformers", "slack_bolt", "telegram"}
    assert loaded_by("import bot.desk, bot.server, adapters.web").isdisjoint(heavy)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return archive.namelist()


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: list[str]) -> None:
    """Four packages; no tests, no benchmarks, no node_modules, no widget source."""
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bot", "adapters", "prompts", "storage"}
    assert not [name for name in wheel if "node_modules" in name or "/widget/" in name]


@pytest.mark.parametrize(
    "needed",
    [
        "adapters/web/static/frontdesk.js",
        "bot/demo/frontdesk.toml",
        "bot/demo/site/index.html",
        "bot/demo/knowledge/en/",
        "bot/demo/knowledge/zh/",
        "bot/phrases/en.toml",
        "bot/stop_words.toml",
        "prompts/library/en/answer.md",
        "prompts/library/zh/answer.md",
        "bot/engine/local/native/source/native.cpp",
        "bot/engine/local/native/source/forward.hpp",
        "bot/py.typed",
    ],
)
def test_the_wheel_holds_the_files_that_code_reads(wheel: list[str], needed: str) -> None:
    """A file that is missing from the wheel is found here and not by a user."""
    assert any(name.startswith(needed) for name in wheel)


def test_every_constraint_is_a_version_that_the_project_admits() -> None:
    """`constraints.txt` pins every direct dependency, inside the range of `pyproject.toml`."""
    import tomllib

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["semantic"]]
    for requirement in map(Requirement, [*wanted, *project["optional-dependencies"]["dev"]]):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"
