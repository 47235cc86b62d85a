"""What a message refers to: files and threads, fetched when they are needed; and whether somebody may read a thread.

Tokens go to Slack alone: a file's address is looked at before anything is sent to it, since in a shared channel other
workspaces' apps write what stands there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from adapters.slack import names, rules
from adapters.slack.accounts import Accounts
from adapters.slack.api import SlackError, is_slacks
from adapters.slack.calls import Calls
from adapters.slack.installs import Account
from adapters.slack.mrkdwn import mentioned, mentions, readable, without
from adapters.slack.payload import inner, is_id, is_ts, objects, string
from adapters.slack.people import People
from adapters.slack.unmarked import told_by, without_sources
from adapters.slack.words import about_thread, said_to_bot
from bot.config import SlackConfig
from bot.errors import FrontdeskError, SourceError
from bot.events import Address, Attachment

THREAD = "application/vnd.frontdesk.thread"

_PAGES, _PAGE = 50, 200
_NAME_SECONDS = 1.0
_NAMES_SECONDS = 15.0
"""How long all the names in a thread are waited for; whoever is not known by then is named by their id."""
_MAY_SECONDS = 1.8
_SILENT = ("tombstone", "channel_join", "channel_leave", "channel_topic", "channel_purpose", "assistant_app_thread")


def attached_thread(team: str, channel: str, root: str) -> Attachment:
    """A thread as an attachment: `Reading.fetch` gives what was said in it."""
    return Attachment(name="thread", media_type=THREAD, size=0, location=f"thread:{team}:{channel}:{root}")


class Reading:
    def __init__(self, config: SlackConfig, accounts: Accounts, calls: Calls, people: People) -> None:
        self._config, self._accounts, self._calls, self._people = config, accounts, calls, people

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        """See `adapters.base.Fetching`. Raises `SourceError`."""
        kind, _, place = attachment.location.partition(":")
        parts = place.split(":")
        if address.channel != names.CHANNEL or address.account not in ("", parts[0]):
            raise _missing("It belongs to another conversation.")
        try:
            if kind == "file" and len(parts) == 2 and all(map(is_id, parts)):
                return await self._file(parts[0], parts[1], limit)
            if kind == "thread" and len(parts) == 3 and all(map(is_id, parts[:2])) and is_ts(parts[2]):
                return await self._thread(parts[0], parts[1], parts[2], limit)
        except (SlackError, FrontdeskError) as error:
            if isinstance(error, SourceError):
                raise
            raise _missing("Slack does not give it.") from None
        raise _missing("It is nothing that Slack has.")

    async def may_read(self, account: Account, user: str, channel: str) -> bool:
        """Whether `user` could read `channel` without us: nobody reads a private channel through the bot."""
        try:
            async with asyncio.timeout(_MAY_SECONDS):
                place = inner(await self._calls.call(account.team, "conversations.info", channel=channel), "channel")
                direct = bool(place.get("is_im"))
                if not rules.may_answer_in(channel, self._config, direct=direct):
                    return False
                if direct:
                    return string(place, "user") == user
                if not place.get("is_member"):
                    return False
                closed = place.get("is_private") or place.get("is_mpim") or place.get("is_group")
                if not closed and (await self._people.of(account.team, user, _NAME_SECONDS)).member:
                    return True
                return await self._is_member(account.team, user, channel)
        except (SlackError, FrontdeskError, TimeoutError):
            return False

    async def _is_member(self, team: str, user: str, channel: str) -> bool:
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = await self._calls.call(team, "conversations.members", channel=channel, limit=_PAGE, **more)
            if user in page.get("members", ()):
                return True
            if not (cursor := _next(page)):
                break
        return False

    # -- files ---------------------------------------------------------------------------------------
    async def _file(self, team: str, ident: str, limit: int) -> bytes:
        file = inner(await self._calls.call(team, "files.info", file=ident), "file")
        size = file.get("size")
        if isinstance(size, int) and size > limit:
            raise SourceError(f"It is larger than {limit} bytes.", why="large")
        url = string(file, "url_private_download") or string(file, "url_private")
        if not is_slacks(url, self._config.base_url):
            raise _missing("Slack does not keep it itself.")
        raw = await self._calls.download(team, url, limit)
        if _is_page(raw) and not string(file, "mimetype").startswith("text/html"):
            raise _missing("Slack shows a page to log in instead of it: the app lacks the scope files:read.")
        return raw

    # -- threads -------------------------------------------------------------------------------------
    async def _thread(self, team: str, channel: str, root: str, limit: int) -> bytes:
        """What was said there, oldest first; what is beyond `limit` bytes is left out from the beginning."""
        account = await self._accounts.of(team)
        until = time.monotonic() + _NAMES_SECONDS
        kept: deque[bytes] = deque()
        size, cursor, seen = 0, "", set[str]()
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = await self._calls.call(team, "conversations.replies", channel=channel, ts=root, limit=_PAGE, **more)
            for message in objects(page, "messages"):
                if string(message, "ts") in seen:  # the root comes with every page
                    continue
                seen.add(string(message, "ts"))
                if line := await self._line(account, message, until):
                    kept.append(line)
                    size += len(line)
                    while size > limit and kept:
                        size -= len(kept.popleft())
            if not (cursor := _next(page)):
                break
        return b"".join(kept)

    async def _line(self, account: Account, message: Mapping[str, Any], until: float) -> bytes:
        text, user = string(message, "text"), string(message, "user")
        speaker = ""
        if user and user == account.bot_user:
            speaker, text = told_by(_own(message))
        if string(message, "subtype") in _SILENT or _is_order(text, account):
            return b""
        shown = dict[str, str]()
        for person in {user, *mentioned(text)} - {""}:
            seconds = min(_NAME_SECONDS, max(0.0, until - time.monotonic()))
            shown[person] = (await self._people.of(account.team, person, seconds)).name
        files = ", ".join(string(file, "name") for file in objects(message, "files") if string(file, "name"))
        said = readable(without(text, account.bot_user), shown) + (f" [{files}]" if files else "")
        name = (
            speaker
            or shown.get(user)
            or string(inner(message, "bot_profile"), "name")
            or string(message, "username")
            or user
        )
        return f"{' '.join(name.split())}: {said.strip()}\n".encode() if said.strip() else b""


def _own(message: Mapping[str, Any]) -> str:
    """What we said ourselves. Its `text` may be a notification's, which is cut; the whole of it stands in a block."""
    written = [string(block, "text") for block in objects(message, "blocks") if block.get("type") == "markdown"]
    return without_sources("\n".join(written) or string(message, "text"))


def _is_order(text: str, account: Account) -> bool:
    """Whether it only asks the bot for this summary."""
    return mentions(text, account.bot_user) and about_thread(said_to_bot(without(text, account.bot_user)))


def _is_page(raw: bytes) -> bool:
    return raw[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _next(page: Mapping[str, Any]) -> str:
    return string(inner(page, "response_metadata"), "next_cursor")


def _missing(text: str) -> SourceError:
    return SourceError(text, why="missing")
