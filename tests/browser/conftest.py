"""A browser for all tests here, and for each test its own visitor on a page of a strict fake server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.visitor import Visitor
from tests.conftest import need

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser serves all tests, so they share one event loop."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
        if "tests/browser" in str(item.path) and iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = need("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[FakeFrontdesk]:
    fake = FakeFrontdesk()
    await fake.start()
    yield fake
    await fake.close()
    assert fake.violations == []
    assert fake.csp_reports == []


class Arrivals:
    """Makes visitors; each has a browser context, so a storage, of their own."""

    def __init__(self, browser: Browser, server: FakeFrontdesk, stack: AsyncExitStack) -> None:
        self._browser = browser
        self._server = server
        self._stack = stack
        self.errors: list[str] = []

    async def context(self, **options: Any) -> BrowserContext:
        context = await self._browser.new_context(reduced_motion="reduce", **options)
        self._stack.push_async_callback(context.close)
        return context

    async def page(self, context: BrowserContext, **query: str) -> Visitor:
        page = await context.new_page()
        self._listen(page)
        await page.goto(f"{self._server.url}/page?{urlencode(query)}")
        visitor = Visitor(page, self._server)
        await expect(visitor.launcher).to_be_attached()
        return visitor

    async def visitor(self, *, options: dict[str, Any] | None = None, **query: str) -> Visitor:
        return await self.page(await self.context(**(options or {})), **query)

    def _listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self._heard(line.text))

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Trusted" in text:
            self.errors.append(text)


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(browser: Browser, server: FakeFrontdesk) -> AsyncIterator[Arrivals]:
    async with AsyncExitStack() as stack:
        arrivals = Arrivals(browser, server, stack)
        yield arrivals
        assert arrivals.errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(arrive: Arrivals) -> Visitor:
    """A visitor on a laptop, on an English page, with the panel open."""
    visitor = await arrive.visitor()
    await visitor.open()
    return visitor
