"""What has to last, as a protocol. One contract suite (`tests/contracts/store.py`) holds for every implementation.

The life of a message: `accept` makes it durable (then the channel is told so); `lease` gives one worker the
right to answer it, with an attempt number; `complete` commits the answer, the turns and the end of the message
in one transaction and is refused with `StaleLease` when a newer attempt exists; `sent` records the delivery.
Times are seconds since the epoch. Every method may raise `StorageError`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from bot.events import Address, Case, Failed, Feedback, Message, Outbound, Passage, Post, Reply, Turn
from storage.learning import Correction, Unsettled


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to answer one message until `until`. `attempt` starts at 1. `withdrawn` as in `Exchange`."""

    message: Message
    attempt: int
    until: float
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What was committed to be delivered. `number` rises over the whole store and is never reused.

    `remote` is the channel's own id of what was sent ("" while it was not); `at` is when it was committed. `posts` are
    what was committed together with the end of a message; only `complete` fills it.
    """

    number: int
    event: Outbound
    at: float
    remote: str = ""
    delivered: bool = False
    posts: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One remote message that shows (a part of) an answer or a post, and how far its sending is.

    "begun": the channel was, or was about to be, asked for it, and did not say its id; "placed": its id is known, its
    text may not be final; "done": it shows its final text. `detail` is the adapter's own note, as JSON values.
    """

    part: int
    state: Literal["begun", "placed", "done"]
    remote: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a channel needs to speak in one account (a workspace). `secret` is opaque: its adapter may encrypt it."""

    channel: str
    account: str
    secret: bytes = field(repr=False)
    updated_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One message and how it ended (`outgoing` is None while it has not), for a conversation's history.

    `feedback` is the sum of everybody's opinions. `withdrawn` says that its author deleted it after it was accepted.
    """

    message: Message
    outgoing: Outgoing | None
    feedback: int = 0
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What is remembered of a conversation beside its turns: `summary` covers the turns up to `summarised`.

    `version` is the store's mark of what it was recalled from; keep it (`dataclasses.replace`) and `remember` drops
    a recollection that is older than an erasure. None is always kept.
    """

    summary: str = ""
    summarised: int = 0
    facts: tuple[str, ...] = ()
    language: str = ""
    version: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A source of knowledge as it was read. `scope` is "" for everybody.

    `digest` tells whether its bytes, or the way they are cut, changed. `url` is the page it says it stands for.
    `aliases` are pairs of names that it gives to one thing.
    """

    location: str
    title: str
    language: str
    digest: str
    passages: int
    added_at: float
    scope: str = ""
    url: str = ""
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    """A passage as it is indexed: `fields` holds analysed terms, joined by spaces (title, heading, body)."""

    passage: Passage
    title_terms: str
    heading_terms: str
    body_terms: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TermCounts:
    """How common terms are in the passages for everybody: each one's passages in `frequency`, and `terms` in all.

    What visitors attached is in none of it. `passages` is how many there are, `newest` the number up to which these
    counts go, `removed` how many passages for everybody were ever removed: counts from before know nothing of that.
    """

    passages: int = 0
    terms: int = 0
    frequency: Mapping[str, int] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()
    aliases: frozenset[tuple[str, str]] = frozenset()
    newest: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many rows of each kind were removed."""

    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Who may use the API. Of the secret itself only `digest` is kept; `hint` is its beginning, to tell keys apart.

    0 stands for "never" (`expires_at`, `revoked_at`, `last_used_at`) and for "no limit". Limits of tokens count what
    is read and what is written together; a day begins at midnight UTC.
    """

    name: str
    digest: bytes
    hint: str
    created_at: float
    number: int = 0
    expires_at: float = 0.0
    revoked_at: float = 0.0
    last_used_at: float = 0.0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    tokens_per_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUsage:
    """What key `key` used on `day` ("2026-11-22", UTC); `last_used_at` is when it was used last."""

    key: int
    day: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    last_used_at: float = 0.0


def conversation_scope(address: Address) -> str:
    """The scope of documents that belong to one conversation; they are erased with it."""
    parts = [address.channel, address.account, address.conversation, address.thread]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def conversation_name(address: Address) -> str:
    """What operators call a conversation: "channel:account:conversation", and ":thread" where there is one."""
    parts = (address.channel, address.account, address.conversation)
    return ":".join((*parts, address.thread) if address.thread else parts)


class Store(Protocol):
    async def open(self) -> None:
        """Make ready: create, migrate, take the folder's lock, void the leases of a process that died.

        Raises `NewerDatabase`, `StorageFull` or `StorageError` with a sentence that says what to do.
        """

    async def close(self) -> None:
        """Finish what was submitted, checkpoint, and give the lock back."""

    # -- inbox -------------------------------------------------------------------------------------
    async def accept(self, message: Message) -> bool:
        """Commit `message`. False when its (channel, id) was there already; nothing changes then."""

    async def lease(self, message: Message, seconds: float) -> Lease | None:
        """Take the work. None when it has ended, or when somebody's lease still runs."""

    async def withdraw(self, channel: str, message_id: str) -> bool:
        """Note that its author deleted a message. False when it is not known."""

    async def extend(self, lease: Lease, seconds: float) -> Lease:
        """Hold the work longer. Raises `StaleLease`."""

    async def release(self, lease: Lease) -> None:
        """Give the work back unfinished; the next lease has a higher attempt. Nothing happens when stale."""

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
        """Commit the end of the message, its turns and the outbox rows in one transaction. Raises `StaleLease`.

        `posts` go out too, after the end, in their order, at addresses of their own; one of kind "said" at a case's
        visitor is remembered there as the assistant's turn. `case` is kept in the place of what was known of it: give
        it when it is new and when it changed. `seen` is the case as it was when all this was decided. With `forget`
        the conversation is forgotten too (see there), but for the turns that are given. `explanation` is how the
        answer came about, as JSON values; it is kept as `explanation` says.

        Raises `CaseConflict`, and nothing is changed, when the case is no more as it was `seen`, when it was closed
        before, when another case of the same conversation is open, or when a post is about a case that is not known
        (erased meanwhile): look at the cases again, and decide anew. `ValueError`: a post's id is there already.
        """

    async def pending(self, *, limit: int = 1_000) -> Sequence[Message]:
        """Accepted messages that have not ended and that nobody holds, in the order of their acceptance."""

    async def exchange(self, channel: str, message_id: str) -> Exchange | None:
        """One message and its end."""

    async def explanation(self, channel: str, message_id: str) -> Mapping[str, Any] | None:
        """How the answer to a message came about, as it was committed with its end; None when nothing is kept.

        It goes with its message. It may repeat what the conversation remembered: so it goes when that is forgotten,
        when somebody in the conversation is erased, and when something expires that was said at its "since" (seconds).
        """

    # -- outbox ------------------------------------------------------------------------------------
    async def undelivered(self, *, channel: str | None = None, limit: int = 1_000) -> Sequence[Outgoing]:
        """What was committed and not yet delivered, to one channel or (None) to all, oldest first."""

    async def delivered(self, number: int, remote: str = "") -> None:
        """Record that outgoing `number` reached its channel."""

    async def outgoing_since(self, address: Address, number: int, *, limit: int = 200) -> Sequence[Outgoing]:
        """What was committed for `address` with a number above `number`, oldest first."""

    async def sends(self, channel: str, key: str) -> Sequence[Send]:
        """What is known of the remote messages that show `key` (a message's or a post's id), by part."""

    async def keep_send(self, channel: str, key: str, send: Send) -> None:
        """Keep it in the place of what was known of that part. It is erased with the message, and expires like one.

        What shows the card of a case is kept as long as the case: its thread is found by it. A key may also be the
        adapter's own: then it goes with the message whose id `remote` is, or expires.
        """

    async def sent_as(self, channel: str, remote: str) -> str:
        """The key that the remote message `remote` shows, "" when it is none of ours."""

    # -- hand-over ---------------------------------------------------------------------------------
    async def case(self, visitor: Address) -> Case | None:
        """The open case (waiting or taken) of a conversation."""

    async def case_at(self, desk: Address) -> Case | None:
        """The case whose thread at the support desk this is, open or closed."""

    async def idle_cases(self, before: float, *, limit: int = 100) -> Sequence[Case]:
        """Open cases in which nothing happened and neither side said anything since `before`, longest idle first."""

    async def lapse(self, seen: Case, posts: Sequence[Post], *, before: float) -> Sequence[Outgoing]:
        """Give a case back to the bot that is idle since `before`, and commit `posts` with that.

        Returns them as they go out; none when no message is left that they could hang on: they are erased with it.
        Raises `CaseConflict`, and nothing is changed, when it is no more as it was `seen`, or no more idle.
        """

    async def posts(self, address: Address, *, limit: int = 200) -> Sequence[Outgoing]:
        """The newest `limit` posts at `address`, oldest first."""

    # -- installations: they are the operator's, so neither `erase` nor `expire` touches them ------------
    async def install(self, installation: Installation) -> None:
        """Keep it in the place of the one before."""

    async def installation(self, channel: str, account: str) -> Installation | None: ...

    async def installations(self, channel: str) -> Sequence[Installation]:
        """Every one of a channel, by account."""

    async def uninstall(self, channel: str, account: str) -> bool: ...

    # -- conversations -----------------------------------------------------------------------------
    async def conversations(self, ending: str = "", *, limit: int = 100) -> Sequence[Address]:
        """Conversations whose name (see `conversation_name`) ends with `ending`, the newest first."""

    async def turns(self, address: Address, *, after: int = 0, limit: int = 200) -> Sequence[tuple[int, Turn]]:
        """The newest `limit` turns with a number above `after`, oldest first, with their numbers."""

    async def history(self, address: Address, *, limit: int = 100) -> Sequence[Exchange]:
        """The newest `limit` exchanges, oldest first."""

    async def recall(self, address: Address) -> Recollection: ...

    async def remember(self, address: Address, recollection: Recollection) -> None:
        """Keep it in the place of the one before, unless it was recalled before something there was erased."""

    async def forget(self, address: Address) -> Erased:
        """Remove what is remembered of a conversation: turns, summary, facts, language, and its own documents.

        Messages, their ends and opinions stay, as do posts, cases and preferences. What was recalled before is not
        remembered after it. Traces in freed pages go with the next `erase` or `expire`, or at the next start.
        """

    async def preferences(self, address: Address) -> Mapping[str, Any]:
        """How the people of a conversation want it, as JSON values by name; empty when nobody said."""

    async def prefer(self, address: Address, preferences: Mapping[str, Any]) -> None:
        """Lay `preferences` over those before; None takes one away (RFC 7396). They go with the conversation."""

    async def feedback(self, feedback: Feedback) -> bool:
        """Keep a person's newest opinion on a message. False when there is no such message in that conversation."""

    # -- visitors and time -------------------------------------------------------------------------
    async def export(self, visitor: str, *, explanations: bool = False) -> Mapping[str, Any]:
        """Everything held about a sender, as JSON-ready values: of a case that they opened both sides.

        Of opinions it shows theirs, and on what they asked those of nobody known; of a case everybody's.
        With `explanations` how answers to them came about too, but for conversations with others: those may repeat
        what the others said.
        """

    async def erase(self, visitor: str) -> Erased:
        """Remove a sender for good: rows, full-text index, write-ahead log and freed pages.

        With them go the cases that they opened: posts on both sides, and the whole thread at the support desk. Of
        somebody at a desk goes what they said; a case that they had waits again. Their opinions go, whoever asked.
        """

    async def expire(self, before: float) -> Erased:
        """Remove ended exchanges with their turns and posts, memories, sends, and cases in which nothing happened
        since, older than `before`, as thoroughly as `erase`.
        """

    async def backup(self, file: Path) -> None:
        """Write a consistent copy while work goes on. Refuses to overwrite."""

    # -- knowledge ---------------------------------------------------------------------------------
    async def put_document(
        self,
        document: Document,
        passages: Sequence[StoredPassage],
        *,
        vectors: Sequence[bytes] | None = None,
        model: str = "",
    ) -> None:
        """Replace the document at (scope, location) and its passages in one transaction.

        `vectors` are float32 little-endian, unit length, one for each passage, made by embedding `model`.
        """

    async def remove_document(self, location: str, *, scope: str = "") -> bool: ...

    async def documents(self, *, scope: str | None = "") -> Sequence[Document]:
        """The documents of one scope, or of all when `scope` is None, by location."""

    async def passages_of(self, location: str, *, scope: str = "") -> Sequence[StoredPassage]:
        """The passages of one document, in their order; empty when there is none."""

    async def document(self, location: str, *, scope: str = "") -> Document | None:
        """The document at (scope, location)."""

    async def match(self, query: str, *, limit: int, scopes: Sequence[str] = ("",)) -> Sequence[StoredPassage]:
        """Full-text search with an FTS5 query over the analysed terms; `passage.score` is BM25, higher is better.

        Up to `limit` come from what is for everybody and as many from each other document of the scopes. Only BM25 of
        the former can be compared with each other: it counts no words of visitors' files.
        """

    async def count_terms(self, *, after: int = 0) -> TermCounts:
        """How common terms are among the passages for everybody: among all, or those with a number above `after`.

        All but `terms` and `frequency` is of all passages. Counting `after` takes time for what is new alone.
        """

    async def passages(self, numbers: Sequence[int]) -> Sequence[StoredPassage]:
        """Passages by number, in the order asked; missing ones are left out."""

    async def all_passages(self, *, scope: str | None = None) -> Sequence[StoredPassage]:
        """Every passage, by document and position."""

    async def vectors(self, model: str) -> Sequence[tuple[int, str, bytes]]:
        """(passage number, scope, vector) for every passage that `model` has embedded."""

    async def put_vectors(self, model: str, vectors: Sequence[tuple[int, bytes]]) -> None: ...

    async def knowledge_version(self) -> int:
        """A number that changes whenever a document or a vector does, so that caches know."""

    # -- what is learned: corrections are the operator's, so neither `erase` nor `expire` touches them ----
    async def unsettled(self, *, since: float = 0.0, limit: int = 5_000, unsure: bool = False) -> Sequence[Unsettled]:
        """The newest `limit` messages since then whose answer was a decline, or was disliked (with `unsure` those, too,
        that were hardly sure), and the messages around the newest `limit` cases; oldest first.

        Failures are left out, and what was withdrawn or has a newer form.
        """

    async def corrections(self) -> Sequence[Correction]:
        """Every one, oldest first."""

    async def add_correction(self, correction: Correction) -> Correction:
        """Keep a new draft, and return it with its number."""

    async def keep_correction(
        self,
        correction: Correction,
        *,
        seen: Correction,
        document: Document | None = None,
        passages: Sequence[StoredPassage] = (),
    ) -> bool:
        """Put it in the place of `seen`, and in the same transaction what is known by it in the place of what was.

        An approved one has a document, at its location and with a digest that begins with `CORRECTED`; another has
        none (else `ValueError`). False when it is no more as it was `seen`; nothing changes then.
        """

    # -- keys of the API: they are the operator's, so neither `erase` nor `expire` touches them -----------
    async def create_key(self, key: ApiKey) -> ApiKey | None:
        """Keep a new key, and return it with its number. None when a key of that name is in force."""

    async def keys(self) -> Sequence[ApiKey]:
        """Every key that there ever was, oldest first."""

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, revoked and expired ones too."""

    async def revoke_key(self, number: int) -> bool:
        """End a key for good. False when there is none in force with this number."""

    async def add_usage(self, used: Sequence[ApiUsage]) -> None:
        """Add to what was counted for each key and day, in one transaction."""

    async def usage(self, *, since: str = "", key: int | None = None) -> Sequence[ApiUsage]:
        """What was counted from day `since` on, for one key or for all, by day and key."""

    # -- audit -------------------------------------------------------------------------------------
    async def audit(self, action: str, detail: Mapping[str, Any]) -> None:
        """Append to the record of what operators did. `detail` holds no secret and no visitor's text."""

    def audited(self, *, after: int = 0) -> AsyncIterator[tuple[int, float, str, Mapping[str, Any]]]:
        """The record from number `after` on: (number, at, action, detail)."""
