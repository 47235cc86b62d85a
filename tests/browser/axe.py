"""axe-core, from the widget's own development dependencies, run inside a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.conftest import REQUIRE_ALL

SCRIPT = Path(__file__).parents[2] / "adapters" / "web" / "widget" / "node_modules" / "axe-core" / "axe.min.js"


@cache
def source() -> str:
    if not SCRIPT.exists():
        message = "axe-core is not installed: run `npm ci` in adapters/web/widget"
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)
    return SCRIPT.read_text("utf-8")


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
