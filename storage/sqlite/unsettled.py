"""Which messages were not answered well: found by their marks, never by reading conversations through."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlite_utils.db import Database

from storage.learning import Around, Unsettled
from storage.sqlite.rows import Row, dump

NEAR_SECONDS = 3_600.0
"""What was said longer ago than that before a case was opened did not lead to it."""
NEAR_MESSAGES = 4
SAID = 5
"""So many of a case's messages on either side, and of its colleagues' answers, are told."""
EXPLAINED = 20_000
"""So many of the newest explanations are looked through for answers that were hardly sure."""
HARDLY = 0.1
"""An answer is hardly sure this far up from the threshold to certainty."""

_DECLINED = "SELECT message FROM outbox WHERE finish_reason = 'declined'"
_DISLIKED = "SELECT message FROM feedback WHERE value < 0"
_UNSURE = f"""
    SELECT e.message FROM (SELECT message, explanation FROM explanations ORDER BY message DESC LIMIT {EXPLAINED}) e
    JOIN outbox o ON o.message = e.message AND o.about IS NULL AND o.finish_reason IN ('stop', 'length')
    WHERE json_extract(explanation, '$.decided.threshold') <= json_extract(explanation, '$.confidence')
    AND json_extract(explanation, '$.confidence') < json_extract(explanation, '$.decided.threshold')
        + {HARDLY} * (1 - json_extract(explanation, '$.decided.threshold'))"""
# The newest form of what was edited counts alone.
_STANDS = """NOT m.withdrawn AND m.command IN ('', 'ask', 'start', 'human')
    AND NOT EXISTS (
        SELECT 1 FROM messages r WHERE r.channel = m.channel AND r.replaces = m.id AND r.replaces <> '')
    AND NOT EXISTS (
        SELECT 1 FROM messages r WHERE r.channel = m.channel AND r.replaces = m.replaces AND r.replaces <> ''
        AND r.number > m.number)"""
_TABLES = "messages m JOIN outbox o ON o.message = m.number AND o.about IS NULL AND o.kind = 'reply'"
_CHOSEN = f"""
    SELECT m.number FROM {_TABLES}
    WHERE m.number IN ({{faults}}) AND m.accepted_at >= ? AND {_STANDS} ORDER BY m.number DESC LIMIT ?"""
_CASES = """
    SELECT k.number, k.id, k.visitor, k.opened_at,
        (SELECT o.message FROM outbox o WHERE o.about = k.number AND o.kind = 'case' ORDER BY o.number LIMIT 1)
    FROM cases k WHERE k.opened_at >= ? ORDER BY k.number DESC LIMIT ?"""
_AROUND = f"""
    SELECT m.number FROM {_TABLES}
    WHERE m.conversation = ? AND m.number {{side}} ? AND m.accepted_at BETWEEN ? AND ? AND {_STANDS}
    ORDER BY m.number {{order}} LIMIT {NEAR_MESSAGES}"""
_SAID = f"""
    SELECT text FROM outbox WHERE about = ? AND kind = 'said' AND conversation = ? ORDER BY number LIMIT {SAID}"""
_ROWS = f"""
    SELECT m.number, m.conversation, m.text, m.accepted_at, o.finish_reason, m.command,
        coalesce(nullif(json_extract(e.explanation, '$.understood.detected'), ''), o.language),
        coalesce(json_extract(e.explanation, '$.understood.standalone'), ''),
        coalesce(json_extract(e.explanation, '$.understood.intent'), ''),
        (SELECT count(*) FROM feedback f WHERE f.message = m.number AND f.value < 0),
        (SELECT json_group_array(f.comment) FROM feedback f
            WHERE f.message = m.number AND f.value < 0 AND f.comment <> '')
    FROM {_TABLES} LEFT JOIN explanations e ON e.message = m.number
    WHERE m.number IN (SELECT value FROM json_each(?)) ORDER BY m.number"""

_Case = tuple[str, Around, tuple[str, ...]]


def unsettled(db: Database, since: float, limit: int, unsure: bool) -> Sequence[Unsettled]:
    """The newest `limit` of them, and what stands around the newest `limit` cases; oldest first."""
    faults = f"{_DECLINED} UNION {_DISLIKED}"
    faulty = _numbers(db, _CHOSEN.format(faults=faults), (since, limit))
    hardly = set(_numbers(db, _CHOSEN.format(faults=_UNSURE), (since, limit))) if unsure else set()
    around = _around_cases(db, since, limit)
    numbers = sorted({*faulty, *hardly}, reverse=True)[:limit]
    found = db.execute(_ROWS, (dump([*numbers, *around]),)).fetchall()
    return [_of(row, hardly, around) for row in found]


def _around_cases(db: Database, since: float, limit: int) -> Mapping[int, _Case]:
    """By their numbers the messages around each case, with the case and what colleagues said in it."""
    found: dict[int, _Case] = {}
    for number, ident, visitor, opened_at, opening in db.execute(_CASES, (since, limit)).fetchall():
        if opening is None:
            continue
        said = tuple(text for (text,) in db.execute(_SAID, (number, visitor)).fetchall())
        span = (opened_at - NEAR_SECONDS, opened_at + NEAR_SECONDS)
        sides: Iterable[tuple[Around, str, str]] = (
            ("after", ">", "ASC"), ("opening", "=", "ASC"), ("before", "<", "DESC"),
        )  # fmt: skip
        for around, side, order in sides:
            for message in _numbers(db, _AROUND.format(side=side, order=order), (visitor, opening, *span)):
                found.setdefault(message, (ident, around, said))
    return found


def _of(row: Row, hardly: set[int], around: Mapping[int, _Case]) -> Unsettled:
    number, conversation, text, at, end, command, language, standalone, intent, disliked, comments = row
    case, side, said = around.get(number, ("", "", ()))
    return Unsettled(
        number=number,
        conversation=conversation,
        text=text,
        at=at,
        end=end,
        command=command,
        language=language,
        standalone=standalone,
        intent=intent,
        unsure=number in hardly,
        disliked=disliked,
        comments=tuple(json.loads(comments)),
        case=case,
        around=side,
        said=said,
    )


def _numbers(db: Database, question: str, values: tuple[object, ...]) -> list[int]:
    return [int(row[0]) for row in db.execute(question, values).fetchall()]
