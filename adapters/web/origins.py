"""Which pages may speak to us, and from which address a request came. Pure.

A page on an origin of its own may do so only when it is listed in `web.origins`, exactly. The Origin header is no
authentication (a program may send any), it keeps other sites' pages from using a visitor's browser; who a visitor
is, the token says. Since no cookie is used, credentials are never allowed across origins.
Cross-origin requests: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from bot.errors import ConfigError

Network = IPv4Network | IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}
CORS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Max-Age": "7200",
}


def origin_of(url: str) -> str:
    """The origin of an address, as browsers write it; "" for what has none."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


class Origins:
    """The pages that may speak to us. Raises `ConfigError` for an entry that is no origin."""

    def __init__(self, allowed: Sequence[str], public_url: str = "") -> None:
        self._allowed = {_listed(entry) for entry in allowed}
        if public_url:
            origin = origin_of(public_url)
            if not origin:
                raise ConfigError(f'`server.public_url` is {public_url!r}: write it like "https://chat.example.org".')
            self._allowed.add(origin)

    def allow(self, origin: str, *, scheme: str, host: str) -> bool:
        """Whether a page of `origin` may use the server that it reached as `scheme://host`."""
        if origin in self._allowed:
            return True
        own = origin_of(f"{scheme}://{host}")
        return bool(own) and origin == own


def _listed(entry: str) -> str:
    origin = origin_of(entry)
    path = urlsplit(entry.strip()).path if origin else ""
    if not origin or path not in ("", "/") or "*" in entry or "?" in entry or "#" in entry:
        raise ConfigError(
            f'`web.origins` holds {entry!r}: each site is written out, like "https://example.org", without a path or *.'
        )
    return origin


# -- addresses -----------------------------------------------------------------------------------------
def networks(entries: Iterable[str]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(entry.strip(), strict=False) for entry in entries)
    except ValueError as error:
        raise ConfigError(f"`server.trusted_proxies`: {error}. Write addresses or networks like 10.0.0.0/8.") from None


def is_trusted(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Whether what `peer` says about others is believed; a local socket (None) is, when any proxy is."""
    if not peer:
        return bool(trusted)
    address = _parsed(peer)
    return address is not None and _within(address, trusted)


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Whom a request is from: the first address, walking from us outwards, that is no proxy of ours.

    `peer` is who connected (None for a local socket), `forwarded` the X-Forwarded-For headers in their order, of
    which anybody may have written the left part. An IPv6 site counts as its /64, since it may use all of it.
    """
    nearest = _parsed(peer) if peer else None
    if not is_trusted(peer, trusted):
        return _counted(nearest)
    hops = [hop for header in forwarded for hop in header.split(",")]
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None:
            break
        nearest = address
        if not _within(address, trusted):
            break
    return _counted(nearest)


def _parsed(text: str) -> IPv6Address | None:
    """Any address as IPv6 (IPv4 as its mapped form), with or without a port; None for what is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")


def _within(address: IPv6Address, trusted: Sequence[Network]) -> bool:
    plain = address.ipv4_mapped or address
    return any(plain in network for network in trusted)


def _counted(address: IPv6Address | None) -> str:
    if address is None:
        return "local"
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
