"""What a visitor does on a good day."""

from __future__ import annotations

import json

import pytest
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


async def test_a_source_opens_in_another_tab(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A citation leads to its source and leaves the conversation where it is."""
    said = await visitor.say("Where is that written?")
    server.finish(said, "Here [1].", citations=[{"number": 1, "title": "Rules", "url": "/web/source?location=r.md"}])
    async with visitor.page.context.expect_page() as opened:
        await visitor.text().get_by_role("link").click()
    await expect((await opened.value).get_by_role("heading")).to_have_text("r.md")


async def test_a_source_without_an_address_is_shown_in_the_list(visitor: Visitor, server: FakeFrontdesk) -> None:
    """What cannot be opened can still be named: its number leads to its entry in the list of sources."""
    said = await visitor.say("Who says so?")
    server.finish(said, "The handbook [2].", citations=[{"number": 2, "title": "Handbook, page 4", "url": ""}])
    await visitor.text().get_by_role("button", name="Source 2: Handbook, page 4").click()
    await expect(visitor.answer().locator(".sources li > *")).to_be_focused()


async def test_a_suggested_question_is_asked_by_pressing_it(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The greeting's suggestions are questions; once something was said they are gone."""
    await visitor.panel.get_by_role("button", name="Can I return it?").click()
    await server.heard("Can I return it?")
    await expect(visitor.questions).to_have_text("You:Can I return it?")
    await expect(visitor.panel.get_by_role("group", name="Suggested questions")).to_be_hidden()


async def test_stop_ends_the_answer_that_is_being_written(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Stop names the message; what was written stays, marked as stopped."""
    said = await visitor.say("Tell me everything")
    server.write(said, "First of all")
    await visitor.stop_button.click()
    await server.until(lambda: server.stops == [said.id])
    server.finish(said, finish_reason="cancelled")
    await expect(visitor.text()).to_have_text("First of all")
    await expect(visitor.answer().get_by_text("Stopped", exact=True)).to_be_visible()
    await expect(visitor.stop_button).to_be_hidden()
    await expect(visitor.field).to_be_focused()


@pytest.mark.parametrize("finish_reason", ["interrupted", "merged"])
async def test_an_empty_reply_that_a_later_message_replaced_is_not_shown(
    visitor: Visitor, server: FakeFrontdesk, finish_reason: str
) -> None:
    """Two questions and one answer: the first question stands there without an empty bubble."""
    first = await visitor.say("How long")
    second = await visitor.say("is delivery?")
    server.finish(first, "", finish_reason=finish_reason)
    server.finish(second, "Two days.")
    await expect(visitor.answers).to_have_count(1)
    await expect(visitor.questions).to_have_count(2)
    await expect(visitor.text(1)).to_have_text("Two days.")


async def test_how_an_answer_ended_is_said(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Cut off, interrupted and declined answers can be told from whole ones."""
    for reason, words in [("length", "The answer was too long"), ("interrupted", "Interrupted by")]:
        said = await visitor.say(f"A question that ends with {reason}")
        server.finish(said, "Part of it", finish_reason=reason)
        await expect(visitor.answer().locator(".note").first).to_contain_text(words)
    said = await visitor.say("Something unknown")
    server.finish(said, "I do not know that.", finish_reason="declined")
    await expect(visitor.widget.locator(".answer.declined")).to_contain_text("I do not know that.")


async def test_a_failure_says_so_and_can_be_tried_again(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The server's words are shown; "try again" asks the same as a new message."""
    first = await visitor.say("Is this on?")
    server.fail(first, "Sorry, that did not work.")
    await expect(visitor.answer().get_by_text("Sorry, that did not work.")).to_be_visible()
    await visitor.answer().get_by_role("button", name="Try again").click()
    second = await server.until(lambda: next((s for s in server.said.values() if s.id != first.id), None))
    assert second.text == "Is this on?"
    server.finish(second, "It is.")
    await expect(visitor.text(1)).to_have_text("It is.")


async def test_thumbs_are_kept_with_a_comment_and_can_be_taken_back(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The value is saved at once, the comment when it is sent; a second press takes it back."""
    said = await visitor.say("Was it helpful?")
    server.finish(said, "Hardly.")
    down = visitor.answer().get_by_role("button", name="Not helpful")
    await down.click()
    await server.until(lambda: said.feedback == -1)
    await expect(down).to_have_attribute("aria-pressed", "true")
    await visitor.answer().get_by_label("What should we know?").fill("It is too short")
    await visitor.answer().get_by_role("button", name="Send comment").click()
    await server.until(lambda: said.comment == "It is too short")
    await expect(visitor.answer().get_by_text("Thank you for your feedback.")).to_be_visible()
    await expect(down).to_be_focused()
    await down.click()
    await server.until(lambda: said.feedback == 0)
    await expect(down).to_have_attribute("aria-pressed", "false")


async def test_nobody_is_asked_what_they_think_of_a_courtesy(visitor: Visitor, server: FakeFrontdesk) -> None:
    """There is no thumb below it, and none after the page was loaded again; it can be copied like an answer."""
    said = await visitor.say("Thanks!")
    server.finish(said, "You are welcome!", finish_reason="remark")
    for _ in range(2):
        await expect(visitor.answer().get_by_role("button", name="Copy")).to_be_visible()
        await expect(visitor.answer().get_by_role("button", name="elpful")).to_have_count(0)
        await visitor.page.reload()


async def test_feedback_that_cannot_be_saved_is_not_shown_as_saved(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A thumb stays pressed only when the server has it."""
    said = await visitor.say("Was it helpful?")
    server.finish(said, "Hardly.")
    server.refuse("feedback", 503)
    up = visitor.answer().get_by_role("button", name="Helpful", exact=True)
    await up.click()
    await expect(visitor.answer().get_by_text("could not be saved")).to_be_visible()
    await expect(up).to_have_attribute("aria-pressed", "false")


async def test_an_answer_can_be_copied_as_it_was_written(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Copy gives the Markdown, tables and all."""
    visitor = await arrive.visitor(options={"permissions": ["clipboard-read", "clipboard-write"]})
    await visitor.open()
    said = await visitor.say("A table, please")
    text = "| a | b |\n|---|---|\n| **1** | 2 |"
    server.finish(said, text)
    await visitor.answer().get_by_role("button", name="Copy answer").click()
    await expect(visitor.announced).to_contain_text("Copied")
    assert await visitor.page.evaluate("navigator.clipboard.readText()") == text


async def test_copying_works_where_the_browser_hides_its_clipboard(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Without navigator.clipboard (a page served without TLS) the selection is copied."""
    await visitor.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    await visitor.page.evaluate(
        "addEventListener('copy', () => { window.copied = getSelection().toString() || 'field' })"
    )
    said = await visitor.say("Anything")
    server.finish(said, "Something")
    button = visitor.answer().get_by_role("button", name="Copy answer")
    await button.click()
    await visitor.page.wait_for_function("window.copied")
    await expect(button).to_be_focused()


async def test_a_conversation_survives_a_reload(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Questions, answers, sources and thumbs are there again, as is the open panel and the half-written message."""
    said = await visitor.say("How long is delivery?")
    cited = [{"number": 1, "title": "Delivery", "url": "https://docs.example/delivery"}]
    server.finish(said, "Two days [1].", citations=cited)
    await visitor.answer().get_by_role("button", name="Helpful", exact=True).click()
    await server.until(lambda: said.feedback == 1)
    await visitor.field.fill("And for")
    await visitor.page.reload()
    await expect(visitor.text()).to_have_text("Two days 1.")
    await expect(visitor.questions).to_have_text("You:How long is delivery?")
    await expect(visitor.answer().locator(".sources a")).to_have_attribute("href", "https://docs.example/delivery")
    thumb = visitor.answer().get_by_role("button", name="Helpful", exact=True)
    await expect(thumb).to_have_attribute("aria-pressed", "true")
    await expect(visitor.field).to_have_value("And for")
    assert server.sessions == 1


async def test_a_new_conversation_begins_empty_under_another_name(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The old one is left on the server; a reload stays in the new one."""
    said = await visitor.say("An old question")
    server.finish(said, "An old answer")
    await expect(visitor.text()).to_have_text("An old answer")
    await visitor.panel.get_by_role("button", name="New conversation").click()
    await expect(visitor.exchanges).to_have_count(0)
    fresh = await visitor.say("A new question")
    assert fresh.conversation != said.conversation
    assert fresh.conversation[0] == said.conversation[0]
    server.finish(fresh, "A new answer")
    await visitor.page.reload()
    await expect(visitor.text()).to_have_text("A new answer")
    await expect(visitor.exchanges).to_have_count(1)


async def test_an_answer_behind_a_closed_panel_is_counted(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The badge and the bubble's name count what was not seen; opening the panel makes it seen, for good."""
    said = await visitor.say("How long is delivery?")
    await visitor.field.press("Escape")
    server.finish(said, "Two days.")
    badge = visitor.widget.locator(".badge")
    await expect(badge).to_have_text("1")
    await expect(visitor.launcher).to_have_accessible_name("Open chat, unread: 1")
    await expect(visitor.announced).to_contain_text("New reply in the chat")
    await visitor.page.reload()
    await expect(badge).to_have_text("1")
    await visitor.open()
    await expect(badge).to_be_hidden()
    await visitor.field.press("Escape")
    await visitor.page.reload()
    await server.until(server.streams)
    await expect(visitor.exchanges).to_have_count(1)
    await expect(badge).to_be_hidden()


async def test_enter_sends_and_shift_enter_breaks_the_line(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The field grows with its lines; line breaks arrive as they were typed and are shown so."""
    low = await visitor.field.evaluate("field => field.clientHeight")
    await visitor.field.press_sequentially("one")
    await visitor.field.press("Shift+Enter")
    await visitor.field.press_sequentially("two")
    assert await visitor.field.evaluate("field => field.clientHeight") > low
    await visitor.field.press("Enter")
    await server.heard("one\ntwo")
    await expect(visitor.field).to_have_value("")
    assert await visitor.field.evaluate("field => field.clientHeight") == low
    assert await visitor.questions.locator("[dir=auto]").inner_text() == "one\ntwo"


async def test_enter_that_chooses_a_word_does_not_send(visitor: Visitor, server: FakeFrontdesk) -> None:
    """While an input method composes, Enter belongs to it."""
    await visitor.field.fill("ni hao")
    for extra in ({"isComposing": True}, {"keyCode": 229}):
        prevented = await visitor.field.evaluate(
            """(field, extra) => {
                const event = new KeyboardEvent('keydown', {key: 'Enter', cancelable: true, ...extra});
                return !field.dispatchEvent(event);
            }""",
            extra,
        )
        assert not prevented
    await visitor.field.press("Enter")
    await server.heard("ni hao")
    assert len(server.posts) == 1


async def test_an_empty_message_is_not_sent(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Blank is nothing to say."""
    await visitor.field.fill("  \n ")
    await visitor.field.press("Enter")
    await visitor.send_button.dispatch_event("click")
    await visitor.say("But this is")
    assert len(server.posts) == 1


async def test_the_character_limit_is_shown_before_it_hurts(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Near the limit the rest is counted, as the server counts; over it nothing is sent and nothing is lost."""
    await visitor.field.fill("😀" * 450)
    counter = visitor.widget.locator(".counter")
    await expect(counter).to_have_text("Characters left: 50")
    await visitor.field.fill("😀" * 503)
    await expect(counter).to_have_text("Too long by 3 characters")
    await expect(visitor.field).to_have_attribute("aria-invalid", "true")
    await visitor.field.press("Enter")
    await expect(visitor.field).to_have_value("😀" * 503)
    await visitor.field.fill("😀" * 500)
    await visitor.field.press("Enter")
    await server.heard("😀" * 500)
    assert len(server.posts) == 1


async def test_the_page_opens_closes_and_removes_it(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """window.Frontdesk is the page's handle; focus returns to where it came from; nothing stays after destroy."""
    visitor = await arrive.visitor()
    page = visitor.page
    await page.evaluate("() => { document.getElementById('ask').onclick = () => Frontdesk.open() }")
    await page.locator("#ask").click()
    await expect(visitor.field).to_be_focused()
    said = await visitor.say("Hello?")
    await page.evaluate("Frontdesk.close()")
    await expect(visitor.panel).to_be_hidden()
    await expect(page.locator("#ask")).to_be_focused()
    await page.evaluate("Frontdesk.destroy()")
    await expect(visitor.widget).to_have_count(0)
    await server.until(lambda: server.streams() == 0)
    assert await page.evaluate("window.Frontdesk") is None
    assert said.end is None


async def test_a_tag_that_stands_twice_makes_one_bubble(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """A template that includes the script twice does no harm."""
    visitor = await arrive.visitor(tail='<script src="/web/frontdesk.js" async></script>')
    await visitor.page.wait_for_load_state("load")
    await expect(visitor.widget).to_have_count(1)


async def test_the_script_tag_names_the_conversation(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Two parts of a site can hold two conversations."""
    visitor = await arrive.visitor(conversation="orders")
    await visitor.open()
    said = await visitor.say("Where is my order?")
    assert said.conversation[1] == "orders"


async def test_the_interface_speaks_the_pages_language(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """The tag's language, else the page's, else the browser's; English where we speak none of it, but we tell it on."""
    cases = [
        ({"language": "de", "lang": "en"}, "Nachricht schreiben…", "de"),
        ({"lang": "zh-CN"}, "请输入消息…", "zh"),
        ({"lang": "es"}, "Escriba un mensaje…", "es"),
        ({"lang": "ar", "dir": "rtl"}, "اكتب رسالة…", "ar"),
        ({"lang": "fr"}, "Write a message…", "fr"),
        ({"lang": ""}, "Nachricht schreiben…", "de"),
    ]
    context = await arrive.context(locale="de-AT")
    for query, placeholder, language in cases:
        visitor = await arrive.page(context, conversation=f"c-{language}-{len(server.posts)}", **query)
        await visitor.open()
        await expect(visitor.field).to_have_attribute("placeholder", placeholder)
        await visitor.say(f"{query}")
        assert server.posts[-1]["language"] == language
        await visitor.page.close()


async def test_a_signed_in_visitor_is_never_mixed_up_with_another(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Another name, or none, gets neither the token nor the conversation of the one before."""
    context = await arrive.context()
    anna = await arrive.page(context, identity="anna")
    await anna.open()
    said = await anna.say("My order 4711")
    assert said.conversation[0] == "person-anna"
    server.finish(said, "It is on its way.")
    await expect(anna.text()).to_have_text("It is on its way.")
    await anna.page.close()
    nobody = await arrive.page(context)
    await nobody.open()
    said = await nobody.say("And mine?")
    assert said.conversation[0].startswith("visitor-")
    await expect(nobody.exchanges).to_have_count(1)
    await nobody.page.evaluate("Frontdesk.identify('bob')")
    await expect(nobody.exchanges).to_have_count(0)
    said = await nobody.say("It is me, Bob")
    assert said.conversation[0] == "person-bob"
    assert "person-anna" not in json.dumps(await nobody.storage())


async def test_who_signs_out_leaves_nothing_behind(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """After identify("") the conversation is gone from the page, and so is the token from the browser."""
    visitor = await arrive.visitor(identity="anna")
    await visitor.open()
    said = await visitor.say("My order 4711")
    server.finish(said, "It is on its way.")
    await expect(visitor.text()).to_have_text("It is on its way.")
    await visitor.page.evaluate("Frontdesk.identify('')")
    await expect(visitor.exchanges).to_have_count(0)
    assert "anna" not in json.dumps(await visitor.storage())
    said = await visitor.say("Hello?")
    assert said.conversation[0].startswith("visitor-")


async def test_an_identity_that_has_run_out_asks_to_sign_in(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """When the server no longer believes the page, the visitor is told what helps."""
    server.refuse("session", 401, times=10)
    visitor = await arrive.visitor(identity="anna")
    await visitor.launcher.click()
    await expect(visitor.notice).to_have_text("Please sign in on this website to chat.")


async def test_a_site_without_anonymous_visitors_asks_to_sign_in(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Nothing can be written until the page has said who it is."""
    server.config["anonymous"] = False
    visitor = await arrive.visitor()
    await visitor.launcher.click()
    await expect(visitor.notice).to_have_text("Please sign in on this website to chat.")
    await expect(visitor.field).to_be_disabled()
    await visitor.page.evaluate("Frontdesk.identify('anna')")
    await expect(visitor.field).to_be_enabled()
    said = await visitor.say("It is me")
    assert said.conversation[0] == "person-anna"


async def test_reading_further_up_is_not_disturbed(visitor: Visitor, server: FakeFrontdesk) -> None:
    """New text follows only those who are at the end; a button leads the others there."""
    said = await visitor.say("A long story")
    server.write(said, "\n\n".join(f"Paragraph {n}." for n in range(60)))
    last = visitor.text().get_by_text("Paragraph 59.")
    await expect(last).to_be_in_viewport()
    transcript = visitor.widget.locator(".transcript")
    await transcript.evaluate("element => { element.scrollTop = 0 }")
    latest = visitor.panel.get_by_role("button", name="Jump to the latest message")
    await expect(latest).to_be_visible()
    server.write(said, "\n\nThe end.")
    await expect(visitor.text().get_by_text("The end.")).to_have_count(1)
    assert await transcript.evaluate("element => element.scrollTop") == 0
    await latest.click()
    await expect(visitor.text().get_by_text("The end.")).to_be_in_viewport()
    await expect(latest).to_be_hidden()
