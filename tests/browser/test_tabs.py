"""One visitor, several tabs."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk


async def test_what_is_said_in_one_tab_is_seen_in_the_other(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Question and answer stream into both; the one who asked second is the same visitor."""
    context = await arrive.context()
    one, two = await arrive.page(context), await arrive.page(context)
    await one.open()
    said = await one.say("From the first tab")
    await two.open()
    await expect(two.questions).to_have_text("You:From the first tab")
    await server.until(lambda: server.streams() == 2)
    server.write(said, "To **both")
    for tab in (one, two):
        await expect(tab.text()).to_have_text("To both")
    server.finish(said)
    back = await two.say("From the second tab")
    assert back.conversation == said.conversation
    await expect(one.questions.last).to_have_text("You:From the second tab")
    server.finish(back, "To both again")
    await expect(one.text()).to_have_text("To both again")
    # Chromium may show a tab the other's token a moment too late; one that was fetched in vain is used by nobody.
    assert {visitor for visitor, _ in server.rooms} == {said.conversation[0]}


async def test_tabs_that_begin_at_once_are_one_visitor(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """None has a token yet, all write: one visitor, one conversation."""
    context = await arrive.context()
    tabs = [await arrive.page(context) for _ in range(3)]
    for tab in tabs:
        await tab.page.evaluate("Frontdesk.open()")
    said = await asyncio.gather(*(tab.say(f"Tab {n}") for n, tab in enumerate(tabs)))
    assert len({one.conversation for one in said}) == 1
    for tab in tabs:
        await expect(tab.questions).to_have_count(3)


async def test_a_signed_in_tab_and_one_that_is_not_do_not_fight(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """A tab from before the sign-in stays somebody else; neither takes the other's token, nor its conversation."""
    context = await arrive.context()
    before = await arrive.page(context)
    await before.open()
    nobodys = await before.say("Nobody's")
    after = await arrive.page(context, identity="anna")
    await after.open()
    annas = await after.say("Anna's")
    assert annas.conversation[0] == "person-anna"
    server.finish(annas, "For Anna")
    server.finish(nobodys, "For nobody")
    await expect(after.text()).to_have_text("For Anna")
    await expect(before.text()).to_have_text("For nobody")
    for tab in (before, after):
        await expect(tab.exchanges).to_have_count(1)
    assert server.sessions == 2


async def test_a_thumb_shows_in_the_other_tab(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Tabs tell each other what the server does not tell them."""
    context = await arrive.context()
    one = await arrive.page(context)
    await one.open()
    said = await one.say("Rate me")
    server.finish(said, "Please do")
    two = await arrive.page(context)
    await two.open()
    await expect(two.text()).to_have_text("Please do")
    await one.answer().get_by_role("button", name="Helpful", exact=True).click()
    thumb = two.answer().get_by_role("button", name="Helpful", exact=True)
    await expect(thumb).to_have_attribute("aria-pressed", "true")


async def test_a_new_conversation_begins_in_all_tabs(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Nobody goes on writing into a conversation that was left."""
    context = await arrive.context()
    one, two = await arrive.page(context), await arrive.page(context)
    await one.open()
    await one.say("Old")
    await two.open()
    await expect(two.questions).to_have_count(1)
    await one.panel.get_by_role("button", name="New conversation").click()
    await expect(two.exchanges).to_have_count(0)
    said = await two.say("New")
    await expect(one.questions).to_have_text("You:New")
    assert said.conversation[1] != "main"


async def test_what_was_read_in_one_tab_is_read_in_the_other(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """The badge goes when the answer was seen anywhere."""
    context = await arrive.context()
    one, two = await arrive.page(context), await arrive.page(context)
    await one.open()
    said = await one.say("Ping")
    await one.field.press("Escape")
    await server.until(lambda: server.streams() == 2)
    server.finish(said, "Pong")
    for tab in (one, two):
        await expect(tab.widget.locator(".badge")).to_have_text("1")
    await two.open()
    for tab in (one, two):
        await expect(tab.widget.locator(".badge")).to_be_hidden()


async def test_a_tab_in_the_background_gives_its_stream_back(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Browsers open few connections to one server: after a while unseen a tab needs none, and then misses nothing."""
    context = await arrive.context()
    await context.clock.install()
    visitor = await arrive.page(context)
    await visitor.open()
    said = await visitor.say("Take your time")
    turn = """(hidden) => {
        Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    await visitor.page.evaluate(turn, True)
    await context.clock.fast_forward(21_000)
    await server.until(lambda: server.streams() == 0)
    server.finish(said, "Here it is")
    await visitor.page.evaluate(turn, False)
    await expect(visitor.text()).to_have_text("Here it is")


async def test_a_tab_that_opens_offline_messages_does_not_send_them_twice(
    arrive: Arrivals, server: FakeFrontdesk
) -> None:
    """Both tabs show what waits and both try to send it: the server hears one message, each tab shows one."""
    context = await arrive.context()
    one, two = await arrive.page(context), await arrive.page(context)
    for tab in (one, two):
        await tab.open()
    await context.set_offline(True)
    await one.field.fill("Only once")
    await one.field.press("Enter")
    await expect(two.exchanges.get_by_text("Waiting to be sent")).to_be_visible()
    await context.set_offline(False)
    said = await server.heard("Only once")
    await server.until(lambda: server.streams() == 2)
    server.finish(said, "Heard once")
    for tab in (one, two):
        await expect(tab.text()).to_have_text("Heard once")
        await expect(tab.exchanges).to_have_count(1)
    assert len(server.said) == 1
