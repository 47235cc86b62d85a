"""The widget that is committed is the build of its source, small, and without the doors it must not have."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_ALL, need

SOURCE = Path(__file__).parents[2] / "adapters" / "web" / "widget"
BUILT = SOURCE.parent / "static" / "frontdesk.js"
LARGEST = 30 * 1024


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with exactly the tools that its lock file names."""
    need("node")
    folder = tmp_path_factory.mktemp("build") / "widget"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run([need("npm"), "ci", "--prefer-offline"], cwd=folder, capture_output=True, text=True)
    if installed.returncode != 0:
        message = f"npm ci failed: {installed.stderr[-500:]}"
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)
    return folder


def test_the_committed_file_is_the_build_of_its_source(toolchain: Path, tmp_path: Path) -> None:
    """Whoever reads the source has read what runs: npm ci and the build give the committed bytes."""
    built = tmp_path / "frontdesk.js"
    subprocess.run(["node", "build.mjs", str(built)], cwd=toolchain, check=True)
    assert built.read_bytes() == BUILT.read_bytes(), "run `npm run build` in adapters/web/widget and commit the result"


def test_the_source_is_sound(toolchain: Path) -> None:
    """The strictest type check finds nothing."""
    checked = subprocess.run(["npx", "--no-install", "tsc", "--noEmit"], cwd=toolchain, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_it_is_small() -> None:
    """One file of at most 30 KB, gzipped."""
    assert len(gzip.compress(BUILT.read_bytes(), 9)) <= LARGEST


def test_there_is_no_way_from_text_to_code() -> None:
    """None of the interfaces that parse markup or run strings is even named in the source."""
    doors = (
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|srcdoc"
        r"|\beval\b|new Function"
    )
    for file in sorted((SOURCE / "src").rglob("*.ts")):
        assert not re.search(doors, file.read_text("utf-8")), file.name


def test_nothing_is_copied_in() -> None:
    """No runtime dependency, and every tool pinned to one version."""
    package = json.loads((SOURCE / "package.json").read_text("utf-8"))
    assert "dependencies" not in package
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())


def test_every_variable_of_the_theme_is_documented() -> None:
    """What a site may set stands in the README, and what stands there can be set."""
    named = set(re.findall(r"--frontdesk-[a-z-]+", (SOURCE / "src" / "theme.css").read_text("utf-8")))
    told = set(re.findall(r"--frontdesk-[a-z-]+", (SOURCE / "README.md").read_text("utf-8")))
    assert named - {"--frontdesk-"} == told - {"--frontdesk-"}


def test_no_file_grows_too_long() -> None:
    """A file that one can read in a sitting."""
    for file in sorted((SOURCE / "src").rglob("*.ts")):
        assert len(file.read_text("utf-8").splitlines()) <= 300, file.name
