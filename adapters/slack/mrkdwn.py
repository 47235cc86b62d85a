"""What people write in Slack, as plain text. Pure.

Slack escapes `&`, `<` and `>` and writes everything that is not text between angle brackets: mentions, channels, links,
groups, dates (https://api.slack.com/reference/surfaces/formatting). What the writer saw is what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ENTITY = re.compile(r"&(amp|lt|gt);")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">"}
_THING = re.compile(r"<([^<>\n]*)>")
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|mailto:|tel:)", re.IGNORECASE)
_PERSON = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>\n]*)?>")
_VERBATIM = re.compile(r"(```[\s\S]*?```|`[^`\n]+`|<[^<>\n]*>)")
_MARKED = re.compile(r"(?<![\w*~])([*~])(?=[^\s*~])([^*~\n]+)(?<=\S)\1(?![\w*~])")
_BULLET = re.compile(r"^([ \t]*)[•◦▪][ \t]+", re.MULTILINE)
_NOBODY: Mapping[str, str] = {}


def readable(text: str, names: Mapping[str, str] = _NOBODY) -> str:
    """`text` as its writer saw it; `names` says what people are called by their ids."""
    parts: list[str] = []
    end = 0
    for thing in _THING.finditer(text):
        parts += (_unescaped(text[end : thing.start()]), _shown(thing[1], names))
        end = thing.end()
    return "".join((*parts, _unescaped(text[end:])))


def escaped(text: str) -> str:
    """`text` so that Slack shows it as it is, mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_markdown(text: str) -> str:
    """`text`, as Slack sent it, with its bold, struck and listed parts as Markdown writes them; code stays as it is."""
    parts = _VERBATIM.split(text)
    for number in range(0, len(parts), 2):
        parts[number] = _MARKED.sub(lambda found: found[1] * 2 + found[2] + found[1] * 2, parts[number])
    return "".join(_BULLET.sub(r"\1- ", part) if number % 2 == 0 else part for number, part in enumerate(parts))


def mentions(text: str, user: str) -> bool:
    """Whether `text`, as Slack sent it, names `user`."""
    return bool(user) and user in mentioned(text)


def mentioned(text: str) -> list[str]:
    """The ids of everybody whom `text` names, in order."""
    return [found[1] for found in _PERSON.finditer(text)]


def without(text: str, user: str) -> str:
    """`text`, as Slack sent it, without the mentions of `user` and the comma or colon after one that comes first."""
    if not mentions(text, user):
        return text.strip()
    name = rf"<@{re.escape(user)}(?:\|[^<>\n]*)?>"
    text = re.sub(rf"^(?:\s*{name})+\s*[,:;，：、،]?", "", text)
    return re.sub(rf"[^\S\n]*{name}[^\S\n]*(?=([,.;:!?])?)", lambda found: "" if found[1] else " ", text).strip()


def addressed_to_others(text: str, user: str) -> bool:
    """Whether `text` begins with the name of somebody else and does not name `user`: it is not meant for the bot."""
    first = _PERSON.match(text.lstrip())
    return first is not None and not mentions(text, user)


def _shown(thing: str, names: Mapping[str, str]) -> str:
    target, _, label = thing.partition("|")
    target, label = _unescaped(target), _unescaped(label)
    kind, rest = target[:1], target[1:]
    if kind == "@":
        return f"@{names.get(rest) or label.removeprefix('@') or rest}"
    if kind == "#":
        return f"#{label.removeprefix('#') or rest}"
    if kind == "!":
        return _special(rest, label)
    if not _LINK.match(target):
        return f"<{_unescaped(thing)}>"  # not Slack's: somebody's own angle brackets, in a slash command
    return _link(target, label)


def _special(rest: str, label: str) -> str:
    if rest.startswith("date^"):
        return label
    if rest.startswith("subteam^"):
        return f"@{label.removeprefix('@') or rest.removeprefix('subteam^')}"
    return f"@{label.removeprefix('@') or rest}"


def _link(target: str, label: str) -> str:
    """The address, and what it was called when that says something else."""
    bare = re.sub(r"^(?:https?://|mailto:|tel:)", "", target, flags=re.IGNORECASE)
    if not label or label in (target, bare, bare.rstrip("/")):
        return label or (target if "://" in target else bare)
    return f"{label} ({target if '://' in target else bare})"


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)
