"""The widget's figures: its size, axe-core's findings, and hostile text at every split position.

    python -m bench.widget

Needs Chromium and the widget's development dependencies (`npm ci` in adapters/web/widget). Prints one JSON object and
ends with 1 when a bar is missed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import sys
import time
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.axe import violations
from tests.browser.conftest import FLAGS
from tests.browser.fake_frontdesk import WIDGET, FakeFrontdesk
from tests.browser.hostile import HostileBench
from tests.browser.test_markdown import STORY
from tests.browser.visitor import Visitor
from tests.browser.xss_corpus import CORPUS

LARGEST = 30 * 1024


async def hostile(browser: Browser) -> dict[str, Any]:
    """Every string of the corpus as an answer, seen after each of its characters."""
    server = FakeFrontdesk()
    await server.start()
    context = await browser.new_context(reduced_motion="reduce")
    began = time.perf_counter()
    bench = await HostileBench.open(context, server)
    await bench.stream(CORPUS)
    await context.close()
    await server.close()
    kinds = [finding.split(" ", 1)[0] for finding in bench.findings]
    return {
        "strings": len(CORPUS),
        "split_positions": sum(map(len, CORPUS)),
        "inspections": bench.looks,
        "executions": sum(kind in ("call", "dialog", "console", "error", "popup") for kind in kinds),
        "foreign_requests": kinds.count("request"),
        "wrong_nodes_or_links": sum(kind in ("element", "attribute", "link") for kind in kinds),
        "seconds": round(time.perf_counter() - began, 1),
    }


async def accessibility(browser: Browser) -> dict[str, int]:
    """axe-core's violations, by scheme, direction and state."""
    found: dict[str, int] = {}
    for scheme in ("light", "dark"):
        for direction, query in (("ltr", "lang=en"), ("rtl", "lang=ar&dir=rtl")):
            server = FakeFrontdesk()
            await server.start()
            context = await browser.new_context(reduced_motion="reduce", color_scheme=scheme)
            page = await context.new_page()
            await page.goto(f"{server.url}/page?{query}")
            visitor = Visitor(page, server)
            await expect(visitor.launcher).to_be_visible()
            found[f"{scheme} {direction} closed"] = len(await violations(page))
            await visitor.open()
            said = await visitor.say("Tell me a story")
            server.finish(said, STORY)
            await expect(visitor.text().locator("table")).to_be_visible()
            found[f"{scheme} {direction} open"] = len(await violations(page))
            await context.close()
            await server.close()
    return found


async def measure(chromium: str) -> dict[str, Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        try:
            return {
                "gzip_bytes": len(gzip.compress(WIDGET.read_bytes(), 9)),
                "bytes": WIDGET.stat().st_size,
                "axe_violations": await accessibility(browser),
                "hostile": await hostile(browser),
            }
        finally:
            await browser.close()


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is not installed: install it, then try again.", file=sys.stderr)
        return 1
    result = asyncio.run(measure(chromium))
    print(json.dumps(result, indent=2))
    hostile_result = result["hostile"]
    clean = not any(hostile_result[key] for key in ("executions", "foreign_requests", "wrong_nodes_or_links"))
    return 0 if clean and not any(result["axe_violations"].values()) and result["gzip_bytes"] <= LARGEST else 1


if __name__ == "__main__":
    sys.exit(main())
