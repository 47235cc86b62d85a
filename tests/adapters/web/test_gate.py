"""What every request passes on its way in, over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import threading
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from adapters.web import source
from adapters.web.origins import CORS
from bot.events import Passage
from storage.base import Document, StoredPassage
from tests.adapters.web.house import WIDE, House, Visitor, serving

ALLOWED = "https://shop.example"
PRIVATE = ["/web/config", "/web/history", "/web/events", "/web/source?location=x"]


# -- origins -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil.example"])
async def test_a_foreign_page_is_refused_everywhere(house: House, path: str, origin: str) -> None:
    """403, and the browser is not allowed to show even that."""
    response = await house.call("GET", path, headers={"Origin": origin})
    assert (response.status, (await response.json())["error"]["code"]) == (403, "foreign_origin")
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_listed_page_may_read_answers_and_errors(house: House, visitor: Visitor) -> None:
    """The permission names the origin, varies with it, and never allows credentials."""
    for path, status in (("/web/config", 200), ("/web/history", 200), ("/web/nothing", 404)):
        response = await visitor.call("GET", path, headers={"Origin": ALLOWED})
        assert response.status == status
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED
        assert "Origin" in response.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in response.headers
    async with house.http.get(f"{house.url}/web/events", headers=visitor.headers | {"Origin": ALLOWED}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED


async def test_our_own_page_needs_no_listing(house: House) -> None:
    """The page that we serve ourselves is no stranger."""
    response = await house.call("POST", "/web/session", {}, headers={"Origin": house.url})
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, house.url)


@pytest.mark.parametrize(("origin", "status"), [(ALLOWED, 204), ("https://evil.example", 403), (None, 204)])
async def test_a_browser_may_ask_first(house: House, origin: str | None, status: int) -> None:
    """A preflight allows what the widget sends, to listed pages alone."""
    headers = {"Access-Control-Request-Method": "POST"} | ({"Origin": origin} if origin else {})
    response = await house.call("OPTIONS", "/web/messages", headers=headers)
    assert response.status == status
    if origin == ALLOWED:
        assert response.headers["Access-Control-Allow-Origin"] == ALLOWED
        assert response.headers["Access-Control-Allow-Headers"] == CORS["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(("trusted", "status"), [(["127.0.0.0/8"], 200), ([], 403)])
async def test_behind_a_trusted_proxy_the_visitors_scheme_counts(
    tmp_path: Path, trusted: list[str], status: int
) -> None:
    """A page served over TLS by a proxy is our own; whoever is no proxy cannot claim that."""
    async with serving(tmp_path, server={"trusted_proxies": trusted}) as house:
        origin = house.url.replace("http:", "https:")
        headers = {"Origin": origin, "X-Forwarded-Proto": "https"}
        assert (await house.call("POST", "/web/session", {}, headers=headers)).status == status


# -- bodies --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "not_json"),
        ({"Content-Type": "application/json; charset=latin-1"}, 415, "not_json"),
        ({"Content-Type": "rubbish"}, 415, "not_json"),
        ({"Content-Encoding": "gzip"}, 415, "compressed"),
        ({"Content-Encoding": "br"}, 415, "compressed"),
        ({"Content-Encoding": "identity, gzip"}, 415, "compressed"),
        ({"Content-Type": "application/json; charset=UTF-8"}, 202, ""),
        ({"Content-Encoding": "identity"}, 202, ""),
    ],
)
async def test_only_plain_json_is_read(visitor: Visitor, headers: dict[str, str], status: int, code: str) -> None:
    """Anything that is not JSON in UTF-8, or is packed, is refused by its label."""
    body = b'{"id":"question-1","text":"hello"}'
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.compress(body)
    response = await visitor.call("POST", "/web/messages", body, headers=headers)
    assert response.status == status
    assert (await response.json()).get("error", {}).get("code", "") == code


async def test_a_large_body_is_refused_before_it_is_sent(house: House, visitor: Visitor) -> None:
    """Its announced length is enough: nothing of it is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rsplit(":", 1)[1]))
    writer.write(
        f"POST /web/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


async def test_a_growing_body_is_refused_at_the_limit(visitor: Visitor) -> None:
    """Without an announced length, reading stops at the limit."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b" " * 10_000

    house = visitor.house
    async with house.http.post(
        f"{house.url}/web/messages",
        data=endless(),
        headers=visitor.headers | {"Content-Type": "application/json"},
    ) as response:
        assert response.status == 413


async def test_a_body_that_breaks_off_harms_nobody(house: House, visitor: Visitor) -> None:
    """A sender who goes away in mid-body leaves nothing behind."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rsplit(":", 1)[1]))
    writer.write(
        f"POST /web/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {visitor.token}\r\n"
        'Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"id":'.encode()
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert not house.published
    await visitor.say("still there")


@pytest.mark.parametrize("unpack", [False, True])
async def test_hostile_bodies_are_refused_and_nothing_breaks(tmp_path: Path, unpack: bool) -> None:
    """Hundreds of broken, deep, packed and mistyped bodies: each is answered, with a 4xx, and never a fault of ours."""
    async with serving(tmp_path, unpack=unpack, web={"limits": WIDE}) as house:
        visitor = await house.visitor()
        for path, body, headers in hostile(random.Random(7)):
            response = await visitor.call("POST", path, body, headers=headers)
            assert response.status < 500
            assert response.status in (200, 202) or unpack or "error" in await response.json()
        await visitor.say("still there")
        assert b"web_requests_refused" in house.metrics.expose()


def hostile(chance: random.Random) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    whole = json.dumps({"id": "question-1", "text": "hello", "conversation": "main", "value": 1, "message_id": "x" * 8})
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (b"[" * 60_000, {}),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}),
        (b"\x00" * 1_000, {}),
        (b"\xff" * 1_000, {}),
        (b'"' + b"\\u0000" * 5_000 + b'"', {}),
        (b'{"id": 1e400}', {}),
        (b'{"id": ' + b"1" * 60_000 + b"}", {}),
        (gzip.compress(b" " * 20_000_000), {"Content-Encoding": "gzip"}),
        (zlib.compress(b" " * 20_000_000), {"Content-Encoding": "deflate"}),
        (b"not packed at all", {"Content-Encoding": "gzip"}),
        (b"not packed at all", {"Content-Encoding": "zstd"}),
    ]
    for _ in range(400):
        broken = bytearray(whole.encode())
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        bodies.append((bytes(broken[: chance.randint(1, len(broken))]), {}))
    for body, headers in bodies:
        yield chance.choice(["/web/messages", "/web/stop", "/web/feedback", "/web/session"]), body, headers


@pytest.mark.parametrize(
    "path",
    [
        "/web/history?conversation=%ff",
        "/web/history?conversation=%00",
        "/web/history?conversation=" + "a" * 7_000,
        "/web/events?after=-1",
        "/web/events?after=99999999999999999999",
        "/web/config?lang=%ff%fe",
        "/web/config?lang=" + "x" * 5_000,
        "/web/source?location=%00",
        "/web/source?location=../../etc/passwd",
        "/web/source?location=%ed%a0%80",
        "/web/source",
        "/web/%2e%2e/%2e%2e/etc/passwd",
        "/web/static/frontdesk.js",
        "/web/",
    ],
)
async def test_hostile_addresses_are_harmless(visitor: Visitor, path: str) -> None:
    """No query and no path is a fault of ours or opens a file."""
    response = await visitor.call("GET", path)
    assert response.status < 500
    assert "root:" not in await response.text(errors="replace")


# -- limits --------------------------------------------------------------------------------------------
async def test_a_visitor_an_address_and_the_site_have_their_limits(tmp_path: Path) -> None:
    """Each limit refuses with 429 and says when to come back; what it refuses is not stored."""
    for limit, code in (
        ("visitor_per_minute", "too_many_messages"),
        ("address_per_minute", "too_many_requests"),
        ("site_per_minute", "site_busy"),
    ):
        async with serving(tmp_path / limit, web={"limits": WIDE | {limit: 4}}) as house:
            visitor = await house.visitor()
            statuses = []
            for number in range(5):
                body = {"id": f"question-{number}", "text": "hello"}
                statuses.append(await visitor.call("POST", "/web/messages", body))
            refused = statuses[-1]
            assert (refused.status, (await refused.json())["error"]["code"]) == (429, code)
            assert int(refused.headers["Retry-After"]) >= 1
            assert len(house.published) == [one.status for one in statuses].count(202) <= 4


async def test_strangers_cannot_pretend_to_be_many(tmp_path: Path) -> None:
    """X-Forwarded-For of somebody who is no proxy of ours does not give him a new allowance."""
    async with serving(tmp_path, web={"limits": WIDE | {"address_per_minute": 3}}) as house:
        statuses = [
            (await house.call("POST", "/web/session", {}, headers={"X-Forwarded-For": f"10.0.0.{number}"})).status
            for number in range(5)
        ]
    assert statuses == [200, 200, 200, 429, 429]


async def test_a_full_house_says_so(tmp_path: Path) -> None:
    """The bound over all streams is ours to answer for: 503, come back."""
    async with serving(tmp_path, web={"limits": WIDE | {"streams": 1}}) as house:
        one, two = await house.visitor(), await house.visitor()
        async with house.http.get(f"{house.url}/web/events", headers=one.headers) as held:
            await held.content.readany()
            response = await two.call("GET", "/web/events")
            assert (response.status, (await response.json())["error"]["code"]) == (503, "overloaded")


# -- answers -------------------------------------------------------------------------------------------
async def test_every_answer_is_guarded(house: House, visitor: Visitor) -> None:
    """Types are not guessed, nobody is told where a reader comes from, nothing of ours is a page to be framed."""
    for path in ("/web/config", "/web/history", "/web/frontdesk.js", "/web/nothing", "/web/source?location=x"):
        headers = (await visitor.call("GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/web/nothing", 404),
        ("GET", "/web/messages", 405),
        ("DELETE", "/web/history", 405),
        ("POST", "/web/config", 405),
    ],
)
async def test_what_is_not_there_is_said_in_json(house: House, method: str, path: str, status: int) -> None:
    """A wrong address and a wrong method are told apart, both as JSON."""
    response = await house.call(method, path)
    assert response.status == status
    assert set((await response.json())["error"]) == {"code", "message"}


async def test_settings_speak_the_pages_language(tmp_path: Path) -> None:
    """What the panel says comes in the page's language where there is one, else in the site's own; no secret shows."""
    web = {
        "title": "Help",
        "greeting": {"en": "Hello!", "de": "Hallo!"},
        "suggestions": {"en": ["Returns?"]},
        "link_hosts": ["shop.example"],
    }
    async with serving(tmp_path, environ={"FRONTDESK_WEB__TOKEN_SECRET": "t" * 32}, web=web) as house:
        answers = [await (await house.call("GET", f"/web/config?lang={tag}")).json() for tag in ("de-CH", "fr", "")]
    assert [answer["greeting"] for answer in answers] == ["Hallo!", "Hello!", "Hello!"]
    assert answers[0] == {
        "title": "Help",
        "greeting": "Hallo!",
        "suggestions": ["Returns?"],
        "anonymous": True,
        "message_characters": 8_000,
        "link_hosts": ["shop.example"],
        "heartbeat_seconds": 15,
    }


async def put(house: House, location: str, scope: str = "") -> None:
    passage = Passage(text="**Thirty** days.", title="Returns", location=location, score=0, language="en")
    document = Document(
        location=location, title="Returns", language="en", digest="d", passages=1, added_at=0.0, scope=scope
    )
    stored = StoredPassage(passage=passage, title_terms="return", heading_terms="", body_terms="thirty day")
    await house.store.put_document(document, [stored])


async def test_a_source_is_shown(house: House) -> None:
    """A citation opens its document as a page that nothing can run in; only public ones are found."""
    await put(house, "help/a b&c.md")
    await put(house, "secret.md", scope="staff")
    response = await house.call("GET", "/web/source?location=help%2Fa%20b%26c.md")
    assert response.status == 200
    assert response.content_type == "text/html"
    assert "<strong>Thirty</strong> days." in await response.text()
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert (await house.call("GET", "/web/source?location=secret.md")).status == 404


async def test_a_source_is_made_beside_the_loop(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long document takes seconds to render and anybody may ask for it: no stream waits for that."""
    render, threads = source.page, []

    def page(passages: Sequence[Passage]) -> str:
        threads.append(threading.current_thread())
        return render(passages)

    monkeypatch.setattr(source, "page", page)
    await put(house, "long.md")
    assert (await house.call("GET", "/web/source?location=long.md")).status == 200
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_a_lost_source_is_said_to_people_too(house: House) -> None:
    """A browser gets a page, a program gets JSON; both are 404."""
    page = await house.call("GET", "/web/source?location=x", headers={"Accept": "text/html,*/*"})
    told = await house.call("GET", "/web/source?location=x")
    assert (page.status, page.content_type) == (404, "text/html")
    assert (told.status, told.content_type) == (404, "application/json")
