"""axe-core, from the widget's own development dependencies, run inside a page."""

from __future__ import annotations

import fcntl
import subprocess
from functools import cache
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.conftest import REQUIRE_ALL, need

WIDGET = Path(__file__).parents[2] / "adapters" / "web" / "widget"
SCRIPT = WIDGET / "node_modules" / "axe-core" / "axe.min.js"


@cache
def source() -> str:
    """axe-core's own script; installed, as the lock file says, where it is missing."""
    with (WIDGET / "package-lock.json").open() as lock:  # tests run in several processes, and one may install
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not SCRIPT.exists():
            _install()
    return SCRIPT.read_text("utf-8")


def _install() -> None:
    installed = subprocess.run([need("npm"), "ci"], cwd=WIDGET, capture_output=True, text=True)
    if installed.returncode != 0:
        message = f"axe-core cannot be installed: npm ci in {WIDGET.name}: {installed.stderr[-300:]}"
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)


async def violations(page: Page) -> list[str]:
    """Every rule that axe finds broken on the page, in the widget or around it, with the elements concerned."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(f"() => {{ {source()} }}")
    found: list[str] = await page.evaluate(
        """async () => {
            const { violations } = await axe.run(document, { resultTypes: ['violations'] });
            return violations.map(({ id, nodes }) =>
                `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} (${node.failureSummary})`).join(' | ')}`);
        }"""
    )
    return found
