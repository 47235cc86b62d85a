"""For everybody: by keyboard, by ear, on a phone, from right to left, in the dark, without motion."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.axe import violations
from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.test_markdown import STORY
from tests.browser.visitor import Visitor

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 780}, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_axe_finds_nothing(arrive: Arrivals, server: FakeFrontdesk, scheme: str, direction: str) -> None:
    """Closed, with a badge, empty, answering, answered, declined, failed, rated, offline: no violation of any rule."""
    query = {"ltr": {"lang": "en"}, "rtl": {"lang": "ar", "dir": "rtl"}}[direction]
    visitor = await arrive.visitor(options={"color_scheme": scheme}, **query)
    page = visitor.page
    assert await violations(page) == []
    await visitor.open()
    assert await violations(page) == []
    said = await visitor.say("Tell me a story")
    assert await violations(page) == []
    server.write(said, STORY[:200])
    await expect(visitor.text()).to_contain_text("DE")
    assert await violations(page) == []
    cited = [{"number": 1, "title": "List", "url": "https://docs.example/"}, {"number": 2, "title": "Book", "url": ""}]
    server.finish(said, f"{STORY} [1] [2]", citations=cited)
    await expect(visitor.answer().locator(".sources li")).to_have_count(2)
    await visitor.answer().locator(".actions button").nth(1).click()
    await expect(visitor.answer().locator(".comment textarea")).to_be_visible()
    server.finish(server.ask(said.conversation, "Unknown"), "I do not know.", finish_reason="declined")
    server.fail(server.ask(said.conversation, "Broken"), "That failed.")
    server.finish(server.ask(said.conversation, "Long"), "Cut", finish_reason="length")
    await page.context.set_offline(True)
    await visitor.field.fill("word " * 99)
    await visitor.field.press("Enter")
    await visitor.field.fill("x" * 501)
    await expect(visitor.widget.locator(".state .note")).to_be_visible()
    assert await violations(page) == []
    await visitor.field.press("Escape")
    assert await violations(page) == []


async def test_axe_looks_into_the_widget(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A test that cannot fail proves nothing: a button without a name and grey on grey are found in the shadow root."""
    await visitor.panel.evaluate(
        """panel => {
            const [button, words] = [document.createElement('button'), document.createElement('p')];
            words.textContent = 'Hardly to be seen';
            words.style.color = '#ddd';
            panel.prepend(button, words);
        }"""
    )
    found = " ".join(await violations(visitor.page))
    assert "button-name" in found
    assert "color-contrast" in found


async def test_axe_finds_nothing_on_a_phone(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Full screen, in both schemes."""
    for scheme in ("light", "dark"):
        visitor = await arrive.visitor(options={**PHONE, "color_scheme": scheme}, language="de")
        await visitor.open()
        said = await visitor.say(f"Eine Frage, {scheme}")
        server.finish(said, STORY)
        await expect(visitor.text().locator("table")).to_be_visible()
        assert await violations(visitor.page) == []


async def test_everything_can_be_reached_and_left_by_keyboard(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Enter opens, the field has the focus, Tab goes through all, Escape closes, and the focus is where it was."""
    visitor = await arrive.visitor()
    keyboard = visitor.page.keyboard
    await visitor.launcher.focus()
    await keyboard.press("Enter")
    await expect(visitor.field).to_be_focused()
    await keyboard.type("How long?")
    await keyboard.press("Enter")
    said = await server.heard("How long?")
    await expect(visitor.stop_button).to_be_visible()
    await keyboard.press("Shift+Tab")
    await expect(visitor.stop_button).to_be_focused()
    server.finish(said, "Two days [1].", citations=[{"number": 1, "title": "Delivery", "url": "https://docs.example/"}])
    await expect(visitor.answer().locator(".sources a")).to_be_visible()
    await expect(visitor.field).to_be_focused()  # the button has gone, and has not taken the focus along
    seen = []
    for _ in range(9):
        await keyboard.press("Shift+Tab")
        seen.append(await visitor.page.evaluate(FOCUSED))
    assert seen == ["Not helpful", "Helpful", "Copy answer", "1Delivery", "Source 1: Delivery", "Conversation",
                    "Close chat", "New conversation", "Ask us"]  # fmt: skip
    await visitor.field.focus()
    await keyboard.press("Escape")
    await expect(visitor.panel).to_be_hidden()
    await expect(visitor.launcher).to_be_focused()
    await expect(visitor.launcher).to_have_attribute("aria-expanded", "false")


FOCUSED = """() => {
    const element = document.activeElement.shadowRoot?.activeElement ?? document.activeElement;
    return element.getAttribute('aria-label') ?? element.textContent;
}"""


async def test_the_focus_is_always_visible(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Every control that the keyboard reaches shows that it has the focus."""
    said = await visitor.say("A table, please")
    server.finish(said, "| a |\n|---|\n| [x](https://partner.example/) |\n\n```\ncode\n```")
    await expect(visitor.text().locator("pre")).to_be_visible()
    for _ in range(11):
        await visitor.page.keyboard.press("Shift+Tab")
        if await visitor.page.evaluate("document.activeElement.localName !== 'frontdesk-chat'"):
            break
        outline = await visitor.page.evaluate(
            "() => getComputedStyle(document.activeElement.shadowRoot.activeElement).outlineStyle"
        )
        assert outline == "solid", await visitor.page.evaluate(FOCUSED)
    else:
        pytest.fail("the panel was never left")


async def test_sentences_are_announced_when_they_are_finished_and_once(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Not words, not marks, not a second time at the end; a failure is announced too."""
    said = await visitor.say("How long?")
    await expect(visitor.announced).to_have_attribute("aria-live", "polite")
    for piece, heard in [
        ("Delivery takes **two", []),
        (" to 3.5 days** [1]. It is", ["Delivery takes two to 3.5 days ."]),
        (" free.\n\n| Country | Days |\n|---|---|\n| Austria | 4 |", ["It is free.\nCountry, Days"]),
        ("\n\nAnd then", ["Austria, 4"]),
    ]:
        expected = await visitor.announced.locator("p").all_inner_texts() + heard
        server.write(said, piece)
        await visitor.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        await expect(visitor.announced.locator("p")).to_have_text(expected)
    server.finish(said)
    await expect(visitor.announced.locator("p").last).to_have_text("And then")
    await expect(visitor.announced.locator("p")).to_have_count(4)
    server.fail(server.ask(said.conversation, "And now?"), "That did not work.")
    await expect(visitor.announced.locator("p").last).to_have_text("That did not work.")


async def test_an_answer_that_was_replaced_is_announced_again(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Who heard words that turned out to be unsupported hears the ones that stand."""
    said = await visitor.say("Is it free?")
    server.write(said, "It is free. Always ")
    await expect(visitor.announced.locator("p").last).to_have_text("It is free.")
    server.finish(said, "It costs 5 €.")
    await expect(visitor.announced.locator("p").last).to_have_text("It costs 5 €.")


async def test_what_is_past_is_not_announced(visitor: Visitor, server: FakeFrontdesk) -> None:
    """After a reload the history is there to be read, but nobody reads it out."""
    said = await visitor.say("Old question")
    server.finish(said, "Old answer.")
    await expect(visitor.announced).to_contain_text("Old answer.")
    await visitor.page.reload()
    await expect(visitor.text()).to_have_text("Old answer.")
    said = await visitor.say("New question")
    server.finish(said, "New answer.")
    await expect(visitor.announced.locator("p")).to_have_text(["New answer."])


async def test_answers_name_their_language_and_find_their_direction(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Each message runs as its own words do, and tells the reader's voice which language it is."""
    said = await visitor.say("كم يستغرق التوصيل؟")
    server.finish(said, "يومان.", language="ar")
    await expect(visitor.text()).to_have_attribute("lang", "ar")
    assert await visitor.text().evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert await visitor.questions.locator("[dir]").evaluate("one => getComputedStyle(one).direction") == "rtl"
    said = await visitor.say("In English")
    server.finish(said, "Two days.")
    assert await visitor.text(1).evaluate("one => getComputedStyle(one).direction") == "ltr"


async def test_right_to_left_mirrors_the_widget(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """In Arabic the bubble stands on the left, questions on the left, answers on the right."""
    visitor = await arrive.visitor(language="ar")
    await visitor.open()
    said = await visitor.say("سؤال")
    server.finish(said, "جواب")
    await expect(visitor.text()).to_be_visible()
    width = await visitor.page.evaluate("innerWidth")
    panel, question, answer = [
        await one.bounding_box() for one in (visitor.panel, visitor.questions.first, visitor.text())
    ]
    assert panel and question and answer
    assert panel["x"] + panel["width"] < width / 2
    assert question["x"] < answer["x"]
    await expect(visitor.field).to_have_css("direction", "rtl")


async def test_on_a_phone_the_panel_is_the_screen_and_keeps_the_focus(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Full screen it is modal: Tab stays inside, in a circle; on a wide screen it is not and does not."""
    visitor = await arrive.visitor(options=PHONE)
    await visitor.open()
    box = await visitor.panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 780}
    await expect(visitor.panel).to_have_attribute("aria-modal", "true")
    await expect(visitor.launcher).to_be_hidden()
    stops = set()
    for _ in range(14):
        await visitor.page.keyboard.press("Tab")
        stops.add(await visitor.page.evaluate(FOCUSED))
    assert stops == {"New conversation", "Close chat", "Conversation", "How long is delivery?", "Can I return it?",
                     "Write a message…", "Send"}  # fmt: skip
    await visitor.page.set_viewport_size({"width": 1000, "height": 800})
    await expect(visitor.panel).not_to_have_attribute("aria-modal", "true")
    await expect(visitor.launcher).to_be_visible()


async def test_on_a_phone_the_keyboard_covers_nothing(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """The panel is as tall, and as far down, as what the keyboard leaves of the screen."""
    visitor = await arrive.visitor(options=PHONE)
    await visitor.open()
    await visitor.page.evaluate(
        """() => {
            Object.defineProperty(visualViewport, 'height', {value: 430});
            Object.defineProperty(visualViewport, 'offsetTop', {value: 20});
            visualViewport.dispatchEvent(new Event('resize'));
        }"""
    )
    assert await visitor.panel.bounding_box() == {"x": 0, "y": 20, "width": 390, "height": 430}
    await expect(visitor.send_button).to_be_in_viewport()


async def test_nothing_moves_for_those_who_asked_for_rest(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """With reduced motion there is no animation; without that wish there is."""
    visitor = await arrive.visitor()
    await visitor.open()
    await visitor.say("Hello?")
    dot = visitor.widget.locator(".typing i").first
    await expect(dot).to_have_css("animation-name", "none")
    await visitor.page.emulate_media(reduced_motion="no-preference")
    await expect(dot).to_have_css("animation-name", "breathe")


async def test_light_and_dark_follow_the_system_or_the_page(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """`auto` follows the system at once; `light` and `dark` do not; the page may change its mind."""
    visitor = await arrive.visitor(options={"color_scheme": "light"})
    await visitor.open()

    light, dark = "rgb(255, 255, 255)", "rgb(21, 23, 31)"
    await expect(visitor.panel).to_have_css("background-color", light)
    await visitor.page.emulate_media(color_scheme="dark")
    await expect(visitor.panel).to_have_css("background-color", dark)
    await visitor.widget.evaluate("element => { element.dataset.theme = 'light' }")
    await expect(visitor.panel).to_have_css("background-color", light)
    forced = await arrive.visitor(options={"color_scheme": "light"}, theme="dark")
    await forced.open()
    await expect(forced.panel).to_have_css("background-color", dark)
