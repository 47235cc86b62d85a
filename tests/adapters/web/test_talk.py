"""What a visitor may do, over HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import cast

import jwt
import pytest

from adapters.web.adapter import WebAdapter
from adapters.web.connection import BUFFER_BYTES, Connection
from bot.errors import Overloaded, StorageError, TooLarge
from bot.events import Citation, Failed, Feedback, Message, Reply, Stop
from storage.base import Outgoing
from tests.adapters.web.house import WIDE, House, Visitor, serving
from tests.adapters.web.widget import Page

ID = "question-1"


# -- saying --------------------------------------------------------------------------------------------
async def test_a_message_is_durable_when_it_is_acknowledged(house: House, visitor: Visitor) -> None:
    """202 means that the store has it, with an address and an id made from the token."""
    body = {"id": ID, "text": " How much?\n", "conversation": "b2", "language": "de-AT"}
    response = await visitor.call("POST", "/web/messages", body)
    assert (response.status, await response.json()) == (202, {"id": ID, "new": True})
    stored = await house.store.exchange("web", house.last_message().id)
    assert stored is not None
    message = stored.message
    assert (message.text, message.language, message.sender) == (" How much?\n", "de", visitor.name)
    assert (message.address.channel, message.address.conversation) == ("web", f"{visitor.name}:b2")
    assert message.sent_at == pytest.approx(time.time(), abs=60)


async def test_saying_it_again_changes_nothing(house: House, visitor: Visitor) -> None:
    """A page that did not hear the answer may repeat itself: acknowledged again, said once."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        for expected in (True, False, False):
            response = await visitor.call("POST", "/web/messages", {"id": ID, "text": "Hello"})
            assert (response.status, (await response.json())["new"]) == (202, expected)
        await house.finish("Hi.")
        await stream.until("final")
    assert [said["id"] for said in page.said] == [ID]
    history = await (await visitor.call("GET", "/web/history")).json()
    assert len(history["exchanges"]) == 1


async def test_two_visitors_may_use_the_same_id(house: House, visitor: Visitor) -> None:
    """Ids are a visitor's own: nobody can take, or find out about, another's."""
    other = await house.visitor()
    await visitor.say("mine", message_id=ID)
    response = await other.call("POST", "/web/messages", {"id": ID, "text": "mine too"})
    assert (await response.json())["new"] is True
    ids = [event.id for event in house.published if isinstance(event, Message)]
    assert len(set(ids)) == 2
    assert not any(who.name in one for one in ids for who in (visitor, other)), "ids stand in logs"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Overloaded("the bus holds 10000 messages"), 503, "overloaded"),
        (StorageError("the disk /dev/sda1 is full"), 503, "storage"),
        (TooLarge("over 8000 bytes"), 413, "too_large"),
        (RuntimeError("secret sk-123"), 503, "unavailable"),
    ],
)
async def test_what_cannot_be_stored_is_refused(
    house: House, visitor: Visitor, fault: Exception, status: int, code: str
) -> None:
    """Not stored means not acknowledged; when trying again helps, the answer says when; no inside is shown."""
    house.fault = fault
    response = await visitor.call("POST", "/web/messages", {"id": ID, "text": "Hello"})
    answer = await response.json()
    assert (response.status, answer["error"]["code"]) == (status, code)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert str(fault) not in json.dumps(answer)


# -- following -----------------------------------------------------------------------------------------
async def test_an_answer_streams_in(house: House, visitor: Visitor) -> None:
    """Snapshot, deltas, then the end with its number, sources and language; the durable id never shows."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        await visitor.say("Returns?", message_id=ID)
        await stream.until("said")
        await house.write("Thirty", seq=0)
        await stream.until("reply")
        await house.write("Thirty days", seq=1)
        await stream.until("delta")
        sources = (Citation(number=1, title="Returns", location="returns.md"),)
        outgoing = await house.finish("Thirty days [1].", citations=sources, finish_reason="stop", language="en")
        await stream.until("final")
    assert [kind for kind, _ in page.events] == ["said", "reply", "delta", "final"]
    assert page.number == outgoing.number
    assert page.ends[ID] == {
        "kind": "final",
        "message_id": ID,
        "text": "Thirty days [1].",
        "citations": [{"number": 1, "title": "Returns", "url": "/web/source?location=returns.md"}],
        "finish_reason": "stop",
        "language": "en",
        "at": outgoing.at,
    }
    assert visitor.name not in json.dumps(page.events)


async def test_a_failure_streams_in(house: House, visitor: Visitor) -> None:
    """What the person is told arrives; the operator's reason does not."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        await visitor.say("Hello", message_id=ID)
        message = house.last_message()
        await house.commit(
            message, Failed(message_id=message.id, address=message.address, reason="key sk-1 refused", said="Sorry.")
        )
        await stream.until("failed")
    assert page.ends[ID]["said"] == "Sorry."
    assert "sk-1" not in json.dumps(page.events)


async def test_a_reconnect_gets_what_it_lacks_and_no_more(house: House, visitor: Visitor) -> None:
    """Ended meanwhile: replayed from the log. Being written: one snapshot. Seen already: not sent again."""
    page = Page()
    async with visitor.following(page) as stream:
        await visitor.say("one")
        await house.finish("first answer")
        await stream.until("final")
    await visitor.say("two")
    await house.finish("second answer")
    await visitor.say("three", message_id=ID)
    await house.write("being wr", seq=0)
    page.events.clear()
    async with visitor.following(page) as stream:
        await stream.until("reply")
        await house.write("being written", seq=1)
        await stream.until("delta")
    assert [kind for kind, _ in page.events] == ["final", "reply", "delta"]
    assert page.shown[ID] == "being written"


async def test_the_header_resumes_like_the_query(house: House, visitor: Visitor) -> None:
    """A browser's own Last-Event-ID wins over the address that it repeats."""
    await visitor.say("one")
    number = (await house.finish("first")).number
    await visitor.say("two")
    await house.finish("second")
    page = Page(number=number)
    headers = visitor.headers | {"Last-Event-ID": str(number)}
    async with house.http.get(f"{house.url}/web/events?after=0", headers=headers) as response:
        while not page.ends:
            page.feed(await response.content.readany())
    assert [end["text"] for end in page.ends.values()] == ["second"]


async def test_several_tabs_see_the_same(house: House, visitor: Visitor) -> None:
    """Every open page of a conversation gets everything, each at its own pace."""
    pages = [Page(), Page()]
    async with visitor.following(pages[0]) as first, visitor.following(pages[1]) as second:
        await first.opened()
        await second.opened()
        await visitor.say("Hello", message_id=ID)
        await house.write("Hi", seq=0)
        await house.finish("Hi there.")
        for stream in (first, second):
            await stream.until("final")
    for page in pages:
        assert page.shown == {ID: "Hi there."}
        assert [said["text"] for said in page.said] == ["Hello"]


async def test_conversations_of_one_visitor_are_apart(house: House, visitor: Visitor) -> None:
    """A stream follows one conversation."""
    await visitor.say("here", conversation="one")
    await house.finish("answer one")
    await visitor.say("there", conversation="two")
    await house.finish("answer two")
    page = Page()
    async with visitor.following(page, conversation="two") as stream:
        await stream.until("final")
    assert [end["text"] for end in page.ends.values()] == ["answer two"]


async def test_a_reader_who_does_not_read_costs_little_and_gets_the_end(house: House, visitor: Visitor) -> None:
    """Once his socket is full, nothing more is kept for him than one event; when he reads, he gets the newest state."""
    await visitor.say("Long?", message_id=ID)
    loop, wire = asyncio.get_running_loop(), socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    wire.setblocking(False)
    await loop.sock_connect(wire, ("127.0.0.1", int(house.url.rsplit(":", 1)[1])))
    asked = f"GET /web/events HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {visitor.token}\r\n\r\n"
    await loop.sock_sendall(wire, asked.encode())
    arrived = b""
    while b"\r\n\r\n" not in arrived:
        arrived += await loop.sock_recv(wire, 1)
    (stream,) = cast(WebAdapter, house.adapter)._hub._streams
    transport = cast(Connection, stream.line)._request.transport
    assert transport is not None
    text, attempt = "0123456789abcdef" * 64, 0
    while not stream.blocked_since:
        attempt += 1
        await house.write(f"{attempt} {text}", seq=0, attempt=attempt)
        await asyncio.sleep(0)
    for _ in range(500):
        attempt += 1
        await house.write(f"{attempt} {text}", seq=0, attempt=attempt)
        await asyncio.sleep(0)
    assert transport.get_write_buffer_size() <= BUFFER_BYTES + 2 * len(text)
    await house.finish("The end.")
    page = Page()
    while not page.ends:
        page.feed(await loop.sock_recv(wire, 100_000))
    assert page.shown[ID] == "The end."
    assert len(page.events) < attempt - 400
    wire.close()


# -- stopping and rating -------------------------------------------------------------------------------
async def test_stop_names_the_visitors_own_message(house: House, visitor: Visitor) -> None:
    """Whatever id is sent, it means a message of the sender's."""
    response = await visitor.call("POST", "/web/stop", {"message_id": ID, "conversation": "b2"})
    assert response.status == 202
    stop = house.published[-1]
    assert isinstance(stop, Stop)
    assert stop.address.conversation == f"{visitor.name}:b2"
    await visitor.say("Hello", message_id=ID)
    assert stop.message_id == house.last_message().id


async def test_an_opinion_is_kept_and_can_be_taken_back(house: House, visitor: Visitor) -> None:
    """Thumbs show up in the history; 0 takes them back."""
    await visitor.say("Hello", message_id=ID)
    await house.finish("Hi.")
    for value in (1, -1, 0):
        body = {"message_id": ID, "value": value, "comment": "because"}
        assert (await visitor.call("POST", "/web/feedback", body)).status == 200
        history = await (await visitor.call("GET", "/web/history")).json()
        assert history["exchanges"][0]["feedback"] == value
        opinion = house.published[-1]
        assert isinstance(opinion, Feedback) and opinion.sender == house.last_message().sender


async def test_an_opinion_needs_its_message(house: House, visitor: Visitor) -> None:
    """A message that is unknown, in another conversation, or another visitor's, is not there: 404."""
    await visitor.say("Hello", message_id=ID)
    other = await house.visitor()
    asked = [
        (visitor, {"message_id": "no-such-message"}),
        (visitor, {"message_id": ID, "conversation": "elsewhere"}),
        (other, {"message_id": ID}),
    ]
    for who, body in asked:
        response = await who.call("POST", "/web/feedback", {"value": 1, **body})
        assert (response.status, (await response.json())["error"]["code"]) == (404, "no_message")
    assert all(isinstance(event, (Message, Feedback)) for event in house.published)


# -- looking back --------------------------------------------------------------------------------------
async def test_history_and_stream_join_without_a_gap(house: House, visitor: Visitor) -> None:
    """A page that loads the history and follows from its cursor has everything, once."""
    for number in range(3):
        await visitor.say(f"question {number}", message_id=f"question-{number}")
        await house.finish(f"answer {number}")
    await visitor.say("open", message_id="question-3")
    history = await (await visitor.call("GET", "/web/history")).json()
    assert [(one["id"], one["text"]) for one in history["exchanges"]] == [
        ("question-0", "question 0"),
        ("question-1", "question 1"),
        ("question-2", "question 2"),
        ("question-3", "open"),
    ]
    assert [one["end"] and one["end"]["text"] for one in history["exchanges"]] == [
        "answer 0", "answer 1", "answer 2", None,
    ]  # fmt: skip
    assert history["cursor"] == history["exchanges"][2]["end"]["number"]
    await house.finish("late answer")
    page = Page(number=history["cursor"])
    async with visitor.following(page) as stream:
        await stream.until("final")
    assert page.shown == {"question-3": "late answer"}


async def test_a_command_is_shown_as_it_was_typed(house: House, visitor: Visitor) -> None:
    """To the visitor's other pages and in the history; the house is told what it means."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        await visitor.say("/translate  to German: Hello", message_id=ID)
        await stream.until("said")
    assert [content["text"] for _, content in page.events] == ["/translate to German: Hello"]
    assert [(message.command, message.text) for message in await house.store.pending()] == [
        ("translate", "to German: Hello")
    ]
    history = await (await visitor.call("GET", "/web/history")).json()
    assert history["exchanges"][0]["text"] == "/translate to German: Hello"


async def test_what_history_showed_as_ended_is_not_shown_as_being_written(house: House, visitor: Visitor) -> None:
    """Between the commit and its announcement a page may load: it never sees the end undone."""
    await visitor.say("Hello", message_id=ID)
    await house.write("Hi th", seq=0)
    await house.finish("Hi there.", tell=False)
    history = await (await visitor.call("GET", "/web/history")).json()
    page = Page(number=history["cursor"])
    async with visitor.following(page) as stream:
        await stream.opened()
        await house.write("Hi the", seq=1)
        await visitor.say("More")
        await stream.until("said")
    assert [kind for kind, _ in page.events] == ["said"]


async def test_an_empty_history_starts_at_zero(visitor: Visitor) -> None:
    """A new visitor has nothing behind her."""
    assert await (await visitor.call("GET", "/web/history")).json() == {"exchanges": [], "posts": [], "cursor": 0}


# -- who ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/web/messages"),
        ("POST", "/web/stop"),
        ("POST", "/web/feedback"),
        ("GET", "/web/history"),
        ("GET", "/web/events"),
    ],
)
@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer rubbish", "Basic dTpw", "Bearer a.b.c"])
async def test_without_a_token_nothing_is_told(house: House, method: str, path: str, authorization: str | None) -> None:
    """Every private address wants a token first, before it looks at anything else."""
    headers = {"Authorization": authorization} if authorization is not None else {}
    response = await house.call(method, path, b"{" if method == "POST" else None, headers=headers)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not house.published


async def test_nobody_reads_anothers_conversation(house: House, visitor: Visitor) -> None:
    """Whatever another visitor asks for, in whatever spelling, she gets her own or nothing."""
    await visitor.say("my secret", message_id=ID)
    await house.finish("your secret is safe")
    await visitor.say("and more", message_id="question-2")
    await house.write("secret being written", seq=0)
    other = await house.visitor()
    names = ["main", f"{visitor.name}:main", f"../{visitor.name}:main", "main%00", visitor.name, "%6dain", "*", "%"]
    for name in names:
        for path in ("/web/history", "/web/events"):
            async with house.http.get(
                f"{house.url}{path}?conversation={name}&after=0", headers=other.headers
            ) as response:
                assert response.status in (200, 400)
                told = await response.content.read(200) if response.status == 400 else b""
                if response.status == 200 and path == "/web/history":
                    assert await response.json() == {"exchanges": [], "posts": [], "cursor": 0}
                assert b"secret" not in told
    page = Page()
    async with other.following(page) as stream:
        await other.say("hello")
        await stream.until("said")
    assert "secret" not in json.dumps(page.events)


async def test_a_signed_in_visitor_keeps_her_conversation(tmp_path: Path) -> None:
    """The site's word makes the same visitor everywhere; an anonymous one does not inherit it."""
    secret = "i" * 32
    async with serving(
        tmp_path, environ={"FRONTDESK_WEB__IDENTITY_SECRET": secret}, web={"limits": WIDE, "anonymous": False}
    ) as house:
        identity = jwt.encode({"sub": "alice@shop.example", "exp": int(time.time()) + 60}, secret, algorithm="HS256")
        for _ in range(2):
            response = await house.call("POST", "/web/session", {"identity": identity})
            answer = await response.json()
            assert answer["visitor"] == "user:alice@shop.example"
            visitor = Visitor(house, answer["token"], answer["visitor"])
            await visitor.say("hello")
        history = await (await visitor.call("GET", "/web/history")).json()
        assert len(history["exchanges"]) == 2
        assert (await house.call("POST", "/web/session", {})).status == 401
        assert (await (await house.call("GET", "/web/config")).json())["anonymous"] is False


async def test_a_session_can_be_asked_for_without_a_body(house: House, visitor: Visitor) -> None:
    """No body is an empty one; the old token keeps the visitor."""
    response = await visitor.call("POST", "/web/session")
    answer = await response.json()
    assert answer["visitor"] == visitor.name
    assert answer["expires_at"] > time.time()
    assert response.headers["Cache-Control"] == "no-store"


# -- beginning and end ---------------------------------------------------------------------------------
async def test_before_it_runs_nothing_is_taken(tmp_path: Path) -> None:
    """A request that comes too early is told to come back."""
    async with serving(tmp_path, run=False) as house:
        response = await house.call("POST", "/web/session", {})
        assert (response.status, response.headers["Retry-After"]) == (503, "2")


async def test_closing_ends_the_streams(house: House, visitor: Visitor) -> None:
    """Every page is told to come back, its stream ends whole, and new requests are refused."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        await house.adapter.close()
        await stream.end()
    assert page.closing
    response = await visitor.call("GET", "/web/events")
    assert response.status == 503


async def test_heartbeats_come(tmp_path: Path) -> None:
    """A silent stream still shows that it lives."""
    async with serving(tmp_path, web={"limits": WIDE, "heartbeat_seconds": 0.1}) as house:
        visitor, page = await house.visitor(), Page()
        async with visitor.following(page) as stream:
            while page.comments < 4:
                page.feed(await stream.response.content.readany())


async def test_a_page_that_left_gives_its_place_back(tmp_path: Path) -> None:
    """Closing a tab frees its seat without waiting for a heartbeat."""
    limits = WIDE | {"streams_per_visitor": 1}
    async with serving(tmp_path, web={"limits": limits, "heartbeat_seconds": 600}) as house:
        visitor = await house.visitor()
        async with visitor.following(Page()) as stream:
            await stream.opened()
            refused = await visitor.call("GET", "/web/events")
            assert (refused.status, "Retry-After" in refused.headers) == (429, True)
            stream.response.close()
        while (await visitor.call("GET", "/web/events?after=x")).status != 400:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            while b"web_streams 0.0" not in house.metrics.expose():
                await asyncio.sleep(0.01)
        async with visitor.following(Page()) as stream:
            await stream.opened()


async def test_a_stream_that_cannot_read_the_log_asks_to_come_back(house: House, visitor: Visitor) -> None:
    """When storage fails in the middle, the page is told to reconnect and loses nothing."""
    page = Page()
    async with visitor.following(page) as stream:
        await stream.opened()
        await visitor.say("Hello", message_id=ID)
        await stream.until("said")
        await house.finish("Hi.", tell=False)
        asked, house.store.outgoing_since = house.store.outgoing_since, _broken  # type: ignore[method-assign]  # a fault
        await house.adapter.send(_final(house))
        await stream.end()
        house.store.outgoing_since = asked  # type: ignore[method-assign]  # and its end
    assert page.closing
    async with visitor.following(page) as stream:
        await stream.until("final")
    assert page.shown == {ID: "Hi."}


async def _broken(*_: object, **__: object) -> list[Outgoing]:
    raise StorageError("The disk cannot be read.")


def _final(house: House) -> Reply:
    message = house.last_message()
    return Reply(message_id=message.id, attempt=1, address=message.address, text="Hi.", seq=1, final=True)
