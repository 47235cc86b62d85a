"""What a visitor does on a good day."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.visitor import Visitor


async def test_an_idle_visitor_costs_the_server_nothing(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Until the panel is opened nothing is asked but the script; until something is said, nothing but the texts."""
    visitor = await arrive.visitor()
    assert {path for _, path in server.requests if path != "/page"} == {"frontdesk.js"}
    await visitor.open()
    await expect(visitor.panel.get_by_text("Hello, what would you like to know?")).to_be_visible()
    assert {path for _, path in server.requests if path != "/page"} == {"frontdesk.js", "config"}
    assert await visitor.storage() == {}


async def test_a_question_streams_into_an_answer_with_its_sources(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Dots, then growing text, then the final text with numbered sources that open."""
    said = await visitor.say("How long is delivery?")
    await expect(visitor.answer().get_by_role("img", name="The assistant is writing")).to_be_visible()
    server.write(said, "Delivery takes **two")
    await expect(visitor.text()).to_have_text("Delivery takes two")
    server.write(said, " days** [1].")
    await expect(visitor.text()).to_have_text("Delivery takes two days 1.")
    server.finish(
        said,
        citations=[{"number": 1, "title": "Delivery", "url": "/web/source?location=delivery.md"}],
    )
    source = visitor.text().get_by_role("link", name="Source 1: Delivery")
    await expect(source).to_have_attribute("href", f"{server.url}/web/source?location=delivery.md")
    await expect(source).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(visitor.answer().locator(".sources a")).to_have_text("1Delivery")
    await expect(visitor.answer().locator(".typing")).to_be_hidden()
    assert server.posts[0]["language"] == "en"
    assert server.posts[0]["conversation"] == "main"
