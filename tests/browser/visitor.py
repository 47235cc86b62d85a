"""What a visitor sees and does, in the words of the tests."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.browser.fake_frontdesk import FakeFrontdesk, Said


class Visitor:
    def __init__(self, page: Page, server: FakeFrontdesk) -> None:
        self.page = page
        self.server = server
        self.widget = page.locator("frontdesk-chat")
        self.launcher = self.widget.locator(".launcher")
        self.panel = self.widget.locator(".panel")
        self.field = self.widget.locator(".field textarea")
        self.send_button = self.widget.locator(".send")
        self.stop_button = self.panel.get_by_role("button", name="Stop answering")
        self.notice = self.widget.locator(".notice")
        self.exchanges = self.widget.locator(".exchange")
        self.questions = self.widget.locator(".question:visible")
        self.answers = self.widget.locator(".exchange .answer:visible")
        self.posts = self.widget.locator(".post:visible")
        self.header = self.widget.locator(".header")
        self.announced = self.widget.locator("[role=log]")

    async def open(self) -> None:
        await self.launcher.click()
        await expect(self.field).to_be_focused()

    async def say(self, text: str) -> Said:
        """Write, press Enter, and wait until the server has it and this page listens."""
        await self.field.fill(text)
        await self.field.press("Enter")
        said = await self.server.heard(text)
        await self.server.until(lambda: self.server.rooms[said.conversation].streams)
        return said

    def answer(self, index: int = -1) -> Locator:
        return self.exchanges.nth(index).locator(".answer")

    def text(self, index: int = -1) -> Locator:
        return self.answer(index).locator(".markdown")

    async def html(self, index: int = -1) -> str:
        """The answer's inner structure, as Chromium writes it out."""
        html: str = await self.text(index).evaluate("element => element.innerHTML")
        return html

    async def storage(self) -> dict[str, str]:
        stored: dict[str, str] = await self.page.evaluate("() => ({...localStorage})")
        return stored
