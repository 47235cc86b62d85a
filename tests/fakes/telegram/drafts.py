"""Drafts, which are seen for a while and then forgotten, and rich messages.

https://core.telegram.org/bots/api#sendmessagedraft
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.fakes.telegram import limits, texts
from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.messages import post
from tests.fakes.telegram.state import Chat, Draft
from tests.fakes.telegram.world import Call, World

SECONDS = 30.0
"""How long a draft is seen, in Telegram's seconds."""
_INT = 2**31


async def send_message_draft(call: Call) -> bool:
    """An empty text is a "Thinking…"."""
    limits.no_parse_mode(call.given)
    text, entities = texts.checked(call["text"] or "", call["entities"], empty=True)
    return _draft(call, text, entities, None)


async def send_rich_message_draft(call: Call) -> bool:
    rich = limits.rich(call["rich_message"], call.world.version)
    return _draft(call, limits.rich_text(rich), [], rich)


async def send_rich_message(call: Call) -> dict[str, Any]:
    rich = limits.rich(call["rich_message"], call.world.version)
    return post(call, text=limits.rich_text(rich), rich=rich)


def _draft(call: Call, text: str, entities: list[texts.Entity], rich: Mapping[str, Any] | None) -> bool:
    if not call["draft_id"] or not -_INT <= call["draft_id"] < _INT:
        raise Refused("DRAFT_ID_INVALID: the identifier must be a non-zero 32-bit number", blame=True)
    if call["chat_id"] < 0:
        raise Refused("TEXTDRAFT_PEER_INVALID", blame=True)
    place = call.place()
    key = (call.thread(place), call["draft_id"])
    now = call.world.clock.now()
    visible(call.world, place)
    draft = place.drafts.get(key)
    if draft is not None and draft.stopped:
        return True
    if draft is None:
        # Who writes with another draft_id replaces what was there.
        for other in [other for other in place.drafts if other[0] == key[0]]:
            del place.drafts[other]
        draft = Draft(place.id, key[1], "", (), key[0], None, until=0.0, began=time.monotonic())
        place.drafts[key] = draft
    draft.text, draft.entities, draft.rich, draft.until = text, entities, rich, now + SECONDS
    draft.can_stop, draft.keep_on_stop = bool(call["can_stop"]), bool(call["keep_on_stop"])
    draft.texts.append(text)
    return True


def visible(world: World, place: Chat) -> list[Draft]:
    """The drafts that are seen now; those whose time is over are forgotten."""
    now = world.clock.now()
    for key in [key for key, draft in place.drafts.items() if now >= draft.until]:
        del place.drafts[key]
    return [draft for draft in place.drafts.values() if not draft.stopped or draft.keep_on_stop]


DRAFTS = {
    "sendMessageDraft": send_message_draft,
    "sendRichMessage": send_rich_message,
    "sendRichMessageDraft": send_rich_message_draft,
}
