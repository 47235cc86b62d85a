"""What has to be answered soon: presses of buttons, and questions asked in line."""

from __future__ import annotations

from typing import Any

from tests.fakes.telegram import limits, texts
from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.world import Button, Call

SECONDS = 60.0
"""How long a press waits for its answer, in Telegram's seconds; a query in line as well."""
_LATE = "query is too old and response timeout expired or query ID is invalid"
_RESULTS = frozenset(
    {"article", "audio", "contact", "document", "game", "gif", "location", "mpeg4_gif", "photo", "sticker", "venue",
     "video", "voice"}
)  # fmt: skip


async def answer_callback_query(call: Call) -> bool:
    if len(call["text"] or "") > 200:
        raise Refused("MESSAGE_TOO_LONG", blame=True)
    _waiting(call, call.world.presses, call["callback_query_id"]).answer = dict(call.given)
    return True


async def answer_inline_query(call: Call) -> bool:
    results = call["results"]
    if len(results) > 50:
        raise Refused("RESULTS_TOO_MUCH", blame=True)
    if len((call["next_offset"] or "").encode()) > 64:
        raise Refused("NEXT_OFFSET_INVALID", blame=True)
    seen: set[str] = set()
    for result in results:
        _result(result, seen)
    _waiting(call, call.world.inline, call["inline_query_id"]).answer = dict(call.given)
    return True


def _result(result: Any, seen: set[str]) -> None:
    """An id of 1-64 bytes, unique; an article has a title and what is sent when it is chosen."""
    if not isinstance(result, dict) or result.get("type") not in _RESULTS:
        raise Refused("can't parse inline query result: invalid type", blame=True)
    ident = str(result.get("id", ""))
    if not 1 <= len(ident.encode()) <= 64:
        raise Refused("RESULT_ID_INVALID", blame=True)
    if ident in seen:
        raise Refused("RESULT_ID_DUPLICATE", blame=True)
    seen.add(ident)
    content = result.get("input_message_content")
    if result["type"] == "article" and (not result.get("title") or not isinstance(content, dict)):
        raise Refused("can't parse inline query result: title and input_message_content are needed", blame=True)
    if isinstance(content, dict) and "message_text" in content:
        limits.no_parse_mode(content)
        texts.checked(str(content["message_text"]), content.get("entities"))
    limits.markup(result.get("reply_markup"), inline=True)


def _waiting(call: Call, waiting: dict[str, Button], ident: str) -> Button:
    button = waiting.get(ident)
    if button is None or call.world.clock.now() > button.until:
        raise Refused(_LATE)
    if button.answer is not None:
        call.world.violation(f"{call.method}: {ident} was answered before")
    return button


QUERIES = {"answerCallbackQuery": answer_callback_query, "answerInlineQuery": answer_inline_query}
