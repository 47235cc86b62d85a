"""What a visitor sees when a person of the support desk has the conversation."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.adapters.web.house import WIDE, serving
from tests.adapters.web.house import Visitor as Person
from tests.browser.axe import violations
from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk, Said
from tests.browser.hostile import HostileBench
from tests.browser.visitor import Visitor
from tests.browser.xss_corpus import CORPUS

Place = tuple[str, str]


def join(server: FakeFrontdesk, place: Place, name: str = "Ana") -> None:
    server.post(place, "notice", f"{name} has joined", person=name)


def say(server: FakeFrontdesk, place: Place, text: str, name: str = "Ana") -> None:
    server.post(place, "said", text, name=name, person=name)


def leave(server: FakeFrontdesk, place: Place, name: str = "Ana") -> None:
    server.post(place, "notice", f"{name} has left. The assistant is here again.")


async def begin(visitor: Visitor, server: FakeFrontdesk, text: str = "May I talk to a person?") -> Said:
    said = await visitor.say(text)
    server.finish(said, "A colleague was told.", finish_reason="human")
    await expect(visitor.text()).to_have_text("A colleague was told.")
    return said


def everything(visitor: Visitor) -> Locator:
    """All that was said and told, in the order of the page."""
    return visitor.widget.locator(".question:visible > [dir], .exchange .markdown:visible, .said > .markdown, .told")


async def test_a_person_speaks_under_their_name(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A quiet line tells who has joined; their words have a name, a face and a time, and neither thumbs nor sources."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    say(server, said.conversation, "Hello, I am **Ana**.\nWhat is it about? [1]")
    await expect(visitor.posts.nth(0)).to_have_text("Ana has joined")
    await expect(visitor.posts.nth(0)).to_have_css("text-align", "center")
    words = visitor.posts.nth(1)
    await expect(words.locator("bdi")).to_have_text("Ana")
    await expect(words.locator(".avatar")).to_have_text("A")
    await expect(words.locator("time")).to_be_visible()
    assert await words.locator(".markdown").inner_text() == "Hello, I am Ana.\nWhat is it about? [1]"
    await expect(words.locator("strong")).to_have_text("Ana")
    await expect(words.get_by_role("button")).to_have_count(0)
    name, bubble, face = [
        await words.locator(one).bounding_box() for one in (".who", ".markdown", ".avatar")
    ]  # fmt: skip
    assert name and bubble and face
    assert name["y"] + name["height"] <= bubble["y"] + 1
    assert face["x"] + face["width"] <= bubble["x"]


async def test_a_person_who_goes_on_is_named_once_and_another_anew(visitor: Visitor, server: FakeFrontdesk) -> None:
    """What is said in one breath stands together; to those who listen each has its name."""
    said = await begin(visitor, server)
    say(server, said.conversation, "One moment.")
    say(server, said.conversation, "Here it is.")
    say(server, said.conversation, "And I am Ben.", name="Ben")
    await expect(visitor.posts).to_have_count(3)
    for index, shown in enumerate((True, False, True)):
        await expect(visitor.posts.nth(index).locator(".avatar")).to_be_visible(visible=shown)
    await expect(visitor.posts.locator("bdi")).to_have_text(["Ana", "Ana", "Ben"])
    await expect(visitor.announced.locator("p")).to_contain_text(["Ana: One moment.", "Ana: Here", "Ben: And I"])


async def test_the_header_says_with_whom_one_talks(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The assistant, the person while they have the conversation, whoever takes it next, the assistant again."""
    subtitle, face = visitor.header.locator("p"), visitor.header.locator(".avatar")
    await expect(subtitle).to_have_text("Automatic assistant")
    said = await begin(visitor, server)
    join(server, said.conversation)
    await expect(subtitle).to_have_text("You are talking with Ana")
    await expect(face).to_have_text("A")
    await visitor.page.reload()
    await expect(subtitle).to_have_text("You are talking with Ana")
    join(server, said.conversation, "Ben")
    await expect(subtitle).to_have_text("You are talking with Ben")
    server.post(said.conversation, "notice", "Somebody has joined", person="")
    await expect(subtitle).to_have_text("You are talking with our support team")
    leave(server, said.conversation)
    await expect(subtitle).to_have_text("Automatic assistant")
    await expect(face).to_have_count(0)


async def test_a_new_conversation_is_with_the_assistant(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Whoever begins anew leaves the person, and what they said, behind."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    await expect(visitor.header).to_contain_text("You are talking with Ana")
    await visitor.panel.get_by_role("button", name="New conversation").click()
    await expect(visitor.header).to_contain_text("Automatic assistant")
    await expect(visitor.posts).to_have_count(0)
    await visitor.say("Hello?")
    await expect(visitor.answer().get_by_role("img", name="The assistant is writing")).to_be_visible()


async def test_while_a_person_has_it_the_assistant_does_not_write(visitor: Visitor, server: FakeFrontdesk) -> None:
    """No dots, nothing to stop, no empty bubble; when the person has left, the dots are back."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    await expect(visitor.header).to_contain_text("Ana")
    to_ana = await visitor.say("It is about my order.")
    await expect(visitor.questions).to_have_count(2)
    say(server, said.conversation, "I see.")
    await expect(visitor.posts.last).to_contain_text("I see.")
    await expect(visitor.widget.locator(".typing:visible")).to_have_count(0)
    await expect(visitor.stop_button).to_be_hidden()
    server.finish(to_ana, "", finish_reason="human")
    leave(server, said.conversation)
    await expect(visitor.header).to_contain_text("Automatic assistant")
    await expect(visitor.answers).to_have_count(1)
    await visitor.say("And the bot?")
    await expect(visitor.answer().get_by_role("img", name="The assistant is writing")).to_be_visible()
    await expect(visitor.stop_button).to_be_visible()


async def test_who_joins_ends_the_dots_of_a_question_under_way(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Nothing pretends to be writing beside a person; what was written already stays and can be stopped."""
    first = await visitor.say("May I talk to a person?")
    await expect(visitor.widget.locator(".typing:visible")).to_have_count(1)
    join(server, first.conversation)
    await expect(visitor.widget.locator(".typing:visible")).to_have_count(0)
    await expect(visitor.stop_button).to_be_hidden()
    server.write(first, "Let me see")
    await expect(visitor.text()).to_have_text("Let me see")
    await expect(visitor.stop_button).to_be_visible()
    server.finish(first, "", finish_reason="human")
    await expect(visitor.answers).to_have_count(0)
    await expect(visitor.stop_button).to_be_hidden()


@pytest.mark.parametrize("reason", ["human", "replaced", "withdrawn", "merged", "interrupted"])
async def test_an_empty_end_shows_nothing_and_takes_back_what_was_shown(
    visitor: Visitor, server: FakeFrontdesk, reason: str
) -> None:
    """No bubble, no dots, no thumbs, nothing unread; what was half written goes."""
    said = await visitor.say("Anything?")
    server.write(said, "Half an ans")
    await expect(visitor.text()).to_have_text("Half an ans")
    await visitor.field.press("Escape")
    server.finish(said, "", finish_reason=reason)
    await expect(visitor.widget.locator(".answer[aria-busy]")).to_have_count(0)
    await expect(visitor.widget.locator(".badge")).to_be_hidden()
    await visitor.open()
    await expect(visitor.answers).to_have_count(0)
    await expect(visitor.widget.locator(".typing:visible, .actions:visible")).to_have_count(0)
    await visitor.page.reload()
    await expect(visitor.questions).to_have_count(1)
    await expect(visitor.answers).to_have_count(0)


async def test_posts_stand_among_the_messages_in_their_order_everywhere(
    arrive: Arrivals, server: FakeFrontdesk
) -> None:
    """Live, in a second tab, in one that opens later, and after a reload: the same, each once, in the same order."""
    context = await arrive.context()
    one, two = await arrive.page(context), await arrive.page(context)
    await one.open()
    said = await begin(one, server)
    place = said.conversation
    await two.open()
    await expect(two.text()).to_have_text("A colleague was told.")
    expected = ["May I talk to a person?", "A colleague was told."]
    join(server, place)
    say(server, place, "Hello")
    to_ana = await two.say("My order is broken.")
    server.finish(to_ana, "", finish_reason="human")
    say(server, place, "Which one?")
    to_ana = await one.say("This one.")
    say(server, place, "Before your message ended")
    server.finish(to_ana, "", finish_reason="human")
    leave(server, place)
    expected += ["Ana has joined", "Hello", "My order is broken.", "Which one?", "This one.",
                 "Before your message ended", "Ana has left. The assistant is here again."]  # fmt: skip
    late = await arrive.page(context)
    await late.open()
    for tab in (one, two, late):
        await expect(everything(tab)).to_have_text(expected)
    await one.page.reload()
    await expect(everything(one)).to_have_text(expected)


async def test_what_is_on_its_way_stays_below_what_was_said_before_it(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A message that the server has not taken yet was said after all that is there, also after a reload."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    server.refuse("messages", 503, retry_after=3)
    await visitor.field.fill("Are you there?")
    await visitor.field.press("Enter")
    await expect(visitor.exchanges.get_by_text("Waiting to be sent")).to_be_visible()
    say(server, said.conversation, "Hello, I am Ana.")
    told = ["May I talk to a person?", "A colleague was told.", "Ana has joined", "Hello, I am Ana."]
    await expect(everything(visitor)).to_have_text([*told, "Are you there?"])
    await server.heard("Are you there?")
    say(server, said.conversation, "Here I am.")
    await expect(everything(visitor)).to_have_text([*told, "Are you there?", "Here I am."])
    await visitor.page.reload()
    await expect(everything(visitor)).to_have_text([*told, "Are you there?", "Here I am."])


async def test_what_was_missed_is_replayed_once(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Whatever is cut, the page goes on from the last event that it has, posts among them, and shows nothing twice."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    await expect(visitor.posts).to_have_count(1)
    known = server.rooms[said.conversation].durable[-1][0]
    server.cut_streams()
    say(server, said.conversation, "While you were away")
    await expect(visitor.posts).to_have_count(2)
    assert server.resumed[-1] == known
    server.cut_streams()
    await server.until(lambda: len(server.resumed) == 2 and server.streams() == 1)
    assert server.resumed[-1] == known + 1
    say(server, said.conversation, "And now")
    await expect(visitor.posts).to_have_count(3)


async def test_a_post_behind_a_closed_panel_is_counted(visitor: Visitor, server: FakeFrontdesk) -> None:
    """What a person says is news like an answer; once seen it is not, in this and every tab, after a reload too."""
    said = await begin(visitor, server)
    await visitor.field.press("Escape")
    join(server, said.conversation)
    say(server, said.conversation, "Hello")
    badge = visitor.widget.locator(".badge")
    await expect(badge).to_have_text("2")
    await expect(visitor.announced).to_contain_text("New reply in the chat")
    await visitor.open()
    await expect(badge).to_be_hidden()
    await visitor.field.press("Escape")
    await visitor.page.reload()
    await server.until(server.streams)
    await expect(visitor.widget.locator(".post")).to_have_count(2)
    await expect(badge).to_be_hidden()


async def test_posts_are_announced_once_with_their_name_and_not_after_a_reload(
    visitor: Visitor, server: FakeFrontdesk
) -> None:
    """Those who listen hear who speaks, whole and without marks; what is past is there to be read."""
    said = await begin(visitor, server)
    join(server, said.conversation)
    say(server, said.conversation, "Your **order** is [here](https://parcel.example/1).")
    heard = ["A colleague was told.", "Ana has joined", "Ana: Your order is here."]
    await expect(visitor.announced.locator("p")).to_have_text(heard)
    await visitor.page.reload()
    await expect(visitor.posts).to_have_count(2)
    say(server, said.conversation, "Anything else?")
    await expect(visitor.announced.locator("p")).to_have_text(["Ana: Anything else?"])


async def test_a_person_may_link_anywhere_on_the_web_and_nowhere_else(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A person knows where they lead to, unlike a model; scripts, data and disguised addresses stay words."""
    said = await begin(visitor, server)
    text = "[parcel](https://parcel.example/1) https://maps.example/x [own](/returns) [bad](javascript:alert(1)) "
    text += (
        "[data](data:text/html,x) [disguised](https://bank.example@evil.example/) ![map](https://maps.example/m.png)"
    )
    say(server, said.conversation, text)
    links = visitor.posts.last.get_by_role("link")
    await expect(links).to_have_count(4)
    assert [await link.get_attribute("href") for link in await links.all()] == [
        "https://parcel.example/1", "https://maps.example/x", f"{server.url}/returns", "https://maps.example/m.png",
    ]  # fmt: skip
    for link in await links.all():
        await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(visitor.widget.locator("img[src]")).to_have_count(0)


async def test_hostile_posts_run_nothing_and_load_nothing(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """As words, as notices, as names, before and after a reload: no execution, no foreign request, no foreign node."""
    bench = await HostileBench.open(await arrive.context(), server)
    for text in CORPUS:
        server.post(bench.place, "said", text, name=text[:200], person=text[:200])
        server.post(bench.place, "notice", text, person=text[:200])
    await expect(bench.visitor.posts.locator("bdi")).to_have_count(len(CORPUS))
    await bench.inspect()
    await bench.visitor.page.reload()
    await expect(bench.visitor.posts.locator("bdi")).to_have_count(len(CORPUS))
    await bench.inspect()
    links = [finding for finding in bench.findings if finding.startswith("link http")]
    assert [finding for finding in bench.findings if finding not in links] == []  # a person may name any web address


async def test_what_no_server_of_ours_sends_changes_nothing(visitor: Visitor, server: FakeFrontdesk) -> None:
    """A kind that is not known, a post without a number, fields of other types: passed over or read as empty."""
    said = await begin(visitor, server)
    server.post(said.conversation, "card", "not for you", person="Ana")
    server.send_raw(said, "post", {"kind": "said", "text": "no number"})
    server.send_bytes(said, b'id: 900\nevent: post\ndata: {"kind":"notice","text":["x"],"person":7}\n\n')
    server.send_bytes(said, b"id: 901\nevent: post\ndata: {\n\n")
    server.send_bytes(said, b'id: 902\nevent: post\ndata: {"kind":"said","text":"Nameless","at":1e300}\n\n')
    await expect(visitor.posts.locator(".markdown")).to_have_text("Nameless")
    await expect(visitor.posts.locator("bdi")).to_have_text("Support")
    await expect(visitor.header).to_contain_text("Automatic assistant")
    assert "no number" not in json.dumps(await visitor.widget.locator(".post").all_inner_texts())


@pytest.mark.parametrize(
    ("language", "subtitle"),
    [
        ("en", "You are talking with Ana"),
        ("de", "Sie sprechen mit Ana"),
        ("es", "Está hablando con Ana"),
        ("zh", "正在与Ana对话"),
        ("ar", "أنت تتحدث مع Ana"),
    ],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_while_a_person_has_it(
    arrive: Arrivals, server: FakeFrontdesk, language: str, subtitle: str, scheme: str
) -> None:
    """In every language, in both schemes, from right to left too; and the header speaks that language."""
    visitor = await arrive.visitor(options={"color_scheme": scheme}, language=language)
    await visitor.open()
    said = await begin(visitor, server)
    join(server, said.conversation)
    say(
        server, said.conversation, "Hello, see [this](https://parcel.example/) and `that`:\n\n> a quote\n\n- one\n- two"
    )
    say(server, said.conversation, "And this.")
    server.finish(await visitor.say("Thanks!"), "", finish_reason="human")
    await expect(visitor.header.locator("p")).to_have_text(subtitle)
    await expect(visitor.posts).to_have_count(3)
    assert await violations(visitor.page) == []


async def test_the_real_channel_shows_the_same(arrive: Arrivals, server: FakeFrontdesk, tmp_path: Path) -> None:
    """The widget with the server that it was made for: live, with a second tab, and after a reload."""
    async with serving(tmp_path, web={"limits": WIDE, "origins": [server.url]}) as house:
        context = await arrive.context()
        one = await arrive.page(context, server=house.url)
        await one.open()
        await one.field.fill("May I talk to a person?")
        await one.field.press("Enter")
        await expect(one.questions).to_have_count(1)
        async with asyncio.timeout(30):
            while not house.published:
                await asyncio.sleep(0.01)
        person = Person(house, "", house.last_message().sender)
        await house.finish("A colleague was told.", finish_reason="human")
        await house.post(person, "Ana has joined", kind="notice", name="")
        await house.post(person, "Hello, I am Ana.")
        two = await arrive.page(context, server=house.url)
        await two.open()
        expected = ["May I talk to a person?", "A colleague was told.", "Ana has joined", "Hello, I am Ana."]
        for tab in (one, two):
            await expect(everything(tab)).to_have_text(expected)
        await one.field.fill("My order is broken.")
        await one.field.press("Enter")
        await expect(two.questions).to_have_count(2)
        await house.finish("", finish_reason="human")
        returned = dataclasses.replace(house.case(person), state="returned")
        await house.post(person, "Ana has left", case=returned, kind="notice", name="")
        await one.page.reload()
        for tab in (one, two):
            await expect(everything(tab)).to_have_text([*expected, "My order is broken.", "Ana has left"])
            await expect(tab.header).to_contain_text("Automatic assistant")
            await expect(tab.answers).to_have_count(1)
