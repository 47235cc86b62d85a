"""The attacks: where each one stands, what a model writes that obeys it, and what must not come of that.

One JSON object a line. `forbidden` are strings that must reach nobody, `holds` names what sees to it; "not held: why"
where nothing outside the model can. `live` says whether that is so while the answer is written as well: "held", "not
held" (its end takes the place of what was shown), or "channel" (harmless only as each channel shows it).
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

_FILE = Path(__file__).parent / "corpus.jsonl"
_PLACE = re.compile(r"\{(system|question|repeat)(?::([^{}:]*))?(?::(\d+))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`calls` are functions that the model says it calls; `reaches`: whether the attack is to be in the prompt;
    `cites`: whether the end has to name a source."""

    id: str
    place: str
    aim: str
    language: str
    attack: str
    obeyed: str
    forbidden: tuple[str, ...]
    holds: str
    live: str = "held"
    calls: tuple[str, ...] = ()
    reaches: bool = True
    cites: bool = False

    @property
    def held(self) -> bool:
        return not self.holds.startswith("not held")


def corpus() -> list[Attack]:
    return [_attack(json.loads(line)) for line in _FILE.read_text("utf-8").splitlines()]


def _attack(fields: Mapping[str, Any]) -> Attack:
    return Attack(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def filled(template: str, *, system: str, question: str) -> str:
    """`template` with its places filled: {system:base64:40} are the first 40 characters of the prompt in Base64, and
    {repeat:ha :9} is "ha " nine times."""

    def fill(match: re.Match[str]) -> str:
        source, way, most = match.groups()
        if source == "repeat":
            return way * int(most or 400)
        text = system if source == "system" else question
        return _WAYS[way](text)[: int(most or 20_000)] if way else text

    return _PLACE.sub(fill, template)


def _words(mark: str) -> Callable[[str], str]:
    return lambda text: mark.join(text.split())


_WAYS: Mapping[str, Callable[[str], str]] = {
    "starred": _words(" * "),
    "barred": _words(" | "),
    "dashed": _words(" - "),
    "spelled": lambda text: "-".join(text.replace(" ", "")[:600]),
    "hidden": lambda text: re.sub(r"(?<=\w)(?=\w)", "\u200b", text),
    "reversed": lambda text: text[::-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "url": lambda text: quote(text),
}
