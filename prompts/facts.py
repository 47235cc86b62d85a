"""What visitors tell about themselves, found by rule in English, Chinese, German and Spanish.

A fact is one line, "kind: value". Taken is only what is plainly stated: not what is asked, denied, supposed or
quoted. A number counts in a question too ("Where is my order 1234?"). A newer fact replaces the oldest of its
kind when there are too many of it, and a denial ("I no longer live in Graz") removes the one it denies.
Health, belief and the like are not looked for, nor is how to reach a visitor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from bot.events import Turn
from prompts.fact_rules import NO_NAME, PROPER, RULES, SMALL, Rule
from prompts.sentences import sentences

_SCANNED = 4_000
"""How many characters of one message are looked through."""
_LEADS = 8
"""How many places of one clause a rule looks at."""
_QUOTES = ('"', "“", "「", "'", "‘", "„")
_OF_ONE_KIND = {"name": 1, "lives in": 1, "comes from": 1}
_OF_ANY_OTHER_KIND = 3

_CLAUSE = re.compile(r"[,;]\s+|[，；]\s*|\s[-–—]\s|\s+(?=(?:and|but|so|because|und|aber|weil|y|pero|porque)\s)")
_JOINER = re.compile(r"(?:and|but|so|because|und|aber|weil|y|pero|porque)\s+", re.IGNORECASE)
_ASKED = re.compile(
    r"\s*(?:is|are|was|do|does|did|can|could|would|should|will|what|who|whose|where|why|how|which|ist|sind|kann"
    r"|kannst|können|weißt|was|wer|wo|wie|warum|es|puedes?|sabes?|qué|quién|cómo|dónde)\b",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|suppose|supposing|imagine|unless|in case|said|says|told|wrote|claims?|wenn|falls|ob|angenommen"
    r"|sagte?|si|dijo|dice)\b|如果|假如|假设|要是|是否|说",
    re.IGNORECASE,
)
_ASKED_HAN = re.compile(r"[吗么谁哪啥]|什么|几号")


def gather(facts: Sequence[str], turns: Sequence[Turn], *, limit: int) -> tuple[str, ...]:
    """`facts` with what the visitor told in `turns`; at most `limit`, the newest last.

    To gather the same turns again, in the same order, changes nothing.
    """
    known = [tuple(fact.split(": ", 1)) for fact in facts]
    for turn in turns:
        for kind, value, denied in _told(turn.text[:_SCANNED]) if turn.role == "user" else ():
            known = [fact for fact in known if fact[0] != kind or fact[-1].casefold() != value.casefold()]
            if not denied:
                known.append((kind, value))
    kept: list[str] = []
    for position, (kind, *rest) in enumerate(known):
        newer = sum(other[0] == kind for other in known[position + 1 :])
        if newer < _OF_ONE_KIND.get(kind, _OF_ANY_OTHER_KIND):
            kept.append(": ".join((kind, *rest)))
    return tuple(kept[len(kept) - limit :] if len(kept) > limit else kept)


def _told(text: str) -> Iterator[tuple[str, str, bool]]:
    """(kind, value, denied) for everything that `text` states."""
    for sentence in sentences(text):
        if sentence.lstrip().startswith(">"):
            continue  # quoted from somebody's mail
        clauses = _CLAUSE.split(sentence.strip())
        for index, joined in enumerate(clauses, 1):
            clause = joined[match.end() :] if (match := _JOINER.match(joined)) else joined
            yield from _in_clause(clause, _is_asked(clause, last=index == len(clauses)))


def _is_asked(clause: str, *, last: bool) -> bool:
    plain = _JOINER.sub("", clause, count=1) if _JOINER.match(clause) else clause
    return bool(
        _ASKED.match(plain) or _ASKED_HAN.search(plain) or (last and plain.rstrip("\"”' ").endswith(("?", "？")))
    )


def _in_clause(clause: str, asked: bool) -> Iterator[tuple[str, str, bool]]:
    for rule in RULES:
        if asked and not rule.asked:
            continue
        for lead in islice(rule.lead.finditer(clause), _LEADS):
            value = _value(rule, clause, lead.end())
            before = clause[: lead.start()]
            if value and not _SUPPOSED.search(before) and not before.endswith(_QUOTES):
                yield rule.kind, value, any(lead.groupdict().values())
                break


def _value(rule: Rule, clause: str, start: int) -> str:
    for pattern in rule.values:
        found = pattern.match(clause, start)
        if not found:
            continue
        value = " ".join(found[0].split()).strip(" .,:;\"'“”<>|`[]{}")
        first = value.casefold() if pattern is PROPER else value.casefold().split(" ")[0]
        if pattern not in (PROPER, SMALL) or first not in NO_NAME:
            return value
    return ""
