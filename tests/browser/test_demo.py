"""The whole product, as a stranger meets it: the demo's page in Chromium before a real server that really dies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bench.server import Server


class Demo(Server):
    """`frontdesk demo`, answering slowly enough to be cut off in the middle."""

    def command(self) -> list[str]:
        return ["demo", "--data", str(self.folder / "data"), "--port", str(self.port)]


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    server = Demo(tmp_path, {"engine.quote.delay_ms": 60})
    await server.start()
    yield server
    await server.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, demo: Demo) -> AsyncIterator[Page]:
    context = await browser.new_context(reduced_motion="reduce", locale="en-GB")
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
    page.on("request", lambda request: problems.append(request.url) if demo.address not in request.url else None)
    await page.goto(demo.address)
    await page.evaluate("window.Frontdesk.open()")
    yield page
    await context.close()
    assert problems == []


async def ask(page: Page, text: str) -> None:
    field = page.locator("frontdesk-chat textarea")
    await field.fill(text)
    await field.press("Enter")


async def test_an_answer_streams_in_with_its_source_which_opens(page: Page, demo: Demo) -> None:
    """Ask, watch it arrive, open the source that it cites."""
    await ask(page, "How much does shipping to Germany cost?")
    log = page.locator("frontdesk-chat [role=log]")
    await expect(log).to_contain_text("€")
    source = page.locator("frontdesk-chat a[href*='/web/source']").first
    await expect(source).to_be_visible()
    address = await source.get_attribute("href")
    assert address
    response = await page.request.get(address if address.startswith("http") else demo.address + address)
    assert response.ok
    assert "Germany" in await response.text()


async def test_an_answer_that_was_cut_off_by_a_crash_is_shown_once(page: Page, demo: Demo) -> None:
    """kill -9 while an answer streams, start again: the page resumes it, whole and without a duplicate."""
    question = "How much does shipping to Germany cost?"
    await ask(page, question)
    answer = page.locator("frontdesk-chat .exchange .answer .markdown")
    source = page.locator("frontdesk-chat a[href*='/web/source']").first
    await expect(answer).to_contain_text(re.compile(r"\w+ \w+ \w+"))
    await demo.kill()
    cut = await answer.inner_text()
    await demo.start()
    await expect(source).to_be_visible()
    whole = await answer.inner_text()
    await page.reload()
    await page.evaluate("window.Frontdesk.open()")
    await expect(source).to_be_visible()
    assert await answer.inner_text() == whole != cut
    assert await page.locator("frontdesk-chat .exchange").count() == 1


async def test_nonsense_is_declined_and_a_person_is_offered(page: Page) -> None:
    """What the knowledge does not hold is not made up."""
    await ask(page, "Who won the chess world championship of 1972?")
    await expect(page.locator("frontdesk-chat [role=log]")).to_contain_text("help@otterhaul.example")


@pytest.mark.parametrize(
    ("language", "question"), [("zh", "退货期限是多久？"), ("de", "Was kostet der Versand nach Deutschland?")]
)
async def test_visitors_are_answered_in_their_language(page: Page, language: str, question: str) -> None:
    """The answer, or the words around a quote, come in the language of the question."""
    await ask(page, question)
    answer = page.locator("frontdesk-chat [lang]").last
    await expect(answer).to_have_attribute("lang", language)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_no_page_of_the_demo_scrolls_sideways(browser: Browser, demo: Demo, width: int) -> None:
    """Phones included: a page that is wider than its window makes the open chat wider than the screen."""
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    for name in ("", "bikes.html", "workshop.html", "help.html"):
        await page.goto(f"{demo.address}/{name}")
        beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(beyond) == 0, name
    await context.close()
