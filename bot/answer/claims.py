"""An answer as claims: its sentences, with the sources that each one names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from bot.answer.expect import marked
from bot.answer.figures import figures
from bot.answer.sentences import sentences
from bot.terms import content_terms

_SEVERAL = re.compile(r"[\[【](\d{1,4}(?:\s*[,;、，–-]\s*\d{1,4})+)[\]】]")
_WIDE = re.compile(
    r"【(\d{1,4})】|\[\^(\d{1,4})\]|\[(?:source|quelle|fuente|来源|مصدر)\s*:?\s*(\d{1,4})\]", re.IGNORECASE
)
CITED = re.compile(r"\[(\d{1,4})\](?!\()")
_AFTER_END = re.compile(r"(?<![.!?。！？؟])([.!?。！？؟]++[\"'”’»)*_]*+)(\s*+)((?:\[\d{1,4}\]\s*)+)")
_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)、])\s+|^\s*#{1,6}\s+|^\s*>\s?")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer without its citations, which are in `cited`. `factual` when it states something."""

    text: str
    cited: tuple[int, ...]
    factual: bool


def normalised(text: str) -> str:
    """Citations in the one form [n]: "[1, 2]", "[1-3]", "【1】", "[^1]" and "[source 1]" are understood."""
    text = _WIDE.sub(lambda match: f"[{next(filter(None, match.groups()))}]", text)
    return _SEVERAL.sub(lambda match: "".join(f"[{number}]" for number in _spread(match.group(1))), text)


def only(text: str, known: Collection[int]) -> str:
    """`text` without citations of sources that do not exist, and without the blanks that these leave."""

    def keep(match: re.Match[str]) -> str:
        return match.group() if int(match.group(2)) in known else ""

    kept = re.sub(r"(?<![ \t])([ \t]*+)\[(\d{1,4})\](?!\()", keep, text)
    return re.sub(r"(?<![ \t])[ \t]++(?=[.,;!?。，；！？])", "", kept)


def claims(text: str, language: str) -> list[Claim]:
    """The sentences of `text`, line by line. A citation after a full stop belongs to the sentence before it."""
    found = []
    for line in text.split("\n"):
        moved = _AFTER_END.sub(r" \3\1 ", _ITEM.sub("", line))
        for sentence in sentences(moved):
            cited = tuple(dict.fromkeys(int(number) for number in CITED.findall(sentence)))
            bare = re.sub(r"(?<!\s)\s++(?=[.,;!?。，；！？])", "", CITED.sub("", sentence)).strip()
            if re.search(r"\w", bare):
                found.append(Claim(bare, cited, _factual(bare, language)))
    return found


def _factual(sentence: str, language: str) -> bool:
    """Whether a sentence states something: questions, courtesies without figures and bare lead-ins do not."""
    if sentence.endswith(("?", "？", "؟")):
        return False
    if figures(sentence):
        return True
    if marked("courtesy", sentence, language):
        return False
    return len(content_terms(sentence, language)) >= (1 if not sentence.endswith((":", "：")) else 5)


def _spread(numbers: str) -> list[int]:
    """ "1, 3-5" as 1, 3, 4, 5; a range of more than ten is only its ends."""
    found: list[int] = []
    for part in re.split(r"\s*[,;、，]\s*", numbers):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        low, high = int(first), int(last or first)
        found += list(range(low, high + 1)) if low <= high <= low + 10 else [low, high]
    return list(dict.fromkeys(found))
