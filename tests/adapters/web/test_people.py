"""What people of a support desk say to a visitor, over HTTP: live, again, and after a reload."""

from __future__ import annotations

import dataclasses
import json

from bot.events import Case
from tests.adapters.web.house import House, Visitor
from tests.adapters.web.widget import Page

ID = "question-1"


async def test_what_a_person_says_streams_in(house: House, visitor: Visitor) -> None:
    """Every open page gets it, with the person's name and number, and who has the conversation."""
    pages = [Page(), Page()]
    async with visitor.following(pages[0]) as first, visitor.following(pages[1]) as second:
        for stream in (first, second):
            await stream.opened()
        await visitor.say("May I talk to somebody?", message_id=ID)
        await house.finish("A colleague was told.", finish_reason="human")
        await house.post(visitor, "Ana has joined", kind="notice", name="")
        await house.post(visitor, "Hello, I am **Ana**")
        returned = dataclasses.replace(house.case(visitor), state="returned")
        await house.post(visitor, "Ana has left", case=returned, kind="notice", name="")
        for stream in (first, second):
            await stream.until("post", 3)
    for page in pages:
        told = [(post["kind"], post["name"], post["text"], post["person"]) for post in page.posts]
        assert told == [
            ("notice", "", "Ana has joined", "Ana"),
            ("said", "Ana", "Hello, I am **Ana**", "Ana"),
            ("notice", "", "Ana has left", None),
        ]
        assert [kind for kind, _ in page.events if kind in ("final", "post")] == ["final", "post", "post", "post"]


async def test_a_reconnect_gets_the_posts_that_it_lacks_among_the_ends(house: House, visitor: Visitor) -> None:
    """They share their numbers: what was missed comes in the order of the commits, what was seen not again."""
    page = Page()
    async with visitor.following(page) as stream:
        await visitor.say("one")
        await house.finish("first answer")
        await house.post(visitor, "first post")
        await stream.until("post")
    await house.post(visitor, "second post")
    await visitor.say("two")
    await house.finish("", finish_reason="human")
    await house.post(visitor, "third post", tell=False)
    headers = visitor.headers | {"Last-Event-ID": str(page.number)}
    again = Page(number=page.number)
    async with house.http.get(f"{house.url}/web/events?after=0", headers=headers) as response:
        while len(again.posts) < 2:
            again.feed(await response.content.readany())
    assert [kind for kind, _ in again.events] == ["post", "final", "post"]
    assert [post["text"] for post in again.posts] == ["second post", "third post"]
    assert [end["finish_reason"] for end in again.ends.values()] == ["human"]


async def test_the_history_holds_the_posts_and_joins_the_stream(house: House, visitor: Visitor) -> None:
    """A page that loads it and goes on from its cursor has every end and post; only known posts may come twice."""
    await house.post(visitor, "before anything")
    await visitor.say("one", message_id=ID)
    await house.finish("first answer")
    await house.post(visitor, "behind it")
    history = await (await visitor.call("GET", "/web/history")).json()
    assert [post["text"] for post in history["posts"]] == ["before anything", "behind it"]
    assert [post["number"] for post in history["posts"]] == sorted(post["number"] for post in history["posts"])
    assert all(post.keys() == {"kind", "text", "name", "at", "person", "number"} for post in history["posts"])
    assert history["posts"][0]["at"] <= history["exchanges"][0]["at"] <= history["posts"][1]["at"]
    await house.post(visitor, "live")
    page = Page(number=history["cursor"])
    async with visitor.following(page) as stream:
        await stream.until("post", 2)
    assert [post["text"] for post in page.posts] == ["behind it", "live"]
    assert not page.ends


async def test_nothing_of_the_desk_reaches_a_visitor(house: House, visitor: Visitor) -> None:
    """Neither accounts nor threads, neither the case's id nor its card, nor what the visitor is called there."""
    case = dataclasses.replace(house.case(visitor), name="Quiet Otter", reason="wants to complain")
    await house.post(visitor, "Hello", case=case)
    await house.post(visitor, "card of wants to complain", case=case, kind="case")
    await house.post(visitor, "Bye", case=case)
    page = Page()
    async with visitor.following(page) as stream:
        await stream.until("post", 2)
    history = await (await visitor.call("GET", "/web/history")).text()
    assert [post["text"] for post in page.posts] == ["Hello", "Bye"]
    for told in (json.dumps(page.events), history):
        for secret in ("T0123", "C0123", "U0123", "case4711", "Otter", "complain", visitor.name):
            assert secret not in told


async def test_posts_reach_nobody_else(house: House, visitor: Visitor) -> None:
    """They belong to one conversation of one visitor."""
    other, elsewhere = await house.visitor(), house.case(visitor, conversation="elsewhere")
    case: Case = dataclasses.replace(elsewhere, id="case4712")
    await house.post(visitor, "not here", case=case)
    await house.post(visitor, "for her alone")
    for who, texts in ((visitor, ["for her alone"]), (other, [])):
        history = await (await who.call("GET", "/web/history")).json()
        assert [post["text"] for post in history["posts"]] == texts
        page = Page()
        async with who.following(page) as stream:
            await stream.opened()
            await who.say("hello")
            await stream.until("said")
        assert [post["text"] for post in page.posts] == texts
