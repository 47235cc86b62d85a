"""Where a reader opens the sources that an answer cites: one rule for every channel. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from bot.events import Citation

_WEB = re.compile(r"https?://[^\s\\\x00-\x1f\x7f]+")
_ROOTED = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")


def web_url(citation: Citation, root: str = "") -> str:
    """The page that a source stands for, else its own address; "" when the web has neither.

    `root` is put before an address that begins at our own root.
    """
    for url in (citation.url, citation.location):
        if is_web_address(url):
            return url
    return root + citation.url if _ROOTED.fullmatch(citation.url) else ""


def rendering_url(citation: Citation, root: str = "") -> str:
    """The page on which we show a source that has none of its own."""
    return f"{root}/web/source?location={quote(citation.location, safe='', errors='replace')}"


def is_web_address(url: str) -> bool:
    """Whether `url` may be opened: of the web, with a host, and without a name or password in it."""
    if not _WEB.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc
