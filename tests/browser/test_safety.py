"""What an answer, a source or a configuration must never be able to do to the page."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Arrivals
from tests.browser.fake_frontdesk import FakeFrontdesk
from tests.browser.hostile import HostileBench
from tests.browser.visitor import Visitor
from tests.browser.xss_corpus import CORPUS


@pytest.mark.timeout(150)
async def test_hostile_answers_run_nothing_and_load_nothing(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """200 strings and more, looked at after each of their characters: no execution, no foreign request, no bad link."""
    assert len(set(CORPUS)) >= 200
    bench = await HostileBench.open(await arrive.context(), server)
    await bench.stream(CORPUS)
    assert bench.looks > max(map(len, CORPUS))
    assert bench.findings == []


async def test_the_inspection_itself_finds_what_is_wrong(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """A test that cannot fail proves nothing: what is planted into the tree is found, in each of the ways."""
    bench = await HostileBench.open(await arrive.context(), server)
    await bench.visitor.page.evaluate(
        """() => {
            const panel = document.querySelector('frontdesk-chat').shadowRoot.querySelector('.content');
            panel.innerHTML += '<img src="https://evil.example/x" onerror="alert(1)">'
                + '<a href="javascript:alert(2)">x</a>';
        }"""
    )
    await bench.visitor.page.wait_for_function("window.__executed.length")
    await bench.inspect()
    wrong = " ".join(bench.findings)
    for finding in (
        "request https://evil.example/x",
        "element <img",
        "attribute onerror",
        "link javascript:",
        "call alert",
    ):
        assert finding in wrong


async def test_hostile_words_around_the_answer_stay_words(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """Title, greeting, suggestions, other tabs' questions and failures are text too."""
    server.config.update(title=CORPUS[0], greeting=CORPUS[5], suggestions=CORPUS[1:6], link_hosts=["*", "", "<x>"])
    bench = await HostileBench.open(await arrive.context(), server)
    for text in CORPUS[::6]:
        server.fail(server.ask(bench.place, text), text)
    await bench.look()
    assert bench.findings == []
    await expect(bench.visitor.panel.get_by_role("heading", level=2)).to_have_text(CORPUS[0])


async def test_links_lead_only_where_they_may(visitor: Visitor, server: FakeFrontdesk) -> None:
    """The page's origin, the listed hosts and the sources' hosts; mail without a ready-made text; all else is text."""
    said = await visitor.say("Links, please")
    allowed = {
        "[own](/returns)": f"{server.url}/returns",
        "[partner](https://partner.example/a?b=c#d)": "https://partner.example/a?b=c#d",
        "[source](https://docs.example/other)": "https://docs.example/other",
        "https://partner.example/plain.": "https://partner.example/plain",
        "<https://partner.example/angle>": "https://partner.example/angle",
        "[mail](mailto:help@shop.example?body=secret)": "mailto:help@shop.example",
        "[(a)](https://partner.example/x_(y))": "https://partner.example/x_(y)",
    }
    forbidden = [
        "[evil](https://evil.example/)",
        "https://sub.partner.example/",
        "[port](https://partner.example:8443/)",
    ]
    text = "\n\n".join([*allowed, *forbidden])
    server.finish(said, text, citations=[{"number": 1, "title": "Docs", "url": "https://docs.example/"}])
    links = visitor.text().get_by_role("link")
    await expect(links).to_have_count(len(allowed) + 1)  # a listed host is meant with all its ports
    found = [await link.get_attribute("href") for link in await links.all()]
    assert found == [*allowed.values(), "https://partner.example:8443/"]
    await expect(visitor.text().get_by_text("evil", exact=True)).to_be_visible()


async def test_a_picture_is_shown_as_its_words(visitor: Visitor, server: FakeFrontdesk) -> None:
    """Pictures are never loaded: one from an allowed host becomes a link to it, any other its description."""
    said = await visitor.say("A picture?")
    server.finish(said, "![our map](https://partner.example/map.png) and ![theirs](https://evil.example/p.gif)")
    await expect(visitor.text()).to_have_text("our map and theirs")
    await expect(visitor.text().get_by_role("link")).to_have_text("our map")
    await expect(visitor.text().locator("img")).to_have_count(0)


async def test_it_lives_under_the_strictest_policy(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """No inline style or script, no eval, trusted types demanded: nothing is reported, and everything is styled."""
    visitor = await arrive.visitor()
    await visitor.page.evaluate(
        """() => {
            window.broken = [];
            addEventListener('securitypolicyviolation', (event) => broken.push(event.violatedDirective));
        }"""
    )
    await visitor.open()
    said = await visitor.say("Everything, please")
    server.write(said, "# A heading\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n![x](https://evil.example/x.png)")
    server.finish(said)
    await visitor.answer().get_by_role("button", name="Not helpful").click()
    await expect(visitor.answer().get_by_label("What should we know?")).to_be_visible()
    assert await visitor.page.evaluate("broken") == []
    assert await visitor.panel.evaluate("panel => getComputedStyle(panel).position") == "fixed"
    assert server.csp_reports == []


async def test_it_works_on_a_page_of_another_origin(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """The shop's site and the desk are two origins; sources open at the desk's."""
    desk = FakeFrontdesk()
    await desk.start()
    try:
        visitor = await arrive.visitor(server=desk.url)
        visitor.server = desk
        await visitor.open()
        desk.refuse("messages", 429, retry_after=1)
        said = await visitor.say("From over there")
        desk.finish(
            said, "Over here [1].", citations=[{"number": 1, "title": "Here", "url": "/web/source?location=h.md"}]
        )
        link = visitor.text().get_by_role("link")
        await expect(link).to_have_attribute("href", f"{desk.url}/web/source?location=h.md")
        assert not [path for _, path in server.requests if path.startswith("messages")]
        assert desk.violations == []
    finally:
        await desk.close()


async def test_the_pages_styles_and_the_widgets_leave_each_other_alone(arrive: Arrivals, server: FakeFrontdesk) -> None:
    """What the page says of buttons does not reach in; what we say does not reach out; variables do."""
    visitor = await arrive.visitor()
    await visitor.page.evaluate(
        """() => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync('* { color: rgb(1, 2, 3) !important; font-size: 40px } '
                + 'frontdesk-chat { --frontdesk-accent: rgb(120, 0, 60) }');
            document.adoptedStyleSheets = [sheet];
        }"""
    )
    await visitor.open()
    assert await visitor.launcher.evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(120, 0, 60)"
    assert await visitor.field.evaluate("one => getComputedStyle(one).fontSize") == "15px"
    assert await visitor.field.evaluate("one => getComputedStyle(one).color") != "rgb(1, 2, 3)"
