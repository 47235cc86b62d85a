"""A summary without a model: one line an exchange, "- question → the sentence that answers it".

When it gets too long, the newest lines take two thirds of it, with their answers, and older ones the rest,
without; the oldest go. So what was asked is remembered longer than what was said to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.events import Turn
from prompts.cut import fit
from prompts.sentences import sentences

Count = Callable[[str], int]

_ARROW = " → "
_LABELS = {
    "en": ("Summary so far:", "After that:", "Visitor:", "Assistant:"),
    "zh": ("到目前为止的摘要：", "其后的对话：", "访客：", "助手："),
}
_WORD = re.compile(r"[^\W\d_]{4,}|[\u3400-\u9fff]{2}")
_QUESTION = re.compile(r"[?？؟][\"'”’»)\]]*\s*\Z")
_CITATION = re.compile(r"\s*\[\d+\]")
_LINE_TOKENS = 60
"""How much of one exchange a line may hold, before the budget is looked at."""


def transcript(summary: str, turns: Sequence[Turn], language: str) -> str:
    """What a model is given to summarise: the summary so far, if any, and the turns after it."""
    so_far, after, visitor, assistant = _LABELS.get(language, _LABELS["en"])
    said = "\n".join(f"{visitor if turn.role == 'user' else assistant} {turn.text.strip()}" for turn in turns)
    return f"{so_far}\n{summary}\n\n{after}\n{said}" if summary else said


def extract(summary: str, turns: Sequence[Turn], tokens: int, count: Count) -> str:
    """`summary` continued by a line for each exchange in `turns`, within `tokens`."""
    lines = [line for line in summary.splitlines() if line.strip()]
    lines += [_line(question, answers, count) for question, answers in _exchanges(turns)]
    if count("\n".join(lines)) <= tokens:
        return "\n".join(lines)
    kept: list[str] = []
    for line in reversed(lines):
        asked = line.partition(_ARROW)[0]
        whole, bare = "\n".join((line, *kept)), "\n".join((asked, *kept))
        if count(whole) * 3 <= tokens * 2:
            kept.insert(0, line)
        elif count(bare) <= tokens:
            kept.insert(0, asked)
        else:
            break
    return "\n".join(kept)


def _exchanges(turns: Sequence[Turn]) -> list[tuple[str, list[str]]]:
    exchanges: list[tuple[str, list[str]]] = []
    for turn in turns:
        if turn.role == "user":
            exchanges.append((turn.text, []))
        elif exchanges:
            exchanges[-1][1].append(turn.text)
    return exchanges


def _line(question: str, answers: Sequence[str], count: Count) -> str:
    asked = _key_sentence(question, question, prefer=_QUESTION)
    said = _key_sentence("\n".join(answers), question)
    line = f"- {_fitting(asked, count)}"
    return f"{line}{_ARROW}{_fitting(said, count)}" if said else line


def _fitting(sentence: str, count: Count) -> str:
    return fit(sentence, _LINE_TOKENS, count) or f"{sentence[:_LINE_TOKENS]}…"


def _key_sentence(text: str, question: str, prefer: re.Pattern[str] | None = None) -> str:
    """The sentence of `text` that shares most words with `question` and tells most; one line, no citations."""
    words = set(_WORD.findall(question.casefold()))
    best, best_score = "", -1.0
    for sentence in sentences(text):
        plain = " ".join(_CITATION.sub("", sentence).replace(_ARROW, " ").split()).lstrip("#>-*| ")
        shared = len(words & set(_WORD.findall(plain.casefold())))
        score = min(len(plain), 100) / 100 + 2 * shared + sum(character.isdigit() for character in plain[:100]) / 10
        if prefer and prefer.search(plain):
            score += 100
        if plain and score > best_score:
            best, best_score = plain, score
    return best
