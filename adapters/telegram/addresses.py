"""Which addresses Telegram takes in a link, and the addresses of the sources that an answer cites. Pure.

The server refuses a whole message for one address that it does not like (TDLib's `LinkManager::check_link`): it takes
http and https with a dot in the host's name, and its own tg: links. Those can name people, so that a model or a visitor
could call them: they stay text here. Addresses for mail and telephone are written out, and Telegram finds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from adapters.sources import is_web_address, rendering_url, web_url
from bot.events import Citation

_LONGEST = 2_048
_HOST = re.compile(r"[\w!$,~*'();&+=-]+(?:\.[\w!$,~*'();&+=-]+)+\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_ROOTED = re.compile(r"/(?![/\\])[^\s\\]*")
_WRITTEN = re.compile(r"(?:mailto|tel|sms):", re.IGNORECASE)
_TITLE_CHARACTERS = 120


def linkable(url: str) -> bool:
    """Whether Telegram takes `url` as the address of a link, and nobody is called by it."""
    if len(url) > _LONGEST or not is_web_address(url):
        return False
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return port_is_right and _HOST.fullmatch(parts.hostname or "") is not None


def target(url: str, root: str = "") -> str:
    """Where a link to `url` leads; "" when Telegram takes no link there. `root` goes before one of our own."""
    full = root + url if root and _ROOTED.fullmatch(url) else url
    return full if linkable(full) else ""


def written(url: str, label: str) -> str:
    """What to add to `label` so that a reader knows where a link leads that cannot be one; "" for nothing."""
    if is_web_address(url):
        shown = url
    elif _WRITTEN.match(url):
        shown = unquote(_WRITTEN.sub("", url)).split("?")[0]
    else:
        return ""
    return "" if not shown.strip() or shown in label else shown


def sources(citations: Sequence[Citation], root: str, *, pages: bool) -> Mapping[int, str]:
    """The addresses of the sources that have one, by number. `pages`: our own pages about sources can be reached."""
    found = {}
    for citation in citations:
        url = web_url(citation, root) if root or not citation.url.startswith("/") else ""
        url = url or (rendering_url(citation, root) if root and pages else "")
        if linkable(url):
            found[citation.number] = url
    return found


def title(citation: Citation) -> str:
    """What a source is called, in one line that is not too long."""
    named = " ".join(citation.title.split()) or citation.location.rsplit("/", 1)[-1]
    return named if len(named) <= _TITLE_CHARACTERS else named[: _TITLE_CHARACTERS - 1].rstrip() + "…"
