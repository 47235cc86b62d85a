"""Several questions in one Chinese message: commas part them, too, and mostly they are about one thing."""

from __future__ import annotations

import re

from bot.answer.sentences import sentences

_END = "?？؟"
_MORE = re.compile("(?:还有|另外|顺便(?:问(?:一下|下)?)?|再(?:问(?:一下|下)?|就是)|对了|以及)[，,]?")
_COMMA = re.compile("[，,；;]")
_ASKS = re.compile(
    "多少|多久|多大|多长|多重|多高|几(?!乎)|怎么|怎样|如何|咋|什么|啥|哪|谁|吗|是否|是不是|能不能|可不可以|会不会|"
    "有没有|要不要|需不需要|行不行|[么嘛不]$"
)
_IF = re.compile("(?:那|但|可)?(?:要是|如果|若|万一|假如|不管|无论)")
_PREDICATE = re.compile(f"(?:是|要|能|可以|会|得|收)?(?:{_ASKS.pattern})")
_CODE = re.compile(r"[A-Za-z]+[- ]?\d[A-Za-z\d]*(?: (?:Plus|Max|Pro|Mini|Ultra|Lite))?")


def questions(text: str) -> list[tuple[str, str]]:
    """The questions of a text, each with what it takes from those before it: what the first one of its sentence begins
    with, or the code that was named last. One that is alone is the text itself.
    """
    found = [question for sentence in _asking(text) for question in _clauses(sentence)]
    return _with_codes(found) if len(found) > 1 else [(text, "")]


def _asking(text: str) -> list[str]:
    """The sentences that ask, each with those before it that only tell something."""
    found, told = [], ""
    for sentence in (part for whole in sentences(text) for part in _MORE.split(whole)):
        if sentence.rstrip().endswith(tuple(_END)) or _ASKS.search(sentence):
            found.append(told + sentence)
            told = ""
        else:
            told += sentence
    return found


def _clauses(sentence: str) -> list[tuple[str, str]]:
    """A sentence with two or more questions between commas as so many; what is only told goes with the next."""
    found, told = [], ""
    for clause in _COMMA.split(sentence):
        told = f"{told}，{clause}" if told else clause
        if _ASKS.search(clause.rstrip(_END)) and not _IF.match(clause):
            found.append(told)
            told = ""
    if len(found) < 2:
        return [(sentence, "")]
    first = _PREDICATE.search(found[0])
    frame = found[0][: first.start()] if first else ""
    return [(found[0], ""), *((clause, frame) for clause in found[1:])]


def _with_codes(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    code, told = "", []
    for question, frame in found:
        named = _CODE.findall(f"{frame}{question}")
        told.append((question, frame if named or not code else f"{code} {frame}".strip()))
        code = named[-1] if named else code
    return told
