"""Markdown that is quoted, made safe and plain: bold, italics, code, lists and links to the web stay; the rest goes."""

from __future__ import annotations

import re

_TARGET = r"\((?:[^()\n]|\([^()\n]*+\))*+\)"  # brackets may stand in it, one inside the other
_IMAGE = re.compile(rf"!\[([^\[\]\n]*+)\]{_TARGET}")
_LINK = re.compile(rf"(?<!!)\[([^\[\]\n]*+)\](?P<target>{_TARGET})")
_WEB = re.compile(r"(?:https?://|mailto:|tel:)[^\s\"'`\\()<>]+", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>\n]{0,2000}>")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000})>")
_NUMBERED = re.compile(r"\[(\d{1,4})\](?!\()")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]{1,50}\]")
_EMPHASIS = re.compile(r"(\*\*|__|(?<!\w)_|\*|_(?!\w)|`)")


def quoted(markdown: str) -> str:
    """A piece of a source as it may stand in an answer: no images, no HTML, no links but to the web, no citations.

    "[2]" in a source would read as a citation of ours, so it becomes "(2)".
    """
    text = markdown
    while (clean := _once(text)) != text:
        text = clean  # what is taken away may have parted something that joins now; each pass makes it shorter
    return re.sub(r"[ \t]+", " ", text).strip()


def _once(text: str) -> str:
    text = _IMAGE.sub(r"\1", _AUTOLINK.sub(r"\1", text))
    text = _TAG.sub("", _LINK.sub(_web_link, text))
    return _NUMBERED.sub(r"(\1)", _FOOTNOTE.sub("", text))


def bare(markdown: str) -> str:
    """A heading or a label without marks."""
    return re.sub(r"\s+", " ", _EMPHASIS.sub("", quoted(markdown))).strip().rstrip(":：").strip()


def _web_link(match: re.Match[str]) -> str:
    label, target = match.group(1), (match["target"][1:-1].split() or [""])[0].strip("<>")
    return f"[{label}]({target})" if label and _WEB.fullmatch(target) else label
