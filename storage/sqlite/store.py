"""The face of the store: every method of `storage.base.Store` is one operation, written or asked.

The event loop never waits for the disk: writing happens in one thread (writer.py), reading in a few (readers.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from bot.events import Address, Case, Failed, Feedback, Message, Post, Reply, Turn
from storage.base import (
    ApiKey,
    ApiUsage,
    Document,
    Erased,
    Exchange,
    Installation,
    Lease,
    Outgoing,
    Recollection,
    Send,
    StoredPassage,
    TermCounts,
)
from storage.learning import Correction, Unsettled
from storage.sqlite import (
    cases,
    conversations,
    corrections,
    ending,
    explanations,
    export,
    inbox,
    installations,
    keys,
    knowledge,
    lapsing,
    outbox,
    record,
    sends,
    term_counts,
    unsettled,
    visitors,
)
from storage.sqlite.operations import Operations

_PAGE = 500


class SqliteStore(Operations):
    """The `Store` in `folder/frontdesk.db`, used from the event loop that opened it.

    One process holds the folder. `shared=True` opens it beside that process, without taking the lock and without
    voiding leases, for commands such as `frontdesk knowledge add` while the server runs. `synchronous="NORMAL"` is
    faster and may lose the last moments when the machine (not the process) dies. `clock` gives seconds since the epoch.
    """

    # -- inbox -------------------------------------------------------------------------------------
    async def accept(self, message: Message) -> bool:
        return await self._write(inbox.accept, message, self._clock())

    async def lease(self, message: Message, seconds: float) -> Lease | None:
        return await self._write(inbox.lease, message, seconds, self._clock())

    async def withdraw(self, channel: str, message_id: str) -> bool:
        return await self._write(inbox.withdraw, channel, message_id)

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        return await self._write(inbox.extend, lease, seconds, self._clock())

    async def release(self, lease: Lease) -> None:
        await self._write(inbox.release, lease)

    async def complete(
        self,
        lease: Lease,
        event: Reply | Failed,
        turns: Sequence[Turn],
        *,
        posts: Sequence[Post] = (),
        case: Case | None = None,
        seen: Case | None = None,
        forget: bool = False,
        explanation: Mapping[str, Any] | None = None,
    ) -> Outgoing:
        ending.check_end(lease, event)
        how = (posts, case, seen, forget, explanation)
        return await self._write(ending.complete, lease, event, turns, *how, self._clock())

    async def pending(self, *, limit: int = 1_000) -> Sequence[Message]:
        return await self._ask(inbox.pending, limit, self._clock())

    async def exchange(self, channel: str, message_id: str) -> Exchange | None:
        return await self._ask(inbox.exchange, channel, message_id)

    async def explanation(self, channel: str, message_id: str) -> Mapping[str, Any] | None:
        return await self._ask(explanations.explanation, channel, message_id)

    # -- outbox ------------------------------------------------------------------------------------
    async def undelivered(self, *, channel: str | None = None, limit: int = 1_000) -> Sequence[Outgoing]:
        return await self._ask(outbox.undelivered, channel, limit)

    async def delivered(self, number: int, remote: str = "") -> None:
        await self._write(outbox.delivered, number, remote)

    async def outgoing_since(self, address: Address, number: int, *, limit: int = 200) -> Sequence[Outgoing]:
        return await self._ask(outbox.outgoing_since, address, number, limit)

    async def sends(self, channel: str, key: str) -> Sequence[Send]:
        return await self._ask(sends.sends, channel, key)

    async def keep_send(self, channel: str, key: str, send: Send) -> None:
        await self._write(sends.keep, channel, key, send, self._clock())

    async def sent_as(self, channel: str, remote: str) -> str:
        return await self._ask(sends.sent_as, channel, remote)

    # -- hand-over ---------------------------------------------------------------------------------
    async def case(self, visitor: Address) -> Case | None:
        return await self._ask(cases.case, visitor)

    async def case_at(self, desk: Address) -> Case | None:
        return await self._ask(cases.case_at, desk)

    async def idle_cases(self, before: float, *, limit: int = 100) -> Sequence[Case]:
        return await self._ask(lapsing.idle, before, limit)

    async def lapse(self, seen: Case, posts: Sequence[Post], *, before: float) -> Sequence[Outgoing]:
        return await self._write(lapsing.lapse, seen, posts, before, self._clock())

    async def posts(self, address: Address, *, limit: int = 200) -> Sequence[Outgoing]:
        return await self._ask(outbox.posts, address, limit)

    # -- installations -----------------------------------------------------------------------------
    async def install(self, installation: Installation) -> None:
        await self._write(installations.keep, installation)

    async def installation(self, channel: str, account: str) -> Installation | None:
        return await self._ask(installations.find, channel, account)

    async def installations(self, channel: str) -> Sequence[Installation]:
        return await self._ask(installations.every, channel)

    async def uninstall(self, channel: str, account: str) -> bool:
        return await self._write(installations.remove, channel, account)

    # -- conversations -----------------------------------------------------------------------------
    async def conversations(self, ending: str = "", *, limit: int = 100) -> Sequence[Address]:
        return await self._ask(explanations.conversations, ending, limit)

    async def turns(self, address: Address, *, after: int = 0, limit: int = 200) -> Sequence[tuple[int, Turn]]:
        return await self._ask(conversations.turns, address, after, limit)

    async def history(self, address: Address, *, limit: int = 100) -> Sequence[Exchange]:
        return await self._ask(conversations.history, address, limit)

    async def recall(self, address: Address) -> Recollection:
        return await self._ask(conversations.recall, address)

    async def remember(self, address: Address, recollection: Recollection) -> None:
        await self._write(conversations.remember, address, recollection, self._clock())

    async def forget(self, address: Address) -> Erased:
        return await self._write(conversations.forget, address)

    async def preferences(self, address: Address) -> Mapping[str, Any]:
        return await self._ask(conversations.preferences, address)

    async def prefer(self, address: Address, preferences: Mapping[str, Any]) -> None:
        await self._write(conversations.prefer, address, preferences, self._clock())

    async def feedback(self, feedback: Feedback) -> bool:
        return await self._write(conversations.keep_feedback, feedback, self._clock())

    # -- visitors and time -------------------------------------------------------------------------
    async def export(self, visitor: str, *, explanations: bool = False) -> Mapping[str, Any]:
        return await self._ask(export.export, visitor, explanations)

    async def erase(self, visitor: str) -> Erased:
        erased = await self._write(visitors.erase, visitor)
        await self._scrub()
        return erased

    async def expire(self, before: float) -> Erased:
        erased = await self._write(visitors.expire, before)
        await self._scrub()
        return erased

    # -- knowledge ---------------------------------------------------------------------------------
    async def put_document(
        self,
        document: Document,
        passages: Sequence[StoredPassage],
        *,
        vectors: Sequence[bytes] | None = None,
        model: str = "",
    ) -> None:
        if vectors is not None and len(vectors) != len(passages):
            raise ValueError("there has to be one vector for each passage")
        await self._write(knowledge.put_document, document, passages, vectors, model)

    async def remove_document(self, location: str, *, scope: str = "") -> bool:
        return await self._write(knowledge.remove_document, location, scope)

    async def documents(self, *, scope: str | None = "") -> Sequence[Document]:
        return await self._ask(knowledge.documents, scope)

    async def document(self, location: str, *, scope: str = "") -> Document | None:
        return await self._ask(knowledge.document, location, scope)

    async def passages_of(self, location: str, *, scope: str = "") -> Sequence[StoredPassage]:
        return await self._ask(knowledge.passages_of, location, scope)

    async def match(self, query: str, *, limit: int, scopes: Sequence[str] = ("",)) -> Sequence[StoredPassage]:
        return await self._ask(knowledge.match, query, limit, scopes)

    async def count_terms(self, *, after: int = 0) -> TermCounts:
        return await self._ask(term_counts.count_terms, after)

    async def passages(self, numbers: Sequence[int]) -> Sequence[StoredPassage]:
        return await self._ask(knowledge.passages, numbers)

    async def all_passages(self, *, scope: str | None = None) -> Sequence[StoredPassage]:
        return await self._ask(knowledge.all_passages, scope)

    async def vectors(self, model: str) -> Sequence[tuple[int, str, bytes]]:
        return await self._ask(knowledge.vectors, model)

    async def put_vectors(self, model: str, vectors: Sequence[tuple[int, bytes]]) -> None:
        await self._write(knowledge.put_vectors, model, vectors)

    async def knowledge_version(self) -> int:
        return await self._ask(record.counter, knowledge.VERSION)

    # -- what is learned ---------------------------------------------------------------------------
    async def unsettled(self, *, since: float = 0.0, limit: int = 5_000, unsure: bool = False) -> Sequence[Unsettled]:
        return await self._ask(unsettled.unsettled, since, limit, unsure)

    async def corrections(self) -> Sequence[Correction]:
        return await self._ask(corrections.every)

    async def add_correction(self, correction: Correction) -> Correction:
        if correction.state not in ("draft", "dismissed"):
            raise ValueError("a correction begins as a draft")
        return await self._write(corrections.add, correction)

    async def keep_correction(
        self,
        correction: Correction,
        *,
        seen: Correction,
        document: Document | None = None,
        passages: Sequence[StoredPassage] = (),
    ) -> bool:
        corrections.check(correction, seen, document)
        return await self._write(corrections.keep, correction, seen, document, passages)

    # -- keys of the API ---------------------------------------------------------------------------
    async def create_key(self, key: ApiKey) -> ApiKey | None:
        return await self._write(keys.create, key)

    async def keys(self) -> Sequence[ApiKey]:
        return await self._ask(keys.every)

    async def find_key(self, digest: bytes) -> ApiKey | None:
        return await self._ask(keys.find, digest)

    async def revoke_key(self, number: int) -> bool:
        return await self._write(keys.revoke, number, self._clock())

    async def add_usage(self, used: Sequence[ApiUsage]) -> None:
        await self._write(keys.add_usage, used)

    async def usage(self, *, since: str = "", key: int | None = None) -> Sequence[ApiUsage]:
        return await self._ask(keys.usage, since, key)

    # -- audit -------------------------------------------------------------------------------------
    async def audit(self, action: str, detail: Mapping[str, Any]) -> None:
        await self._write(record.append, action, detail, self._clock())

    async def audited(self, *, after: int = 0) -> AsyncIterator[tuple[int, float, str, Mapping[str, Any]]]:
        while entries := await self._ask(record.entries, after, _PAGE):
            for entry in entries:
                yield entry
            after = entries[-1][0]
