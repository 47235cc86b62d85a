"""What the house says goes to Slack here: each answer and each post once, whatever is repeated or dies on the way."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from adapters.slack import names
from adapters.slack.accounts import Accounts, NotInstalled
from adapters.slack.api import Api, Busy, SlackError
from adapters.slack.cases import CARD
from adapters.slack.contents import Contents
from adapters.slack.installs import Account
from adapters.slack.patience import Patience
from adapters.slack.sends import Place, Sends, is_ts
from adapters.slack.sessions import Sessions
from adapters.slack.showing import Content, Showing
from adapters.slack.writer import Writer
from bot.config import Config
from bot.events import Failed, Outbound, Post, Reply
from bot.metrics import Metrics
from bot.phrases import said as phrase
from storage.base import Send, Store

log = structlog.get_logger()

_LIVE_SECONDS = 0.4
"""A message changes no more often while it is written."""
_REMEMBERED = 2_048
_LOGGED = 1_000


class Sender:
    def __init__(self, api: Api, accounts: Accounts, store: Store, config: Config, metrics: Metrics) -> None:
        self._api, self._accounts, self._store, self._config = api, accounts, store, config
        self._sends = Sends(store, api)
        self._sessions = Sessions(api)
        self._writer = Writer(api, self._sends, self._sessions, metrics)
        self._contents = Contents(config)
        self._showing: OrderedDict[str, Showing] = OrderedDict()
        self._patience = Patience()
        self._told: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._given_up = metrics.counter("slack_given_up", "Sends that Slack will never take.", "error")

    async def send(self, event: Outbound) -> str:
        """Show `event`, and return the house's name of its first message ("" when there is none).

        An answer that is still being written is shown as far as that costs nobody else anything. What Slack will never
        take (a channel that is gone, a token that was taken back, whatever it refuses for long) is logged once and
        given up. Raises `SlackError` and `Unreachable` when trying again is worth while.
        """
        try:
            account = await self._accounts.of(event.address.account)
            if isinstance(event, Reply) and not event.final:
                return await self._live(event, account)
            return await self._end(event, account)
        except Busy:
            return ""
        except NotInstalled:
            return await self._give_up(event, "not_installed")
        except SlackError as error:
            written = not isinstance(event, Reply) or event.final
            if not error.permanent and not (written and self._patience.over(_key(event), error)):
                raise
            return await self._give_up(event, error.error)

    async def close(self) -> None:
        """Forget what is being shown. Streams that are open are ended by whoever sends their answers' ends."""
        self._showing.clear()

    # -- while it is written -------------------------------------------------------------------------------
    async def _live(self, reply: Reply, account: Account) -> str:
        key = _key(reply)
        known = self._showing.get(key)
        if reply.seq == 0 and key not in self._sessions:
            await self._sessions.begin(key, await self._place(reply, account))
        if not self._config.slack.streaming or not reply.text.strip():
            return ""
        if known is None and not self._room(account, "chat.startStream", ""):
            await self._status(reply, account, "slack_writing")
            return ""
        if known is not None and (known.quiet or time.monotonic() < known.live_at or not self._may_go_on(known)):
            return ""
        async with self._shown(key, reply, account) as showing:
            if names.edition(showing.message) > names.edition(reply.message_id):
                return ""
            showing.live_at = time.monotonic() + _LIVE_SECONDS
            if not self._writer.streams(showing.place) and not any(part.ts for part in showing.parts):
                showing.mode = "edit"
            await self._writer.show(showing, self._contents.growing(reply), final=False)
        return ""

    def _may_go_on(self, showing: Showing) -> bool:
        """Whether there is room for the call that most likely comes next: cheaper to ask than to cut the text."""
        last = showing.parts[-1] if showing.parts else None
        if last is None or not last.ts:
            method = "chat.startStream" if showing.mode == "stream" else "chat.postMessage"
        else:
            method = "chat.appendStream" if last.streaming else "chat.update"
        return self._room(showing.place.account, method, showing.place.channel)

    def _room(self, account: Account, method: str, channel: str) -> bool:
        return self._api.pace.free(account.team, method, channel)

    async def _status(self, reply: Reply, account: Account, key: str) -> None:
        """Say what is going on, where Slack has a place for that; nothing depends on it."""
        thread = reply.address.thread
        status = phrase(key, reply.language or self._config.language.default) if key else ""
        if not is_ts(thread) or (key and reply.seq % 20 != 1):
            return
        try:
            await self._api.call(
                account.team,
                "assistant.threads.setStatus",
                live=True,
                channel_id=reply.address.conversation,
                thread_ts=thread,
                status=status,
            )
        except (Busy, SlackError):
            return

    # -- ends ----------------------------------------------------------------------------------------------
    async def _end(self, event: Outbound, account: Account) -> str:
        key = _key(event)
        content = self._content(event)
        async with self._shown(key, event, account) as showing:
            if self._overtaken(event, content, showing):
                return showing.remote
            await self._writer.show(showing, content, final=True)
            remote = showing.remote
        self._showing.pop(key, None)
        self._patience.forget(key)
        if not isinstance(event, Post):
            again = isinstance(event, Reply) and event.attempt > 1
            await self._sessions.settle(key, showing.place, again=again)
        if isinstance(event, Reply) and not event.text.strip():
            await self._status(event, account, "")
        return remote

    def _content(self, event: Outbound) -> Content:
        if isinstance(event, Post):
            return self._contents.post(event)
        desk = self._at_desk(event)
        if isinstance(event, Failed):
            return self._contents.failed(event, desk=desk)
        return self._contents.finished(event, desk=desk)

    def _overtaken(self, event: Outbound, content: Content, showing: Showing) -> bool:
        """Whether something newer stands there already: a later form of the question, a later state of the case."""
        if isinstance(event, Post):
            return event.kind == "case" and self._contents.overtaken(event, str(showing.note.get("case", "")))
        shown, own = names.edition(showing.message), names.edition(content.message)
        return shown > own or (shown != own and not content.pieces(showing.limit) and bool(showing.message))

    async def _give_up(self, event: Outbound, error: str) -> str:
        account, conversation = event.address.account, event.address.conversation
        self._given_up.labels(error).inc()
        if (account, conversation, error) not in self._told:
            self._told[account, conversation, error] = None
            if len(self._told) > _LOGGED:
                self._told.popitem(last=False)
            log.warning("slack.given_up", team=account, channel=conversation, error=error)
        if isinstance(event, Post) and event.kind == "case":  # so that what belongs below it does not wait for it
            sends = await self._store.sends(names.CHANNEL, event.id)
            if not any(send.remote for send in sends):
                await self._store.keep_send(
                    names.CHANNEL, event.id, Send(part=0, state="done", detail={"given_up": error})
                )
        return ""

    # -- what is shown ---------------------------------------------------------------------------------------
    @asynccontextmanager
    async def _shown(self, key: str, event: Outbound, account: Account) -> AsyncIterator[Showing]:
        """What `key` shows, for one writer at a time. After an error it is looked up anew."""
        while (known := self._showing.get(key)) is not None:
            async with known.lock:
                if self._showing.get(key) is known:
                    async with self._believed(key, known):
                        yield known
                    return
        place = await self._place(event, account)
        found = await self._sends.known(key, place)
        showing = Showing(key, place, found.parts, found.message, found.digests, note=found.note)
        if key in self._showing:
            raise SlackError("chat", "written_by_another")
        self._remember(key, showing)
        async with showing.lock, self._believed(key, showing):
            yield showing

    @asynccontextmanager
    async def _believed(self, key: str, showing: Showing) -> AsyncIterator[None]:
        try:
            yield
        except Busy:
            raise
        except BaseException:
            if self._showing.get(key) is showing:
                del self._showing[key]
            raise

    def _remember(self, key: str, showing: Showing) -> None:
        self._showing[key] = showing
        if len(self._showing) > _REMEMBERED:
            oldest = next(iter(self._showing))
            if not self._showing[oldest].lock.locked():
                del self._showing[oldest]

    # -- where ------------------------------------------------------------------------------------------------
    async def _place(self, event: Outbound, account: Account) -> Place:
        address, recipient = event.address, ""
        if isinstance(event, Post) and event.kind == "case":
            return Place(account=account, channel=address.conversation, thread="")
        if isinstance(event, Reply):
            exchange = await self._store.exchange(names.CHANNEL, event.message_id)
            recipient = exchange.message.sender.rpartition(":")[2] if exchange else ""
        thread = await self._card(address.thread) if self._at_desk(event) else address.thread
        return Place(account=account, channel=address.conversation, thread=thread, recipient=recipient)

    def _at_desk(self, event: Outbound) -> bool:
        """Whether it is said in the thread of a case at the support desk: the house calls that by the case's id."""
        desk, address = self._config.handover, event.address
        if desk.channel != names.CHANNEL or is_ts(address.thread):
            return False
        return (address.account, address.conversation) == (desk.account, desk.conversation)

    async def _card(self, case: str) -> str:
        """The ts of a case's card. Raises `SlackError` when it does not stand there yet."""
        for send in await self._store.sends(names.CHANNEL, CARD + case):
            if send.remote:
                return send.remote.rpartition(":")[2]
            if send.detail.get("given_up"):
                raise SlackError("chat.postMessage", "thread_not_found")
        raise SlackError("chat.postMessage", "card_not_placed")


def _key(event: Outbound) -> str:
    """What sends of it are kept under: one key for all forms of a question."""
    return event.id if isinstance(event, Post) else names.question(event.message_id)
