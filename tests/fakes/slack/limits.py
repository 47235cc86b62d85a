"""How much a message may hold: https://docs.slack.dev/reference/block-kit/blocks and the methods' pages. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.fakes.slack.arguments import Refused

TEXT, MARKDOWN, WHOLE, BLOCKS = 4_000, 12_000, 13_200, 50
METADATA = 16_000
_ELEMENTS = {"actions": 25, "context": 10, "context_actions": 5}
_IN_ACTIONS = frozenset({"button", "static_select", "users_select", "overflow", "datepicker", "workflow_button"})
_KNOWN = frozenset(
    {"section", "header", "markdown", "divider", "actions", "context", "context_actions", "image", "rich_text",
     "table", "input", "file", "video", "task_card", "plan"}
)  # fmt: skip


def said(arguments: Mapping[str, Any]) -> None:
    """Refuse what chat.postMessage, chat.update and chat.postEphemeral refuse."""
    text, markdown, blocks = arguments.get("text"), arguments.get("markdown_text"), arguments.get("blocks")
    if markdown is not None and (text is not None or blocks is not None):
        raise Refused("markdown_text_conflict")
    if not (text or markdown or blocks or arguments.get("attachments")):
        raise Refused("no_text")
    if len(text or "") > TEXT:
        raise Refused("msg_too_long")
    streamed(markdown)
    check_blocks(blocks or [])
    metadata(arguments.get("metadata"))


def streamed(markdown: str | None, chunks: Sequence[Mapping[str, Any]] = ()) -> None:
    """Refuse what the streaming methods refuse; the limit is for each piece."""
    pieces = [markdown or ""]
    for chunk in chunks:
        kind = chunk.get("type") if isinstance(chunk, Mapping) else None
        fields = {
            "markdown_text": {"text"},
            "plan_update": {"title"},
            "task_update": {"id", "title", "status"},
            "blocks": {"blocks"},
        }.get(str(kind))
        if fields is None or not fields <= chunk.keys():
            raise Refused("invalid_chunks")
        pieces += [str(chunk["text"])] if kind == "markdown_text" else []
        if len(str(chunk.get("title", ""))) > 256:
            raise Refused("invalid_chunks")
        if kind == "blocks":
            check_blocks(chunk["blocks"])
    if any(len(piece) > MARKDOWN for piece in pieces):
        raise Refused("msg_too_long")


def metadata(given: Mapping[str, Any] | None) -> None:
    if given is None:
        return
    right = isinstance(given.get("event_type"), str) and isinstance(given.get("event_payload"), dict)
    if not right or not given["event_type"] or set(given) - {"event_type", "event_payload", "entities"}:
        raise Refused("invalid_metadata_format")
    if len(json.dumps(given)) > METADATA:
        raise Refused("metadata_too_large")


def check_blocks(blocks: Sequence[Any]) -> None:
    """Refuse blocks that are none, too many, or hold too much."""
    if len(blocks) > BLOCKS:
        raise _invalid(f"no more than {BLOCKS} items allowed [json-pointer:/blocks]")
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        where = f"[json-pointer:/blocks/{number}"
        if not isinstance(block, Mapping) or block.get("type") not in _KNOWN:
            raise _invalid(f"unsupported type: {where}/type]")
        ident = block.get("block_id")
        if ident is not None and (not isinstance(ident, str) or len(ident) > 255 or ident in seen):
            raise _invalid(f"block_id {where}/block_id]")
        seen |= {ident} if ident else set()
        _check(block, where)
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN:
        raise Refused("msg_too_long")
    if sum(len(text) for block in blocks for text in texts(block)) > WHOLE:
        raise Refused("msg_blocks_too_long")


def texts(value: Any) -> Iterator[str]:
    """Every text that is shown of a block."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("text", "alt_text") and isinstance(inner, str):
                yield inner
            elif isinstance(inner, Mapping | list):
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def _check(block: Mapping[str, Any], where: str) -> None:
    kind = block["type"]
    if kind == "markdown":
        _length(block.get("text"), MARKDOWN, f"{where}/text]")
    elif kind == "header":
        _text(block.get("text"), 150, f"{where}/text]", plain=True)
    elif kind == "section":
        if not block.get("text") and not block.get("fields"):
            raise _invalid(f"must define `text` or `fields` {where}]")
        if block.get("text"):
            _text(block["text"], 3_000, f"{where}/text]")
        fields = block.get("fields") or []
        if len(fields) > 10:
            raise _invalid(f"no more than 10 items allowed {where}/fields]")
        for text in fields:
            _text(text, 2_000, f"{where}/fields]")
        if accessory := block.get("accessory"):
            _element(accessory, f"{where}/accessory")
    elif kind in _ELEMENTS:
        elements = block.get("elements")
        if not isinstance(elements, list) or not 1 <= len(elements) <= _ELEMENTS[kind]:
            raise _invalid(f"1 to {_ELEMENTS[kind]} items allowed {where}/elements]")
        _elements(kind, elements, where)


def _elements(kind: str, elements: Sequence[Any], where: str) -> None:
    seen: set[str] = set()
    for number, element in enumerate(elements):
        at = f"{where}/elements/{number}"
        if not isinstance(element, Mapping):
            raise _invalid(f"must be an object {at}]")
        if kind == "context":
            if element.get("type") != "image":
                _text(element, 2_000, f"{at}]")
            continue
        wanted = _IN_ACTIONS if kind == "actions" else frozenset({"feedback_buttons", "icon_button"})
        if element.get("type") not in wanted:
            raise _invalid(f"unsupported type {element.get('type')!r} {at}/type]")
        _element(element, at)
        if element.get("action_id") in seen:
            raise _invalid(f"`action_id` {element['action_id']!r} already exists {at}/action_id]")
        seen.add(element.get("action_id", ""))


def _element(element: Mapping[str, Any], where: str) -> None:
    if element.get("type") == "feedback_buttons":
        for name in ("positive_button", "negative_button"):
            button = element.get(name)
            if not isinstance(button, Mapping):
                raise _invalid(f"missing required field: {name} {where}]")
            _text(button.get("text"), 75, f"{where}/{name}/text]", plain=True)
            _length(button.get("value"), 2_000, f"{where}/{name}/value]")
    elif element.get("type") == "button":
        _text(element.get("text"), 75, f"{where}/text]", plain=True)
        _length(element.get("value", "x"), 2_000, f"{where}/value]")
        _length(element.get("url", "x"), 3_000, f"{where}/url]")
        if element.get("style", "primary") not in ("primary", "danger"):
            raise _invalid(f"unsupported style {where}/style]")
    _length(element.get("action_id", "x"), 255, f"{where}/action_id]")


def _text(text: Any, most: int, where: str, *, plain: bool = False) -> None:
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if not isinstance(text, Mapping) or text.get("type") not in kinds:
        raise _invalid(f"unsupported type: text of {kinds} {where}")
    _length(text.get("text"), most, where)


def _length(text: Any, most: int, where: str) -> None:
    if not isinstance(text, str) or not 1 <= len(text) <= most:
        raise _invalid(f"must be 1 to {most} characters {where}")


def _invalid(message: str) -> Refused:
    return Refused("invalid_blocks", response_metadata={"messages": [f"[ERROR] {message}"]})
