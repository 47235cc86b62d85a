"""Which addresses on the web may be fetched: pure rules, no socket.

An IP address is taken only when it is an ordinary one of the public internet. Everything that can stand for another
address (IPv4 in IPv6, NAT64, 6to4, Teredo, ISATAP) is refused whole, so that nothing hides behind a translation.
The special ranges are those of the IANA registries (RFC 6890 and its successors), as `ipaddress` knows them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from bot.errors import SourceError

_TRANSLATED = (
    (ipaddress.ip_network("::ffff:0:0/96"), "an IPv4 address written as IPv6"),
    (ipaddress.ip_network("::ffff:0:0:0/96"), "an IPv4 address translated to IPv6"),
    (ipaddress.ip_network("64:ff9b::/96"), "a NAT64 address"),
    (ipaddress.ip_network("64:ff9b:1::/48"), "a NAT64 address"),
    (ipaddress.ip_network("2001::/32"), "a Teredo address"),
    (ipaddress.ip_network("2002::/16"), "a 6to4 address"),
    (ipaddress.ip_network("192.88.99.0/24"), "a 6to4 relay"),
)
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")
_ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be fetched. `loopback` is for tests alone: no configuration leads here.

    `seconds` is for a whole fetch with its redirects, `max_bytes` for the body as it is after decompression.
    """

    max_bytes: int = 20_000_000
    seconds: float = 30.0
    redirects: int = 5
    ports: frozenset[int] = frozenset((80, 443))
    loopback: bool = False


def refusal(address: str, *, loopback: bool = False) -> str:
    """Why the IP address may not be connected to, in words that fit after "leads to"; "" when it may."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "something that is no IP address"
    if ip.is_loopback and loopback:
        return ""
    return next((name for network, name in _TRANSLATED if ip in network), "") or _special(ip)


def _special(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    kinds = (
        (ip.is_loopback, "this machine itself (a loopback address)"),
        (ip.is_unspecified, "the unspecified address"),
        (ip.is_multicast, "a multicast address"),
        (ip.is_link_local, "a link-local address"),
        (ip.is_reserved or not ip.is_global, "a private or reserved address"),
        (isinstance(ip, ipaddress.IPv6Address) and not _ordinary(ip), "an address outside the public internet"),
    )
    return next((name for applies, name in kinds if applies), "")


def _ordinary(ip: ipaddress.IPv6Address) -> bool:
    return ip in _PUBLIC_IPV6 and ip.packed[8:12] not in _ISATAP and not ip.scope_id


def check_url(url: str, policy: Policy) -> str:
    """The address in its plain form, without a fragment. Raises `SourceError` when it may not be fetched.

    The host's own addresses are checked later, when they are known; one that is written out is checked here.
    """
    if len(url) > 4_000 or any(character.isspace() or not character.isprintable() for character in url):
        raise SourceError("It is not an address: it is too long or holds white space.")
    try:
        parts = urlsplit(url)
        port: int | None = parts.port
    except ValueError:
        raise SourceError("It is not an address: its host or port cannot be understood.") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise SourceError("Only http and https addresses are fetched.")
    if parts.username is not None or parts.password is not None or "\\" in url:
        raise SourceError("An address with a user name or password in it is not fetched: leave them out.")
    if not parts.hostname:
        raise SourceError("It is not an address: it names no host.")
    port = port or (443 if scheme == "https" else 80)
    if port not in policy.ports:
        raise SourceError(f"Port {port} is not fetched from, only {', '.join(map(str, sorted(policy.ports)))}.")
    if why := _written_out(parts.hostname, policy):
        raise SourceError(f"It leads to {why}, which is not fetched.")
    netloc = parts.netloc.lower()
    return urlunsplit((scheme, netloc, parts.path or "/", parts.query, ""))


def _written_out(host: str, policy: Policy) -> str:
    if "%" in host:
        return "a link-local address"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return ""
    return refusal(host, loopback=policy.loopback)
