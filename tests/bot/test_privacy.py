"""Redaction takes personal data and nothing else; pseudonyms are stable and keyed."""

from __future__ import annotations

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Privacy
from bot.privacy import Redactor, pseudonym, redact_event

REDACTOR = Redactor(Privacy())


def luhn_digit(digits: str) -> str:
    """The last digit that makes `digits` pass; written apart from the product's own check."""
    doubled = [int(d) if place % 2 else sum(map(int, str(int(d) * 2))) for place, d in enumerate(reversed(digits))]
    return str(-sum(doubled) % 10)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("write to anna.b+shop@mail.example.org.", "write to [email]."),
        ("我的邮箱是foo@bar.com谢谢", "我的邮箱是[email]谢谢"),
        ("почта@пример.рф", "[email]"),
        ("o'neil@example.co.uk, thanks", "[email], thanks"),
        ("call +44 20 7946 0958 today", "call [phone] today"),
        ("I placed an order, call 415-555-2671", "I placed an order, call [phone]"),
        ("(415) 555-2671", "[phone]"),
        ("我的手机13812345678", "我的手机[phone]"),
        ("card 4111 1111 1111 1111 exp 12/27", "card [card] exp 12/27"),
        ("4111-1111-1111-1111", "[card]"),
        ("3782 822463 10005", "[card]"),
        ("no 12 4111111111111111", "no 12 [card]"),
        ("DE89 3704 0044 0532 0130 00 please", "[iban] please"),
        ("gb82west12345698765432", "[iban]"),
        ("账户DE89370400440532013000。", "账户[iban]。"),
    ],
)
def test_personal_data_is_taken(text: str, clean: str) -> None:
    """Each kind is found in the ways that people write it, and the words around it stay."""
    assert REDACTOR.redact(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,299.00 € or $4155552671",
        "4155552671元",
        "order 4155552671",
        "Order number: 4155552671",
        "Bestellnummer 4155552671",
        "订单号是4155552671",
        "E-4155552671",
        "#4155552671",
        "2026-11-22 10:30",
        "from 22.11.2026 to 24.12.2026",
        "4111 1111 1111 1112",
        "DE88 3704 0044 0532 0130 02",
        "@anna said 5 @ 3.50",
        "10 20 30 40 50 60 70 80",
        "a@b",
        "Mo-Fr 9.00-18.30, Sa 10-14",
        "版本 2.4.1，端口 8080",
        "no digits here",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    """Prices, dates, hours, order numbers and what fails its check digits are not personal data."""
    assert REDACTOR.redact(text) == text


def test_kinds_and_country_are_configurable() -> None:
    """Only the kinds asked for are taken, and national numbers of the country asked for."""
    text = "a@b.org 0171 2345678 4111111111111111"
    assert Redactor(Privacy(redact=("email",))).redact(text) == "[email] 0171 2345678 4111111111111111"
    assert Redactor(Privacy(redact=("phone",), phone_region="DE")).redact("0171 2345678") == "[phone]"
    assert Redactor(Privacy(redact=())).redact(text) == text


@given(st.text("0123456789", min_size=12, max_size=18), st.sampled_from(["", " ", "-"]))
def test_every_card_is_taken(digits: str, separator: str) -> None:
    """Whatever passes Luhn with 13 to 19 digits, in groups of four or in one, is gone."""
    card = digits + luhn_digit(digits)
    written = separator.join(card[at : at + 4] for at in range(0, len(card), 4))
    assert Redactor(Privacy(redact=("card",))).redact(f"my card {written}, thanks") == "my card [card], thanks"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.from_regex(r"[+(]?[0-9][0-9 ().-]{5,20}", fullmatch=True),
            st.sampled_from(["a@b.co", "@", "4111 1111 1111 1111", "DE89370400440532013000", "+442079460958"]),
        ),
        max_size=8,
    ).map("".join)
)  # fmt: skip
def test_redacting_twice_changes_nothing(text: str) -> None:
    """Redaction is idempotent on anything."""
    once = REDACTOR.redact(text)
    assert REDACTOR.redact(once) == once


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit",
    ["1", "1 ", "a@", "@a.", "DE89 ", "aa11", "+1 (", "4111-", "1.1-", "a@a.a@", "12345678901234567 ", "'", "-.1"],
)  # fmt: skip
def test_hostile_input_ends(unit: str) -> None:
    """A hundred thousand characters made to provoke backtracking come back in bounded time."""
    REDACTOR.redact(unit * (100_000 // len(unit)))


def test_a_processor_redacts_every_string_of_an_event() -> None:
    """structlog calls it as a processor; strings at any depth are redacted, other values and keys stay."""
    seen: list[object] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        seen.append(dict(event))
        return ""

    log = structlog.wrap_logger(structlog.PrintLogger(), processors=[redact_event(REDACTOR), keep])
    log.info("from a@b.org", count=4111111111111111, deep={"to": ["+442079460958", None]})
    assert seen == [{"event": "from [email]", "count": 4111111111111111, "deep": {"to": ["[phone]", None]}}]


@given(st.text(), st.text(), st.binary(min_size=1, max_size=100))
def test_pseudonyms_are_stable_and_apart(one: str, other: str, key: bytes) -> None:
    """The same visitor has the same short name under one key; another visitor or key has another."""
    name = pseudonym(one, key)
    assert name == pseudonym(one, key)
    assert len(name) == 16
    assert (name == pseudonym(other, key)) == (one == other)
    assert name != pseudonym(one, key + b"x")


def test_a_pseudonym_needs_a_key() -> None:
    """Without a key anybody could compute it from a list of visitors."""
    with pytest.raises(ValueError, match="key"):
        pseudonym("anna", b"")
