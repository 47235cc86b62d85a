"""What a visitor does not notice, or only a little, on a bad day."""

from __future__ import annotations

import time
from functools import partial

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.visitor import Visitor


async def test_a_cut_stream_resumes_where_it_was(visitor: Visitor, server: FakeFrontdesk) -> None:
    """After a cut the durable events follow from the last one seen, and a half-written answer is whole again."""
    first = await visitor.say("One")
    server.finish(first, "Answer one")
    await expect(visitor.text()).to_have_text("Answer one")
    second = await visitor.say("Two")
    server.write(second, "Answer")
    await expect(visitor.text()).to_have_text("Answer")
    server.cut_streams()
    await server.until(lambda: server.resumed)
    assert server.resumed == [first.end["number"] if first.end else 0]
    await server.until(server.streams)
    server.write(second, " two")
    await expect(visitor.text()).to_have_text("Answer two")
    server.cut_streams()
    server.finish(second)
    await expect(visitor.answer().get_by_role("button", name="Copy answer")).to_be_visible()
    await expect(visitor.text()).to_have_text("Answer two")
    await expect(visitor.exchanges).to_have_count(2)


async def test_every_delta_survives_a_stream_that_is_cut_again_and_again(
    visitor: Visitor, server: FakeFrontdesk
) -> None:
    """However often it breaks, the text on the page is the text that was written."""
    said = await visitor.say("Everything, please")
    for n in range(6):
        server.write(said, f"piece {n}, ")
        server.cut_streams()
        server.write(said, f"unheard {n}; ")
        await server.until(partial(_came_back, server, n))
        await expect(visitor.text()).to_have_text(said.answer.strip())
    server.finish(said)
    await expect(visitor.text()).to_have_text(said.answer.strip())


def _came_back(server: FakeFrontdesk, times: int) -> bool:
    return len(server.resumed) > times and server.streams() > 0


async def test_a_stream_that_fell_silent_is_opened_again(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """A connection can die without a word: without any heartbeat it counts as dead, and the page comes back."""
    context = await arrive.context()
    await context.clock.install()
    visitor = await arrive.page(context)
    await visitor.open()
    said = await visitor.say("Anybody?")
    await expect(visitor.answer().locator(".typing")).to_be_visible()
    await context.clock.fast_forward(46_000)
    await context.clock.fast_forward(2_000)
    await server.until(lambda: server.resumed)
    server.finish(said, "Yes")
    await expect(visitor.text()).to_have_text("Yes")


async def test_a_closing_server_is_found_again_without_a_word(visitor: Visitor, server: FakeFrontdesk) -> None:
    """`closing` is no fault: the page comes back a moment later and misses nothing."""
    said = await visitor.say("Are you there?")
    server.announce_closing()
    await server.until(lambda: server.resumed and server.streams())
    server.finish(said, "Still here.")
    await expect(visitor.text()).to_have_text("Still here.")


async def test_a_reload_in_mid_stream_goes_on_streaming(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The half-written answer is there at once, and grows, and ends, once."""
    said = await visitor.say("A long answer")
    server.write(said, "The first half")
    await expect(visitor.text()).to_have_text("The first half")
    await visitor.page.reload()
    await expect(visitor.text()).to_have_text("The first half")
    await expect(visitor.stop_button).to_be_visible()
    server.write(said, " and the second")
    await expect(visitor.text()).to_have_text("The first half and the second")
    server.finish(said)
    await expect(visitor.stop_button).to_be_hidden()
    await expect(visitor.answers).to_have_count(1)


async def test_an_answer_that_is_begun_again_replaces_what_was_shown(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Another attempt starts from nothing; what still comes of the older one is ignored."""
    said = await visitor.say("Try hard")
    server.write(said, "A first attempt that")
    await expect(visitor.text()).to_have_text("A first attempt that")
    server.rewrite(said, "A second")
    stale = {"message_id": said.id, "attempt": 1, "seq": 7, "text": " STALE"}
    server.send_raw(said, "delta", stale)
    server.write(said, " attempt")
    await expect(visitor.text()).to_have_text("A second attempt")


async def test_an_event_that_comes_twice_shows_once(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A repeated delta, final or said changes nothing."""
    said = await visitor.say("Twice?")
    server.write(said, "Once")
    server.send_raw(said, "delta", {"message_id": said.id, "attempt": 1, "seq": 0, "text": "Once"})
    server.send_raw(said, "said", {"id": said.id, "text": said.text, "at": said.at})
    await expect(visitor.text()).to_have_text("Once")
    server.finish(said)
    server.finish(said)
    await expect(visitor.answer().get_by_role("button", name="Copy answer")).to_have_count(1)
    await expect(visitor.exchanges).to_have_count(1)


async def test_what_this_version_does_not_know_is_ignored(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A newer server may say more: unknown events, odd fields and broken JSON do not stop the stream."""
    said = await visitor.say("Hello?")
    server.send_raw(said, "weather", {"sun": True})
    server.send_raw(said, "delta", {"message_id": said.id, "attempt": "one", "seq": [], "text": 7})
    server.send_bytes(said, b"event: delta\ndata: {broken\n\nevent: final\r\ndata: null\r\n\r\n: comment\n\n")
    server.finish(said, "Hello!")
    await expect(visitor.text()).to_have_text("Hello!")


@pytest.mark.parametrize("path", ["messages", "history", "events"])
async def test_a_token_that_no_longer_holds_is_renewed(visitor: Visitor, server: FakeFrontdesk, path: str) -> None:
    """A 401 costs one renewal, with the old token, so the visitor stays the same; nothing is asked of the person."""
    first = await visitor.say("Before")
    server.finish(first, "Yes")
    await expect(visitor.text()).to_have_text("Yes")
    server.forget_tokens()
    if path == "events":
        server.cut_streams()
        await server.until(lambda: server.sessions == 2 and server.streams())
    elif path == "history":
        await visitor.page.reload()
    said = await visitor.say("After")
    assert said.conversation == first.conversation
    assert server.sessions == 2
    server.finish(said, "Still you")
    await expect(visitor.text()).to_have_text("Still you")
    await expect(visitor.exchanges).to_have_count(2)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    visitor: Visitor, server: FakeFrontdesk, status: int
) -> None:
    """Retry-After is kept, the message waits meanwhile, and is sent by itself under the same id."""
    server.refuse("messages", status, retry_after=1)
    await visitor.field.fill("Patience")
    began = time.monotonic()
    await visitor.field.press("Enter")
    await expect(visitor.notice).to_contain_text("Next try in")
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_be_visible()
    said = await server.heard("Patience")
    assert time.monotonic() - began >= 1
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_be_hidden()
    await expect(visitor.notice).to_have_text("")
    server.finish(said, "Thank you")
    await expect(visitor.text()).to_have_text("Thank you")


async def test_a_message_whose_acknowledgement_was_lost_is_not_said_twice(
    visitor: Visitor, server: FakeFrontdesk
) -> None:
    """Sent again under its own id: the server has it once, the page shows it once."""
    server.lose_answers("messages", times=2)
    said = await visitor.say("Did you get that?")
    await server.until(lambda: len(server.posts) == 3)
    assert {post["id"] for post in server.posts} == {said.id}
    server.finish(said, "Once.")
    await expect(visitor.text()).to_have_text("Once.")
    await expect(visitor.exchanges).to_have_count(1)


async def test_what_is_written_offline_is_sent_in_order_when_the_network_is_back(
    visitor: Visitor, server: FakeFrontdesk
) -> None:
    """Offline messages wait in plain sight, over a reload too, and are sent once each, oldest first."""
    first = await visitor.say("Zero")
    server.finish(first, "Nothing")
    await visitor.page.context.set_offline(True)
    for text in ("One", "Two", "Three"):
        await visitor.field.fill(text)
        await visitor.field.press("Enter")
    await expect(visitor.notice).to_have_text("You are offline. Messages are sent when you are back.")
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_have_count(3)
    assert len(server.posts) == 1
    await visitor.page.context.set_offline(False)
    await server.heard("Three")
    assert [post["text"] for post in server.posts] == ["Zero", "One", "Two", "Three"]
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_have_count(0)
    await expect(visitor.notice).to_have_text("")
    assert not [key for key in await visitor.storage() if "outbox" in key]


async def test_what_waits_survives_a_reload(visitor: Visitor, server: FakeFrontdesk) -> None:
    """While the server is gone the page may be left and opened again: the message is still there, and still one."""
    server.go_dark(True)
    await visitor.field.fill("Keep this")
    await visitor.field.press("Enter")
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_be_visible()
    identifier = next(key for key in await visitor.storage() if "outbox" in key).rsplit(":", 1)[1]
    await visitor.page.evaluate("sessionStorage.clear()")
    await visitor.page.reload()
    await expect(visitor.exchanges).to_have_count(1)
    server.go_dark(False)
    said = await server.heard("Keep this")
    assert said.id == identifier
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_have_count(0)
    await expect(visitor.exchanges).to_have_count(1)


async def test_a_message_that_is_refused_can_be_changed(visitor: Visitor, server: FakeFrontdesk) -> None:
    """What the server will never take is not tried for ever; the words come back to be edited."""
    server.refuse("messages", 413)
    await visitor.field.fill("Too much of a good thing")
    await visitor.field.press("Enter")
    await expect(visitor.exchanges.get_by_text("This message could not be sent.")).to_be_visible()
    await visitor.page.reload()
    await expect(visitor.exchanges.get_by_text("This message could not be sent.")).to_be_visible()
    await visitor.exchanges.get_by_role("button", name="Edit").click()
    await expect(visitor.field).to_have_value("Too much of a good thing")
    await expect(visitor.exchanges).to_have_count(0)
    await visitor.say("Less")
    assert [post["text"] for post in server.posts] == ["Less"]


async def test_a_refused_message_can_be_tried_again_and_holds_up_no_other(
    visitor: Visitor, server: FakeFrontdesk
) -> None:
    """The next message passes it; a second try under the same id may succeed."""
    server.refuse("messages", 400)
    await visitor.field.fill("Refused")
    await visitor.field.press("Enter")
    await expect(visitor.exchanges.get_by_role("button", name="Try again")).to_be_visible()
    await visitor.say("Accepted")
    await visitor.exchanges.get_by_role("button", name="Try again").click()
    await server.heard("Refused")
    await expect(visitor.exchanges.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_site_that_is_not_allowed_is_told_so(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A 403 is not tried again and again."""
    server.refuse("events", 403, times=100)
    server.refuse("history", 403, times=100)
    await visitor.field.fill("Hello?")
    await visitor.field.press("Enter")
    await expect(visitor.notice).to_have_text("The chat is not available here.")
    await expect(visitor.field).to_be_disabled()


async def test_without_local_storage_it_still_answers(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """A browser that grants no storage gets a conversation for as long as the page stands."""
    context = await arrive.context()
    await context.add_init_script(
        """for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, {
            get() { throw new DOMException('denied', 'SecurityError') }});"""
    )
    visitor = await arrive.page(context)
    await visitor.open()
    for n in range(2):
        said = await visitor.say(f"Question {n}")
        server.finish(said, f"Answer {n}")
        await expect(visitor.text(n)).to_have_text(f"Answer {n}")
    assert server.sessions == 1


async def test_full_storage_does_not_lose_a_message(visitor: Visitor, server: FakeFrontdesk) -> None:
    """When nothing more fits into local storage, the message is kept in the page and sent from there."""
    await visitor.page.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full') } }")
    said = await visitor.say("Still sent")
    server.finish(said, "Still answered")
    await expect(visitor.text()).to_have_text("Still answered")


async def test_stop_that_does_not_arrive_can_be_pressed_again(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The button comes back when the server did not hear it."""
    said = await visitor.say("On and on")
    server.refuse("stop", 503)
    await visitor.stop_button.click()
    await server.until(lambda: ("POST", "stop") in server.requests)
    await visitor.stop_button.click()
    await server.until(lambda: server.stops == [said.id])


async def test_the_texts_that_did_not_come_are_asked_for_again(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Without its configuration the panel greets with words of its own, and gets the site's later."""
    server.refuse("config", 503)
    visitor = await arrive.visitor()
    await visitor.open()
    await expect(visitor.panel.get_by_text("Hello! How can I help you?")).to_be_visible()
    await visitor.say("Hello")
    await expect(visitor.panel.get_by_text("Hello, what would you like to know?")).to_be_visible()
