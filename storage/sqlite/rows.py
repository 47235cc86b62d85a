"""Rows and the words of `bot.events`, both ways. Each column list stands beside the function that reads it."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bot.events import Address, Attachment, Case, Citation, Failed, Message, Outbound, Passage, Post, Reply, Turn
from storage.base import Document, Exchange, Outgoing, Send, StoredPassage

Row = Sequence[Any]

ADDRESS = "channel = ? AND account = ? AND conversation = ? AND thread = ?"
CONVERSATION = f"(SELECT number FROM conversations WHERE {ADDRESS})"

INSERT_CONVERSATION = "INSERT INTO conversations(channel, account, conversation, thread) VALUES(?, ?, ?, ?)"

_ADDRESS_COLUMNS = "c.channel, c.account, c.conversation, c.thread"
MESSAGE_COLUMNS = (
    f"m.id, {_ADDRESS_COLUMNS}, m.sender, m.text, m.sent_at, m.edited, m.attachments, m.language, "
    "m.name, m.command, m.replaces"
)
_MESSAGE_WIDTH = 14
OUTGOING_COLUMNS = (
    f"m.id, {_ADDRESS_COLUMNS}, o.number, o.kind, o.attempt, o.seq, o.text, o.citations, o.finish_reason, "
    "o.language, o.reason, o.at, o.remote, o.delivered, o.id, o.name, o.snapshot"
)
_OUTGOING_WIDTH = 20
_OPINION = "(SELECT coalesce(sum(f.value), 0) FROM feedback f WHERE f.message = m.number)"
EXCHANGE_COLUMNS = f"{MESSAGE_COLUMNS}, {OUTGOING_COLUMNS}, m.withdrawn, {_OPINION}"
EXCHANGE_TABLES = (
    "messages m JOIN conversations c ON c.number = m.conversation "
    "LEFT JOIN outbox o ON o.message = m.number AND o.about IS NULL"
)
OUTGOING_TABLES = "outbox o JOIN messages m ON m.number = o.message JOIN conversations c ON c.number = o.conversation"
CASE_COLUMNS = (
    "k.id, v.channel, v.account, v.conversation, v.thread, d.channel, d.account, d.conversation, d.thread, "
    "k.state, k.opened_at, k.agent, k.agent_name, k.name, k.language, k.reason"
)
CASE_TABLES = "cases k JOIN conversations v ON v.number = k.visitor JOIN conversations d ON d.number = k.desk"
SEND_COLUMNS = "s.part, s.state, s.remote, s.detail"
TURN_COLUMNS = "number, role, text, language, at, name"
DOCUMENT_COLUMNS = "location, title, language, digest, passages, added_at, scope, url, aliases"
PASSAGE_COLUMNS = (
    "p.number, p.text, p.title, d.location, d.url, p.heading, p.language, p.position, "
    "p.updated, p.valid_until, p.title_terms, p.heading_terms, p.body_terms"
)


def address_values(address: Address) -> tuple[str, str, str, str]:
    return address.channel, address.account, address.conversation, address.thread


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def attachments_text(attachments: Sequence[Attachment]) -> str:
    return dump([asdict(attachment) for attachment in attachments]) if attachments else "[]"


def citations_text(citations: Sequence[Citation]) -> str:
    return dump([asdict(citation) for citation in citations]) if citations else "[]"


def address_of(row: Row) -> Address:
    channel, account, conversation, thread = row
    return Address(channel=channel, account=account, conversation=conversation, thread=thread)


def message_of(row: Row) -> Message:
    """A row of MESSAGE_COLUMNS."""
    sender, text, sent_at, edited, attachments, language, name, command, replaces = row[5:14]
    return Message(
        id=row[0],
        address=address_of(row[1:5]),
        sender=sender,
        text=text,
        sent_at=sent_at,
        edited=bool(edited),
        attachments=tuple(Attachment(**attachment) for attachment in json.loads(attachments)),
        language=language,
        name=name,
        command=command,
        replaces=replaces,
    )


def outgoing_of(row: Row) -> Outgoing:
    """A row of OUTGOING_COLUMNS."""
    number, kind, *end, at, remote, delivered, post_id, name, snapshot = row[5:20]
    address = address_of(row[1:5])
    event: Outbound
    if kind == "reply":
        event = _reply_of(row[0], address, end)
    elif kind == "failed":
        event = _failed_of(row[0], address, end)
    else:
        event = Post(id=post_id, address=address, kind=kind, text=end[2], case=case_in(snapshot), name=name)
    return Outgoing(number=number, event=event, at=at, remote=remote, delivered=bool(delivered))


def snapshot_of(case: Case) -> str:
    """A case as it is now, for `case_in`."""
    return dump(asdict(case))


def case_in(snapshot: str) -> Case:
    values = json.loads(snapshot)
    return Case(**{**values, "visitor": Address(**values["visitor"]), "desk": Address(**values["desk"])})


def case_of(row: Row) -> Case:
    """A row of CASE_COLUMNS."""
    state, opened_at, agent, agent_name, name, language, reason = row[9:16]
    return Case(
        id=row[0],
        visitor=address_of(row[1:5]),
        desk=address_of(row[5:9]),
        state=state,
        opened_at=opened_at,
        agent=agent,
        agent_name=agent_name,
        name=name,
        language=language,
        reason=reason,
    )


def _reply_of(message_id: str, address: Address, end: Row) -> Reply:
    attempt, seq, text, citations, finish_reason, language, _ = end
    return Reply(
        message_id=message_id,
        attempt=attempt,
        address=address,
        text=text,
        seq=seq,
        final=True,
        citations=tuple(Citation(**citation) for citation in json.loads(citations)),
        finish_reason=finish_reason,
        language=language,
    )


def _failed_of(message_id: str, address: Address, end: Row) -> Failed:
    _, _, said, _, _, _, reason = end
    return Failed(message_id=message_id, address=address, reason=reason, said=said)


def exchange_of(row: Row) -> Exchange:
    """A row of EXCHANGE_COLUMNS."""
    end = row[_MESSAGE_WIDTH : _MESSAGE_WIDTH + _OUTGOING_WIDTH]
    ended = end[5] is not None
    withdrawn, feedback = row[_MESSAGE_WIDTH + _OUTGOING_WIDTH :]
    return Exchange(
        message=message_of(row),
        outgoing=outgoing_of(end) if ended else None,
        feedback=feedback,
        withdrawn=bool(withdrawn),
    )


def send_of(row: Row) -> Send:
    """A row of SEND_COLUMNS."""
    part, state, remote, detail = row
    return Send(part=part, state=state, remote=remote, detail=json.loads(detail))


def turn_of(row: Row) -> tuple[int, Turn]:
    """A row of TURN_COLUMNS."""
    number, role, text, language, at, name = row
    return number, Turn(role=role, text=text, language=language, at=at, name=name)


def document_of(row: Row) -> Document:
    """A row of DOCUMENT_COLUMNS."""
    location, title, language, digest, passages, added_at, scope, url, aliases = row
    return Document(
        location=location,
        title=title,
        language=language,
        digest=digest,
        passages=passages,
        added_at=added_at,
        scope=scope,
        url=url,
        aliases=aliases_of(aliases),
    )


def aliases_of(column: str) -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, other in json.loads(column))


def passage_of(row: Row, score: float = 0.0) -> StoredPassage:
    """A row of PASSAGE_COLUMNS."""
    number, text, title, location, url, heading, language, position, updated, valid_until, *terms = row[:13]
    title_terms, heading_terms, body_terms = terms
    passage = Passage(
        text=text,
        title=title,
        location=location,
        score=score,
        heading=tuple(json.loads(heading)),
        language=language,
        position=position,
        url=url,
        updated=updated,
        valid_until=valid_until,
    )
    return StoredPassage(
        passage=passage, title_terms=title_terms, heading_terms=heading_terms, body_terms=body_terms, number=number
    )
