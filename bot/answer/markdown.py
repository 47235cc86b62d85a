"""Markdown that is quoted, made safe and plain: bold, italics, code, lists and links to the web stay; the rest goes."""

from __future__ import annotations

import re

_IMAGE = re.compile(r"!\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)")
_LINK = re.compile(r"(?<!!)\[([^\[\]\n]{0,500})\]\(<?([^()\s<>]{0,2000})>?(?:\s+[^()\n]{0,500})?\)")
_WEB = re.compile(r"(?:https?://|mailto:|tel:)[^\s\"'`\\]+", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>\n]{0,2000}>")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000})>")
_NUMBERED = re.compile(r"\[(\d{1,4})\](?!\()")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]{1,50}\]")
_EMPHASIS = re.compile(r"(\*\*|__|(?<!\w)_|\*|_(?!\w)|`)")


def quoted(markdown: str) -> str:
    """A piece of a source as it may stand in an answer: no images, no HTML, no links but to the web, no citations.

    "[2]" in a source would read as a citation of ours, so it becomes "(2)".
    """
    text = _AUTOLINK.sub(r"\1", markdown)
    text = _IMAGE.sub(r"\1", text)
    text = _LINK.sub(_web_link, text)
    text = _TAG.sub("", text)
    text = _FOOTNOTE.sub("", text)
    text = _NUMBERED.sub(r"(\1)", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def bare(markdown: str) -> str:
    """A heading or a label without marks."""
    return re.sub(r"\s+", " ", _EMPHASIS.sub("", quoted(markdown))).strip().rstrip(":：").strip()


def _web_link(match: re.Match[str]) -> str:
    label, target = match.groups()
    return f"[{label}]({target})" if label and _WEB.fullmatch(target) else label
