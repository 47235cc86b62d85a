"""The rules by which `prompts.facts` finds what visitors tell: data, by kind and language."""

from __future__ import annotations

import re
from dataclasses import dataclass

_END = r"(?=\s*(?:[.!?…)\]\"”]|$))"
_LETTERS = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_CAPITAL = rf"(?=[A-ZÀ-ÖØ-ÞŁŚŠŽČĐİŐŰ]){_LETTERS}"
_LINK = r"(?:de|del|della|di|da|van|von|zu|der|den|la|le|el|al|bin|ibn|of|the|am|an|im|sur)"
PROPER = re.compile(rf"(?:(?:the|den|die|der|la|el|los|las) )?{_CAPITAL}(?:[ -](?:{_LINK} )*{_CAPITAL}){{0,3}}")
SMALL = re.compile(rf"{_LETTERS}(?: {_LETTERS})?{_END}")
_FREE = re.compile(r"[^\n.!?;]{2,60}(?=[.!?;]|\s*$)")
_NUMBER = re.compile(r"(?=[A-Za-z_/-]*\d)[A-Za-z0-9](?:[A-Za-z0-9_/-]{1,28}[A-Za-z0-9])")
_LONG_NUMBER = re.compile(rf"(?=\S{{4}}){_NUMBER.pattern}")
_HAN_NAME = re.compile(
    r"(?!什么|[了他她它你您不啥谁个])(?:(?:(?![我是的])[\u3400-\u9fff·]){2,6}|[A-Za-z ]{2,30}?)(?=我|是|[。！!.]*\s*$)"
)
_HAN_PLACE = re.compile(r"(?![一这那哪])(?:(?![的了我])[\u3400-\u9fffA-Za-z ]){2,15}(?=[。！!.]*\s*$)")
_HAN_FREE = re.compile(r"(?![你您])(?:[^\s的。！!?？])[^\s。！!?？]{0,20}")

NO_NAME = frozenset(
    {"a", "an", "the", "in", "on", "at", "to", "for", "from", "of", "with", "my", "your", "not", "no", "hope", "fear"}
    | {"wrong", "incorrect", "misspelled", "misspelt", "missing", "different", "spelled", "written", "listed"}
    | {"printed", "changed", "private", "secret", "also", "already", "still", "being", "same", "here", "there"}
    | {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "today", "tomorrow", "doubt"}
    | {"trouble", "falsch", "anders", "nicht", "ein", "eine", "einem", "einer", "der", "die", "das", "un", "una"}
    | {"mal", "otro", "incorrecto"}
)
"""What follows "my name is" or "I live in" without being a name."""
_NOT = r"(?P<no>\s+(?:not|nicht|no)\b|n['’]t\b)?"


@dataclass(frozen=True, slots=True)
class Rule:
    """`lead` stands before the value; its group `no` denies. `values` are tried in their order."""

    kind: str
    lead: re.Pattern[str]
    values: tuple[re.Pattern[str], ...]
    asked: bool = False


def _rule(kind: str, lead: str, *values: re.Pattern[str], asked: bool = False) -> Rule:
    return Rule(kind, re.compile(lead, re.IGNORECASE), values, asked)


_NUMBERS = {
    "order": r"order|Bestell|(?:de )?pedido|订单",
    "customer": r"customer|Kunden|(?:de )?cliente|客户",
    "invoice": r"invoice|Rechnungs|(?:de )?factura|发票",
    "tracking": r"tracking|Sendungs|(?:de )?seguimiento|运单|快递|物流",
    "booking": r"booking|reservation|Buchungs|(?:de )?reserva|预订",
    "member": r"member(?:ship)?|Mitglieds|(?:de )?socio|会员",
}
_IS = r"(?P<no>\s+(?:is not|ist nicht|no es)|\s+isn['’]t|不是)?\s*(?:is|was|ist|lautet|war|es|是|为)?\s*[:：=#]?\s*#?"
RULES = (
    _rule("name", rf"\bmy (?:full |first |last )?name(?:['’]s| is){_NOT}\s+", PROPER, SMALL),
    _rule("name", r"\bI(?:['’]m| am)(?P<no> not)? called\s+", PROPER, SMALL),
    _rule("name", r"(?:^|\bplease |\bjust |\bcan )(?P<no>don['’]t )?call me\s+", PROPER),
    _rule("name", rf"\b(?:mein Name (?:ist|lautet)|ich hei(?:ß|ss)e){_NOT}\s+", PROPER, SMALL),
    _rule("name", r"(?P<no>\bno )?\b(?:me llamo|mi nombre es)\s+", PROPER, SMALL),
    _rule("name", r"我(?P<no>不)?(?:的名字)?名?叫\s*", _HAN_NAME),
    _rule("name", r"我的名字(?P<no>不)?是\s*", _HAN_NAME),
    _rule(
        "lives in",
        r"\b(?:I|we) (?P<no>(?:do not|don['’]t|no longer|used to) )?(?:now |currently )?live in\s+",
        PROPER,
        SMALL,
    ),
    _rule("lives in", r"\b(?:ich wohne|wir wohnen) (?P<no>nicht (?:mehr )?)?(?:jetzt |derzeit )?in\s+", PROPER, SMALL),
    _rule("lives in", r"(?P<no>\b(?:ya )?no )?\b(?:vivo|vivimos) en\s+", PROPER, SMALL),
    _rule("lives in", r"(?:我|我们|^)(?:现在|目前)?(?P<no>不再?)?住在\s*", _HAN_PLACE),
    _rule("comes from", r"\bI(?:['’]m|\s+am)(?P<no> not)? (?:originally )?from\s+|\bI come from\s+", PROPER, SMALL),
    _rule("comes from", r"\bich komme (?P<no>nicht )?aus\s+", PROPER, SMALL),
    _rule("comes from", r"(?P<no>\bno )?\bsoy de\s+", PROPER, SMALL),
    _rule("comes from", r"(?:我|我们|^)(?P<no>不是)?来自\s*", _HAN_PLACE),
    _rule("prefers", r"\bI(?:['’]d| would)? (?P<no>(?:do not|don['’]t) )?prefer\s+(?!not\b)", _FREE),
    _rule("prefers", r"\bich bevorzuge(?P<no> nicht| kein\w*)?\s+", _FREE),
    _rule("prefers", r"(?P<no>\bno )?\bprefiero\s+(?!no\b)", _FREE),
    _rule("prefers", r"我(?P<no>不)?(?:更|比较|最)喜欢\s*|我偏好\s*", _HAN_FREE),
    *(
        _rule(
            f"{kind} number",
            rf"(?:\b(?:number|número|n\.?º|núm\.?) )?(?:{word})[ -]?"
            rf"(?:numbers?|nummer|no\.|nr\.?|id\b|code|#|号码?|编号|单号|número|n\.?º|núm\.?){_IS}\s*",
            _NUMBER,
            asked=True,
        )
        for kind, word in _NUMBERS.items()
    ),
    _rule("order number", rf"\b(?:número|n\.?º|núm\.?) de pedido{_IS}\s*", _NUMBER, asked=True),
    _rule(
        "order number",
        r"\b(?:my|the|our|meine[r]?|die|mi|el|del|我的)\s*(?:order|Bestellung|pedido|订单)\s*#?\s*",
        _LONG_NUMBER,
        asked=True,
    ),
    _rule("order number", r"订单\s*#?\s*", _LONG_NUMBER, asked=True),
)
