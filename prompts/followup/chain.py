"""Make a follow-up a question that can be searched alone, by rule: "and for abroad?", "how much is that?", 那国外呢？

Two kinds lean on the conversation. A fragment ("and to Poland?", 日本呢？) takes the question before it and puts
itself into it. A question of its own that points back ("how much is that?") or asks for what means nothing alone
("what sizes?") gets the subject of the conversation added. Everything else begins something new and comes back
unchanged, so that a change of topic is not polluted. Where rules do not decide, unchanged is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from bot.events import Turn
from prompts.followup.han import HanRules
from prompts.followup.latin import LatinRules
from prompts.sentences import sentences

_TURNS = 12
"""How far back a chain of follow-ups is followed."""
_CHARACTERS = 200
"""A longer message is no follow-up, and of a longer one only its question is the topic."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_FEW = 2
"""Fewer words than these may say too little of a subject to take the place of another."""
_CLAUSE_END = re.compile(r"[,;:.!，。；！]+(?!\d)")
_QUESTION = re.compile(r"[?？][\"'”’»)]*\s*\Z")


class Rules(Protocol):
    """What one language knows of follow-ups."""

    def small_talk(self, text: str) -> bool:
        """Whether `text` only greets, thanks or agrees: the topic stays what it was."""

    def leans(self, text: str) -> bool:
        """Whether `text` means little without the conversation."""

    def subject(self, topic: str, answer: str) -> list[str]:
        """The words that say what `topic`, a question that stands alone, and the `answer` to it are about."""

    def complete(self, text: str, topic: str, subject: Sequence[str], answer: str) -> str:
        """`text` with what it takes from `topic`, from its subject and from the `answer` to it."""


_HAN_RULES = HanRules()
_LATIN_RULES = {language: LatinRules(language) for language in ("en", "de", "es")}


def standalone(question: str, turns: Sequence[Turn], language: str) -> str:
    """`question` as it can be searched without `turns`, in its own language; unchanged when it is complete.

    `turns` are those before the question, oldest first. The question before may itself have been a follow-up.
    Languages without rules (all but en, zh, de, es) come back unchanged.
    """
    rules = _rules(question, language)
    if rules is None or not turns or len(question) > _CHARACTERS or not question.strip():
        return question
    asked = _after_thanks(question, rules)
    if rules.small_talk(question) or not rules.leans(asked):
        return question
    topic, answer = _topic(turns[-_TURNS:], language)
    return _completed(asked.strip(), rules, topic, answer, language) if topic else question


def subject(question: str, turns: Sequence[Turn], language: str) -> str:
    """What `turns` were about, in words that a short `question` does not say; "" where there is nothing.

    Whether a question is complete rules cannot always tell: "is there one for a whole week, too?" may begin something
    new. Nor can they tell whether one that says little ("a deposit?") did.
    """
    rules = _rules(question, language)
    if rules is None or not turns or len(question) > _CHARACTERS or not question.strip():
        return ""
    if rules.small_talk(question):
        return ""
    topic, answer = _topic(turns[-_TURNS:], language, least=_FEW)
    if not topic:
        return ""
    said = (_rules(topic, language) or rules).subject(topic, answer)
    return " ".join(dict.fromkeys(word for word in said if word.casefold() not in question.casefold()))


def _rules(text: str, language: str) -> Rules | None:
    if _HAN.search(text):
        return None if language in ("ja", "ko") else _HAN_RULES
    return _LATIN_RULES.get("en" if language == "zh" else language)


def _topic(turns: Sequence[Turn], language: str, least: int = 0) -> tuple[str, str]:
    """What the conversation is about, as a question that stands alone, and the newest answer to it.

    A question whose subject has fewer than `least` words goes on with what was there before.
    """
    topic = answer = ""
    for turn in turns:
        if turn.role != "user":
            answer = turn.text
            continue
        rules = _rules(turn.text, turn.language or language)
        if rules is None or not turn.text.strip() or rules.small_talk(turn.text):
            continue
        asked = _core(turn.text, rules)
        leans = topic and (rules.leans(asked) or len(rules.subject(asked, "")) < least)
        topic = _completed(asked, rules, topic, answer, language) if leans else asked
        answer = ""
    return topic, answer


def _completed(question: str, rules: Rules, topic: str, answer: str, language: str) -> str:
    """The topic may be in another language than the question."""
    subject = (_rules(topic, "en" if rules is _HAN_RULES else language) or rules).subject(topic, answer)
    return rules.complete(question, topic, subject, answer)


def _after_thanks(text: str, rules: Rules) -> str:
    """A message without the thanks or the praise that it begins with ("great, how much?")."""
    first = _CLAUSE_END.search(text)
    rest = text[first.end() :].strip() if first else ""
    return rest if first and rest and rules.small_talk(text[: first.start()]) else text


def _core(text: str, rules: Rules) -> str:
    """A message's question: all of it when it is short, else the sentence that asks and what that leans on."""
    text = _after_thanks(" ".join(text.split()), rules)
    if len(text) <= _CHARACTERS:
        return text
    parts = [part.strip() for part in sentences(text)]
    asking = [index for index, part in enumerate(parts) if _QUESTION.search(part)] or [0]
    chosen = parts[asking[-1]]
    if asking[-1] and rules.leans(chosen):
        chosen = f"{parts[asking[-1] - 1]} {chosen}"
    return chosen[:_CHARACTERS]
