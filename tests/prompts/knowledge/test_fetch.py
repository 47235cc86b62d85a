"""Fetching: only the public internet, however an address is written, resolved or redirected."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import SourceError
from prompts.knowledge.addresses import Policy, check_url, refusal
from prompts.knowledge.fetch import Fetcher

_REFUSED = (
    "127.0.0.1 127.8.9.1 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255",
    "169.254.169.254 169.254.0.1 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 192.88.99.1 224.0.0.1",
    "239.1.1.1 240.0.0.1 255.255.255.255 :: ::1 ::2 ::7f00:1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:8.8.8.8",
    "::ffff:7f00:1",
    "::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 2002:7f00:1:: 2002:808:808::1 2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 100::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 fc00::1 fd12:3456::1",
    "ff02::1 ff0e::1 2606:4700::5efe:7f00:1 2606:4700::200:5efe:808:808 4000::1 example.org 1.2.3 999.1.1.1",
)
REFUSED = [address for line in _REFUSED for address in line.split()]
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"]


class Names(AbstractResolver):
    """A resolver with answers of our own. A name with several lists gives the next one at each question."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {name.replace("_", "."): found for name, found in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        found = self._answers.get(host)
        if not found:
            raise OSError(None, "no such host")
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=0, flags=socket.AI_NUMERICHOST,
            )
            for one in found
        ]  # fmt: skip

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    """Loopback, private, link-local, multicast, reserved, and everything that stands for another address."""
    assert refusal(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_taken(address: str) -> None:
    """The rules leave the internet itself alone."""
    assert refusal(address) == ""


def test_tests_may_reach_loopback_and_nothing_else() -> None:
    """The exception is a parameter, and it is narrow."""
    taken = [address for address in REFUSED if not refusal(address, loopback=True)]
    assert taken == ["127.0.0.1", "127.8.9.1", "::1"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://example.org/", "Only http and https"),
        ("file:///etc/passwd", "Only http and https"),
        ("gopher://example.org/", "Only http and https"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://user@example.org/", "user name or password"),
        ("http://user:secret@example.org/", "user name or password"),
        ("http://@127.0.0.1/", "user name or password"),
        ("http://example.org\\@127.0.0.1/", "user name or password"),
        ("http://example.org:22/", "Port 22"),
        ("http://example.org:8080/", "Port 8080"),
        ("http://example.org:99999/", "cannot be understood"),
        ("http://[::1/", "cannot be understood"),
        ("http://exa mple.org/", "white space"),
        ("http://example.org/\r\nHost: x", "white space"),
        ("http://127.0.0.1/", "loopback"),
        ("http://[::1]/", "loopback"),
        ("http://[::ffff:169.254.169.254]/", "written as IPv6"),
        ("http://[fe80::1%25eth0]/", "link-local"),
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        (f"http://example.org/{'a' * 5_000}", "too long"),
    ],
)
async def test_addresses_that_are_not_fetched_say_why(url: str, sentence: str) -> None:
    """Refused before anything is resolved; the sentence names the rule and never a password."""
    names = Names()
    with pytest.raises(SourceError, match=sentence) as error:
        await Fetcher(resolver=names).fetch(url)
    assert names.asked == []
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "address", [address for address in REFUSED if refusal(address) != "something that is no IP address"]
)
async def test_names_that_lead_inside_are_refused(address: str) -> None:
    """A name is judged by all of its addresses: one that is not public is enough."""
    names = Names(inside_example=["93.184.216.34", address.split("%")[0]])
    with pytest.raises(SourceError, match=r"It leads to .*, which is not fetched"):
        await Fetcher(resolver=names).fetch("http://inside.example/")


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::]", "0"])
async def test_this_machine_is_refused_under_every_spelling(host: str) -> None:
    """The system's own resolver understands many; what it makes of them is what is judged."""
    with pytest.raises(SourceError, match=r"which is not fetched|could not be fetched"):
        await Fetcher().fetch(f"http://{host}/")


def test_the_plain_form_has_no_fragment_and_a_lower_case_host() -> None:
    """What is fetched is what was checked."""
    assert check_url("HTTPS://Shop.Example/A?b=C#d", Policy()) == "https://shop.example/A?b=C"
    assert check_url("http://shop.example", Policy()) == "http://shop.example/"


# -- against a real server on loopback, which these tests permit by name ------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    def __init__(self, port: int, handlers: dict[str, Handler]) -> None:
        self.port, self.handlers = port, handlers
        self.hits: list[str] = []

    def url(self, path: str, host: str = "site.example") -> str:
        return f"http://{host}:{self.port}{path}"

    def fetcher(self, *, resolver: AbstractResolver | None = None, **limits: float) -> Fetcher:
        policy = Policy(loopback=True, ports=frozenset((self.port,)), **limits)  # type: ignore[arg-type]
        return Fetcher(policy, resolver=resolver or Names(site_example=["127.0.0.1"]))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async def dispatch(request: web.Request) -> web.StreamResponse:
        found.hits.append(request.path)
        return await found.handlers[request.path](request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dispatch)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    found = Site(runner.addresses[0][1], {})
    yield found
    await runner.cleanup()


def answer(body: bytes = b"<p>Hello", kind: str = "text/html", status: int = 200, **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers={"Content-Type": kind, **named})

    return handle


async def test_a_page_is_fetched(site: Site) -> None:
    """Its bytes, its kind, its encoding and where it was found."""
    site.handlers["/a"] = answer(kind="text/html; charset=gbk")
    page = await site.fetcher().fetch(site.url("/a#part"))
    assert (page.body, page.kind, page.charset, page.url) == (b"<p>Hello", "html", "gbk", site.url("/a"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(site: Site, status: int) -> None:
    """Five of them, relative ones, too."""
    for number in range(5):
        site.handlers[f"/{number}"] = answer(status=status, Location=f"{number + 1}")
    site.handlers["/5"] = answer()
    assert (await site.fetcher().fetch(site.url("/0"))).url == site.url("/5")


async def test_six_redirects_are_too_many(site: Site) -> None:
    """So a loop ends."""
    site.handlers["/loop"] = answer(status=302, Location="/loop")
    with pytest.raises(SourceError, match="more than 5 times"):
        await site.fetcher().fetch(site.url("/loop"))
    assert len(site.hits) == 6


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("http://10.0.0.1:{port}/", "private"),
        ("http://169.254.169.254:{port}/latest", "link-local"),
        ("http://[::ffff:7f00:1]:{port}/", "written as IPv6"),
        ("//private.example:{port}/", "private"),
        ("http://site.example/", "Port 80"),
        ("https://user:pw@site.example:{port}/", "user name"),
        ("file:///etc/passwd", "Only http"),
        ("", "to nowhere"),
        ("gopher://x", "Only http"),
    ],
)
async def test_every_step_of_a_redirect_is_checked(site: Site, target: str, sentence: str) -> None:
    """A page may lead anywhere but inside: address, host, port, scheme and user name are checked at each step."""
    site.handlers["/first"] = answer(status=302, Location="/second")
    site.handlers["/second"] = answer(status=307, Location=target.replace("{port}", str(site.port)))
    names = Names(site_example=["127.0.0.1"], private_example=["192.168.0.1"])
    with pytest.raises(SourceError, match=sentence):
        await site.fetcher(resolver=names).fetch(site.url("/first"))
    assert site.hits == ["/first", "/second"]


async def test_a_name_that_changes_its_address_gains_nothing(site: Site) -> None:
    """DNS rebinding: the name is resolved once, and what was checked is what is connected to."""

    class Rebinding(Names):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            self._answers = {host: ["93.184.216.34"] if not self.asked else ["127.0.0.1"]}
            return await super().resolve(host, port, family)

    class Watched(Fetcher):
        def _socket(self, info: Any) -> socket.socket:
            connected.append(info[4][0])
            raise OSError("not in a test")

    connected: list[str] = []
    names = Rebinding()
    with pytest.raises(SourceError, match="could not be fetched"):
        await Watched(Policy(ports=frozenset((site.port,))), resolver=names).fetch(site.url("/", "rebind.example"))
    assert (names.asked, connected, site.hits) == (["rebind.example"], ["93.184.216.34"], [])


async def test_the_last_gate_is_where_the_socket_is_made() -> None:
    """Should anything get past the resolver's check, no socket is made for an address inside."""
    with pytest.raises(OSError, match="loopback"):
        Fetcher()._socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (answer(status=404), "answered 404"),
        (answer(status=500), "answered 500"),
        (answer(kind="image/png"), "It is image/png, which is not read"),
        (answer(kind="application/octet-stream"), "application/octet-stream"),
        (answer(b"x" * 1_001), "larger than 1000 bytes"),
        (answer(gzip.compress(b"x" * 1_001), Content_Encoding="gzip"), "larger than 1000 bytes"),
        (answer(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip"), "larger than 1000 bytes"),
        (answer(zlib.compress(b"y" * 1_001), Content_Encoding="deflate"), "larger than 1000 bytes"),
        (answer(b"not gzip", Content_Encoding="gzip"), "compression is broken"),
        (answer(gzip.compress(b"x" * 500)[:-9], Content_Encoding="gzip"), "broke off in the middle"),
        (answer(b"x", Content_Encoding="br"), "packed it as br"),
    ],
)
async def test_answers_that_are_not_taken_say_why(site: Site, handler: Handler, sentence: str) -> None:
    """Status, kind, size before and after decompression."""
    site.handlers["/a"] = handler
    with pytest.raises(SourceError, match=sentence):
        await site.fetcher(max_bytes=1_000).fetch(site.url("/a"))


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_pages_are_unpacked(site: Site, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """Also large ones, whole."""
    text = b"".join(b"<p>%d" % number for number in range(100_000))
    site.handlers["/a"] = answer(pack(text), Content_Encoding=encoding)
    assert (await site.fetcher().fetch(site.url("/a"))).body == text


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/x.md", "text/plain", "markdown"),
        ("/x.pdf", "application/octet-stream", "pdf"),
        ("/x", "text/plain", "text"),
        ("/x.md", "text/html", "html"),
        ("/x", "text/csv", "csv"),
    ],
)
async def test_kinds_go_by_the_server_and_then_by_the_name(site: Site, path: str, kind: str, expected: str) -> None:
    """A server that only says "text" or "bytes" leaves it to the address."""
    site.handlers[path] = answer(kind=kind)
    assert (await site.fetcher().fetch(site.url(path))).kind == expected


async def test_a_server_that_trickles_is_given_up(site: Site) -> None:
    """The time is for the whole fetch, so a byte now and then does not keep it alive."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        for _ in range(1_000):
            await response.write(b"x")
            await asyncio.sleep(0.02)
        return response

    site.handlers["/slow"] = trickle
    with pytest.raises(SourceError, match=r"did not arrive within 0\.3 seconds"):
        await site.fetcher(seconds=0.3).fetch(site.url("/slow"))


async def test_nobody_there_is_a_sentence(site: Site) -> None:
    """A host that is unknown, and one that does not answer."""
    with pytest.raises(SourceError, match="could not be fetched"):
        await site.fetcher().fetch(site.url("/", "unknown.example"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    policy = Policy(loopback=True, ports=frozenset((port,)))
    with pytest.raises(SourceError, match="could not be fetched"):
        await Fetcher(policy).fetch(f"http://127.0.0.1:{port}/")
