"""Personal data out of texts before they are logged or shown to a model, and pseudonyms in place of visitors.

Redaction is careful in both directions: a card must pass Luhn's check, an IBAN its check digits (ISO 13616, modulo 97),
a phone number must exist in its country's plan (phonenumbers); prices, dates and order numbers stay. Every pattern is
linear in the text, so hostile input costs time in proportion to its length. Redacting twice changes nothing more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from hashlib import blake2b
from typing import Any

from bot.config import Privacy

_AT = re.compile("[@＠]")
_DIGIT = re.compile(r"\d")

_DENSE = "\u0e00-\u0e7f\u2e80-\uffff"  # scripts that put no space between a word and an address
_LOCAL = rf"(?:(?![{_DENSE}])[\w.%+'\-])"
_LABEL = rf"(?:(?![{_DENSE}])[\w\-])"
_EMAIL = re.compile(
    rf"(?<!{_LOCAL}){_LOCAL}++[@＠](?:{_LABEL}++\.)++(?:{_LABEL}++)?|(?<!{_LOCAL}){_LOCAL}++[@＠]{_LABEL}++"
)

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}+(?![A-Za-z0-9])", re.ASCII)
_IBAN_SHORTEST = 15

_GAP = r"[ \u00a0\u2009\u202f.\-–]{1,2}"
_DIGITS = re.compile(rf"\d++(?:{_GAP}\d++)*+")
_GROUP = re.compile(r"\d+")
_CARD_SHORTEST, _CARD_LONGEST = 13, 19

_PHONE_LIKE = re.compile(r"[+＋(]{0,2}\d(?:[^\w\n]{0,3}\d){6,}+")
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[ T-]+\d.*)?", re.DOTALL)
_CURRENCY_BEFORE = re.compile(r"(?:[$€£¥₹₩₽]|\b(?:usd|eur|gbp|cny|rmb|chf|jpy)\b)\s*$", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(r"\s*(?:[$€£¥₹₩₽元円]|(?:usd|eur|gbp|cny|rmb|chf|jpy)\b)", re.IGNORECASE)
_ORDER_BEFORE = re.compile(
    r"(?:order|invoice|ref(?:erence)?|track(?:ing)?|ticket|case|article|item|product|sku|serial|batch|customer|account|"
    r"bestell\w*|auftrag\w*|rechnung\w*|sendung\w*|artikel\w*|kunden\w*|pedido|factura|seguimiento|referencia|art[íi]culo|"
    r"commande|facture|suivi|article|订单|訂單|单号|單號|运单|运单号|编号|發票|发票|货号|طلب|الطلب|فاتورة|الفاتورة)"
    r"(?:\W|_|\b(?:no|nr|num|number|nummer|n[úu]mero|id|code|is|was|ist|war|es|est|de|رقم)\b|[号號码碼是为為])*$|"
    r"[#№]\s*$|[A-Za-z][-_/]$",
    re.IGNORECASE,
)
_CONTEXT = 40
_HAN = re.compile("[\u4e00-\u9fff]")


class Redactor:
    """Replaces personal data by its kind: "[email]", "[phone]", "[card]", "[iban]". Serves every thread."""

    def __init__(self, config: Privacy) -> None:
        self._kinds = frozenset(config.redact)
        self._region = config.phone_region.upper()

    def redact(self, text: str) -> str:
        """`text` without the kinds of personal data that are configured."""
        while (clean := self._once(text)) != text:
            text = clean  # each pass takes digits or an "@" away, so this ends, nearly always after the second
        return text

    def _once(self, text: str) -> str:
        if "email" in self._kinds and _AT.search(text):
            text = _EMAIL.sub(_email_or_not, text)
        if not _DIGIT.search(text):
            return text
        for kind, spans in (("iban", _ibans), ("card", _cards), ("phone", self._phones)):
            if kind in self._kinds:
                text = _replace(text, spans(text), f"[{kind}]")
        return text

    def _phones(self, text: str) -> Iterator[tuple[int, int]]:
        """Where phone numbers stand: those with a country code, the configured country's, and China's in Chinese."""
        if not _PHONE_LIKE.search(text):
            return
        from phonenumbers import Leniency, PhoneNumberMatcher

        found: set[tuple[int, int]] = set()
        for region in {self._region, "CN"} if _HAN.search(text) else {self._region}:
            for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
                if _is_phone(text, match.start, match.end):
                    found.add((match.start, match.end))
        end = 0
        for start, stop in sorted(found, key=lambda span: (span[0], -span[1])):
            if start >= end:
                yield (start, stop)
                end = stop


def pseudonym(visitor: str, key: bytes) -> str:
    """A short name (16 hexadecimal digits) for `visitor` in logs: stable under one key, meaningless without it.

    BLAKE2b with a key (RFC 7693). Raises `ValueError` when `key` is empty: an unkeyed digest can be guessed.
    """
    if not key:
        raise ValueError("A pseudonym needs a key that is not empty.")
    short_key = key if len(key) <= 64 else blake2b(key).digest()
    return blake2b(visitor.encode("utf-8", "surrogatepass"), key=short_key, digest_size=8).hexdigest()


def redact_event(redactor: Redactor) -> Callable[[Any, str, MutableMapping[str, Any]], Mapping[str, Any]]:
    """A structlog processor that redacts every string in an event, however deep it lies, and leaves the rest."""

    def process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {name: _redacted(redactor, value, 8) for name, value in event.items()}

    return process


def _redacted(redactor: Redactor, value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redactor.redact(value)
    if depth and isinstance(value, Mapping):
        return {name: _redacted(redactor, inner, depth - 1) for name, inner in value.items()}
    if depth and type(value) in (list, tuple, set, frozenset):
        return type(value)(_redacted(redactor, inner, depth - 1) for inner in value)
    return value


def _email_or_not(match: re.Match[str]) -> str:
    """An address needs a dot in its domain; the marks that end a sentence are given back."""
    found = match.group()
    address = found.rstrip(".'-")
    if "." not in re.split("[@＠]", address, maxsplit=1)[1]:
        return found
    return "[email]" + found[len(address) :]


def _replace(text: str, spans: Iterator[tuple[int, int]], label: str) -> str:
    pieces, end = [], 0
    for start, stop in spans:
        pieces += [text[end:start], label]
        end = stop
    return "".join([*pieces, text[end:]])


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """The longest run of whole groups from an IBAN's beginning whose check digits hold."""
    for match in _IBAN.finditer(text):
        ends = [gap.start() for gap in re.finditer(r"[ \u00a0-]|\Z", match.group())]
        for end in reversed(ends):
            account = re.sub(r"[ \u00a0-]", "", match.group()[:end])
            if len(account) >= _IBAN_SHORTEST and _iban_holds(account.upper()):
                yield (match.start(), match.start() + end)
                break


def _iban_holds(account: str) -> bool:
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Runs of whole digit groups, 13 to 19 digits together, that pass Luhn and are grouped as cards are."""
    for run in _DIGITS.finditer(text):
        groups = [(match.start(), match.end()) for match in _GROUP.finditer(text, run.start(), run.end())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last:
                yield (groups[first][0], groups[last - 1][1])
            first = last or first + 1


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int:
    """The index after the last group of the longest card that begins with group `first`; 0 when none does."""
    digits, sizes, found = "", [], 0
    for index in range(first, len(groups)):
        start, end = groups[index]
        digits += text[start:end][: _CARD_LONGEST + 1]
        sizes.append(end - start)
        if len(digits) > _CARD_LONGEST:
            break
        if len(digits) >= _CARD_SHORTEST and _grouped_as_card(sizes) and _luhn_holds(digits):
            found = index + 1
    return found


def _grouped_as_card(sizes: list[int]) -> bool:
    return all(size >= 3 for size in sizes[:-1]) or len(set(sizes[:-1])) == 1


def _luhn_holds(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        number = unicodedata.digit(character)
        doubled = number * 2 if place % 2 else number
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_phone(text: str, start: int, end: int) -> bool:
    """Not a date, not a price, and not the undivided number of an order."""
    number, before = text[start:end], text[max(0, start - _CONTEXT) : start]
    if number.startswith(("+", "＋")):
        return True
    if _DATE.fullmatch(number) or _CURRENCY_BEFORE.search(before) or _CURRENCY_AFTER.match(text, end):
        return False
    return not (number.isdigit() and _ORDER_BEFORE.search(before))
