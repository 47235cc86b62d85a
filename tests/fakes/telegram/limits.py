"""What keyboards, replies and rich messages may hold: https://core.telegram.org/bots/api#inlinekeyboardbutton. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.telegram.arguments import Refused, Version

RICH_TEXT, RICH_BLOCKS, RICH_COLUMNS = 32_768, 500, 20
DATA = 64
_BUTTONS, _ROW = 100, 8
_ACTIONS = frozenset(
    {"url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
     "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay"}
)  # fmt: skip
_LOOKS = frozenset({"text", "icon_custom_emoji_id", "style"})
_REPLY = frozenset(
    {"message_id", "chat_id", "allow_sending_without_reply", "quote", "quote_parse_mode", "quote_entities",
     "quote_position", "checklist_task_id", "poll_option_id"}
)  # fmt: skip
_PREVIEW = frozenset({"is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text"})
_RICH = frozenset({"markdown", "html", "blocks", "media", "is_rtl", "skip_entity_detection"})
_OTHER_MARKUPS = ("keyboard", "remove_keyboard", "force_reply")


def markup(given: Any, *, inline: bool = False) -> Mapping[str, Any] | None:
    """The inline keyboard of a message, None when it has none. `inline`: nothing else may be given."""
    if given is None or given == {}:
        return None
    if not inline and any(name in given for name in _OTHER_MARKUPS):
        return None
    rows = given.get("inline_keyboard")
    if not isinstance(rows, list) or set(given) != {"inline_keyboard"}:
        raise Refused("can't parse inline keyboard: Object expected as reply markup", blame=True)
    for row in rows:
        if not isinstance(row, list) or len(row) > _ROW:
            raise Refused("can't parse inline keyboard: array of arrays of at most 8 buttons expected", blame=True)
        for button in row:
            _button(button)
    if sum(len(row) for row in rows) > _BUTTONS:
        raise Refused("REPLY_MARKUP_TOO_LONG", blame=True)
    kept = [row for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> None:
    if not isinstance(button, Mapping) or set(button) - _ACTIONS - _LOOKS:
        raise Refused(f"can't parse inline keyboard button: {button}", blame=True)
    if not isinstance(button.get("text"), str) or not button["text"].strip():
        raise Refused("can't parse inline keyboard button: Text buttons are not allowed to be empty", blame=True)
    actions = set(button) & _ACTIONS
    if len(actions) != 1:
        raise Refused("can't parse inline keyboard button: exactly one action is expected", blame=True)
    if "callback_data" in actions:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= DATA:
            raise Refused("BUTTON_DATA_INVALID", blame=True)
    if "url" in actions and not re.match(r"(https?|tg)://[^\s]+$", str(button["url"])):
        raise Refused("BUTTON_URL_INVALID", blame=True)
    if button.get("style", "primary") not in ("primary", "danger", "success"):
        raise Refused("BUTTON_STYLE_INVALID", blame=True)


def preview(given: Any) -> Mapping[str, Any] | None:
    if given is not None and (not isinstance(given, Mapping) or set(given) - _PREVIEW):
        raise Refused("can't parse link preview options", blame=True)
    return given


def reply(given: Any) -> Mapping[str, Any] | None:
    if given is None:
        return None
    if not isinstance(given.get("message_id"), int) or set(given) - _REPLY:
        raise Refused(f"can't parse reply parameters: {given}", blame=True)
    if len(str(given.get("quote", "")).encode("utf-16-le")) > 2 * 1_024:
        raise Refused("QUOTE_TEXT_INVALID", blame=True)
    return dict(given)


def no_parse_mode(given: Mapping[str, Any]) -> None:
    """Entities say it all, and say it safely: nothing here is meant to write HTML or MarkdownV2."""
    if given.get("parse_mode"):
        raise Refused(f"unsupported parse_mode {given['parse_mode']!r}: send entities", blame=True)


def rich(given: Any, version: Version) -> Mapping[str, Any]:
    """Refuse a rich message that is none, is empty, or holds too much; blocks came with Bot API 10.2."""
    if not isinstance(given, Mapping) or set(given) - _RICH:
        raise Refused(f"can't parse rich message: {given!r:.200}", blame=True)
    bodies = [name for name in ("markdown", "html", "blocks") if given.get(name)]
    if len(bodies) != 1 or (bodies == ["blocks"] and version < (10, 2)):
        raise Refused("rich message is empty: exactly one of markdown, html and blocks is expected", blame=True)
    if len(rich_text(given)) > RICH_TEXT:
        raise Refused("rich message is too long", blame=True)
    text = str(given.get("markdown") or "")
    rows = [line for line in text.splitlines() if line.lstrip().startswith("|")]
    if any(len(re.findall(r"(?<!\\)\|", row.strip().strip("|"))) + 1 > RICH_COLUMNS for row in rows):
        raise Refused("rich message has too many table columns", blame=True)
    if blocks(text) > RICH_BLOCKS or len(given.get("blocks") or ()) > RICH_BLOCKS:
        raise Refused("rich message has too many blocks", blame=True)
    return dict(given)


def rich_text(given: Mapping[str, Any]) -> str:
    """The text of a rich message: its source, or all texts of its blocks."""
    return str(given.get("markdown") or given.get("html") or "\n".join(_texts(given.get("blocks") or ())))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        inner = [value[name] for name in ("text", "blocks", "items", "cells", "caption", "summary") if name in value]
        return [text for one in inner for text in _texts(one)]
    return [text for one in value for text in _texts(one)] if isinstance(value, Sequence) else []


def blocks(markdown: str) -> int:
    """How many blocks Markdown makes: paragraphs, headings, items of lists, rows of tables; a fence is one."""
    count, inside, paragraph = 0, False, False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            inside, paragraph = not inside, False
            count += inside
        elif not inside:
            own = re.match(r"\s*([-*+]\s|\d+[.)]\s|#{1,6}\s|\||>)", line) is not None
            count += bool(line.strip()) and (own or not paragraph)
            paragraph = bool(line.strip()) and not own
    return count
