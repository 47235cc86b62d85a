"""The web channel: a chat on any page, over plain HTTP and server-sent events.

    bodies     what the widget says to us: pure
    protocol   what we say to the widget, and the names of things: pure
    tokens     who a visitor is: pure, but for the key file
    origins    which pages may speak to us, and from which address a request came: pure
    limits     how often and how many at once: pure
    streams    what is being written, and the open connections that follow it
    connection the socket below a stream
    gate       what every request passes on its way in and every answer on its way out
    pages      what is public: the widget, its settings
    source     a source that an answer cites, as a page: pure
    talk       what a visitor may do: say, follow, stop, rate, look back
    adapter    the channel itself

The life of a visit: the page loads `frontdesk.js`; `POST /web/session` gives a token that is bound to a random
visitor (or to the site's own user); `POST /web/messages` is acknowledged once it is durable; one
`GET /web/events` brings the answer while it is written and again after every reconnect.
"""

from __future__ import annotations

from adapters.base import Adapter, Context


def make(context: Context) -> Adapter:
    """The web channel for `context`. Raises `ConfigError` when what it was given cannot work."""
    from adapters.web.adapter import WebAdapter

    return WebAdapter(context)
