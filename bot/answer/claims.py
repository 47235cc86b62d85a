"""An answer as claims: its sentences, with the sources that each one names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.answer.expect import marked
from bot.answer.figures import figures
from bot.answer.lexicon import DENSE
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
    return [claim for line in text.split("\n") for _, claim in _told(line, language) if claim]


def keeping(text: str, language: str, keep: Callable[[Claim], bool]) -> str:
    """`text` without the sentences that `keep` refuses, nor what only led to them. The other lines stay as they are."""
    lines: list[str] = []
    for line in text.split("\n"):
        told = list(_told(line, language))
        kept = [sentence for sentence, claim in told if claim is None or keep(claim)]
        if len(kept) == len(told):
            lines.append(line)
        elif re.search(r"\w", CITED.sub("", "".join(kept))):
            item = _ITEM.match(line)
            lines.append((item.group() if item else "") + ("" if language in DENSE else " ").join(kept))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_led(lines, text.split("\n")))).strip()


def _led(lines: Sequence[str], before: Sequence[str]) -> Iterator[str]:
    """The lines without those that introduce a list of which nothing is left."""
    listed = {line for line, after in pairwise(_written(before)) if _introduces(line) and _ITEM.match(after)}
    rest = _written(lines)
    still = {line for line, after in pairwise(rest) if _ITEM.match(after)}
    return (line for line in lines if line not in listed or line in still)


def _written(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.strip()]


def _introduces(line: str) -> bool:
    return CITED.sub("", line).rstrip("*_ ").endswith((":", "："))


def _told(line: str, language: str) -> Iterator[tuple[str, Claim | None]]:
    """The sentences of a line as they stand there, each with what it claims; None for what has no words."""
    moved = _AFTER_END.sub(r" \3\1 ", _ITEM.sub("", line))
    for sentence in sentences(moved):
        cited = tuple(dict.fromkeys(int(number) for number in CITED.findall(sentence)))
        bare = re.sub(r"(?<!\s)\s++(?=[.,;!?。，；！？])", "", CITED.sub("", sentence)).strip()
        yield sentence, Claim(bare, cited, _factual(bare, language)) if re.search(r"\w", bare) else None


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
