"""Which pages may speak to us, and from which address a request came."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.web.origins import Origins, client_address, is_trusted, networks, origin_of
from bot.errors import ConfigError

ORIGINS = Origins(
    ("https://shop.example", "http://localhost:3000", "https://MÜLLER.example:443/"), "https://chat.example/"
)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://shop.example", True),
        ("http://localhost:3000", True),
        ("https://müller.example", True),
        ("https://chat.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://shop.example", False),
        ("https://shop.example:444", False),
        ("https://shop.example.evil.example", False),
        ("https://evilshop.example", False),
        ("https://www.shop.example", False),
        ("https://shop.example/", False),
        ("https://SHOP.example", False),
        ("http://localhost", False),
        ("https://127.0.0.1:8080", False),
        ("http://127.0.0.1:8081", False),
        ("null", False),
        ("", False),
        ("*", False),
        ("file://", False),
        ("https://shop.example, https://evil.example", False),
    ],
)
def test_an_origin_is_allowed_exactly_or_not_at_all(origin: str, allowed: bool) -> None:
    """Scheme, host and port all count; nothing is a prefix or a suffix of anything."""
    assert ORIGINS.allow(origin, scheme="http", host="127.0.0.1:8080") is allowed


@settings(deadline=None)
@given(some.text(max_size=40), some.text(max_size=40))
def test_no_origin_breaks_the_check(origin: str, host: str) -> None:
    """Whatever the headers hold, the answer is yes or no; a strange host is nobody's own origin."""
    assert ORIGINS.allow(origin, scheme="http", host=host) in (True, False)
    assert not ORIGINS.allow("null", scheme="http", host=host)
    assert not Origins(()).allow("", scheme="http", host=host)


@pytest.mark.parametrize(
    "entry", ["*", "https://*.example", "shop.example", "https://shop.example/path", "ftp://a.example", "https://", ""]
)
def test_an_entry_that_is_no_origin_stops_the_start(entry: str) -> None:
    """A list that would allow less or more than it seems to is refused with an example."""
    with pytest.raises(ConfigError, match=r"https://example\.org"):
        Origins((entry,))


def test_a_public_address_has_an_origin() -> None:
    """`server.public_url` without a scheme is named."""
    with pytest.raises(ConfigError, match="public_url"):
        Origins((), "chat.example")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://a.example:443/x", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:8080", "http://a.example:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://A.example", "https://a.example"),
        ("https://u:p@a.example", ""),
        ("https://a.example:99999", ""),
        ("data:text/html,x", ""),
    ],
)
def test_an_origin_is_written_like_browsers_do(url: str, origin: str) -> None:
    """Default ports are left out, names are lower-case, what has no origin has none."""
    assert origin_of(url) == origin


# -- addresses -----------------------------------------------------------------------------------------
PROXIES = networks(["10.0.0.0/8", "fd00::/8", "192.0.2.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", ["1.2.3.4"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.5, 10.9.9.9"], "203.0.113.5"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.5, 192.0.2.1"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["::ffff:203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ['"[2001:db8:1:2:3::9]:4711"'], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["203.0.113.5, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5, "], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("2001:db8:1:2:3::9", [], "2001:db8:1:2::/64"),
        (None, ["203.0.113.5"], "203.0.113.5"),
        (None, [], "local"),
    ],
)
def test_the_sender_is_the_first_stranger_from_the_right(peer: str | None, forwarded: list[str], address: str) -> None:
    """What a sender writes to the left of the truth does not change whom a request is counted to."""
    assert client_address(peer, forwarded, PROXIES) == address


@settings(deadline=None)
@given(some.text(max_size=60))
def test_without_proxies_nobody_is_believed(header: str) -> None:
    """X-Forwarded-For from a stranger is never looked at."""
    assert client_address("203.0.113.5", [header], ()) == "203.0.113.5"
    assert not is_trusted("203.0.113.5", ())
    assert not is_trusted(None, ())


@settings(deadline=None)
@given(some.lists(some.text(max_size=40), max_size=3))
def test_no_header_breaks_the_walk(forwarded: list[str]) -> None:
    """Whatever a header holds, an address comes out that is harmless as a key."""
    address = client_address("10.0.0.1", forwarded, PROXIES)
    assert address.isascii()
    assert len(address) < 50


def test_a_proxy_that_is_no_network_stops_the_start() -> None:
    """An entry that would trust nobody, or everybody, by mistake is named."""
    with pytest.raises(ConfigError, match="trusted_proxies"):
        networks(["proxy.internal"])
