"""Markdown as a notification shows it, and as a program reads it out: the words without the marks. Pure.

A message's `text` is shown where its blocks are not. It need not be exact: what it does not understand it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.phrases import phrase_languages
from bot.phrases import said as phrase

_TARGET = r"\((?:[^()\n\\]|\\.|\([^()\n]*+\))*+\)"
_CITATION = re.compile(rf"[ \t]*+\[(?:\[\d{{1,4}}\]\]{_TARGET}|\d{{1,4}}\](?![(\[:\w>\]]))")
_SLACKS_CITATION = re.compile(r"[ \t]*+<https?://[^<>|\n]++\|\[\d{1,4}\]>")
_LINK = re.compile(rf"!?\[(?P<label>(?:[^\[\]\n\\]|\\.)*+)\]{_TARGET}")
_MARK = re.compile(r"\\(?P<sign>[!-/:-@\[-`{-~])|\*\*|~~|`++|(?<!\w)__(?=\w)|(?<=\w)__(?!\w)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_SLANTED = re.compile(r"(?<![\w*\\])\*(?=[^\s*])([^*\n]{1,300})(?<=\S)\*(?![\w*])")
_SAID = re.compile(r"(?P<stars>\*{1,2})(?P<name>[^*:\n]{1,200}):(?P=stars)[ \t]")
"""As `markdown.said` writes it, or Slack gives it back."""
_LEAD = re.compile(r"[ \t]*+(?:>[ \t]*+)*+(?:#{1,6}[ \t]++)?")
_FENCE = re.compile(r"[ \t>]*+(?:`{3,}|~{3,})")
_RULE = re.compile(r"[ \t]*+\|?[ \t]*+:?-{3,}[-|: \t]*+")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))


def unmarked(markdown: str) -> str:
    """The words of `markdown`, line by line, without citations and addresses."""
    return "\n".join(_lines(_LINK.sub(lambda found: found["label"], _CITATION.sub("", markdown)))).strip()


def without_sources(text: str) -> str:
    """What the bot said, as Slack gives it back, without its citations and the line that names its sources."""
    kept = _SLACKS_CITATION.sub("", _CITATION.sub("", text)).rstrip()
    before, found, last = kept.rpartition("\n")
    return before.rstrip() if found and last.startswith(_sources()) else kept


def told_by(text: str) -> tuple[str, str]:
    """Whose words the bot passes on in `text` ("" when they are its own), and the words."""
    name = _SAID.match(text)
    if name is None:
        return "", text
    return _MARK.sub(lambda found: found["sign"] or "", name["name"]), _ESCAPED.sub(r"\1", text[name.end() :])


def _sources() -> tuple[str, ...]:
    return tuple(phrase("slack_sources", language) for language in sorted(phrase_languages()))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if _FENCE.match(line) or _RULE.fullmatch(line):
            continue
        bare = line[match.end() :] if (match := _LEAD.match(line)) else line
        if bare.startswith("|"):
            bare = " · ".join(cell.strip() for cell in bare.strip().strip("|").split("|"))
        bare = _MARK.sub(lambda found: found["sign"] or "", _SLANTED.sub(r"\1", bare))
        yield _ENTITY.sub(lambda found: _ENTITIES[found[0]], bare)
