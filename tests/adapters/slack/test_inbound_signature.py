"""A request is Slack's when its raw bytes were signed with our secret a short while ago; nothing else is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from adapters.slack.signature import FRESH_SECONDS, Denied, sign, verify
from bot.errors import ConfigError

SECRET = "signing-test-secret"
NOW = 1_700_000_000.0


def headers(body: bytes, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at))
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": sign(body, stamp, secret)}


@given(st.text(max_size=500).map(str.encode))
def test_what_the_official_sdk_signs_is_taken_and_the_other_way_round(body: bytes) -> None:
    """Both compute the same signature."""
    signed = headers(body)
    verify(body, signed, SECRET, NOW)
    stamp = signed["X-Slack-Request-Timestamp"]
    assert SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body) == signed["X-Slack-Signature"]


@given(st.binary(max_size=2_000))
def test_any_bytes_can_be_signed(body: bytes) -> None:
    """They are verified before anybody asks whether they are text."""
    verify(body, headers(body), SECRET, NOW)


@given(st.binary(min_size=1, max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_refused(body: bytes, where: int, by: int) -> None:
    """A body that is not what was signed is 401, wherever it differs."""
    forged = bytearray(body)
    forged[where % len(body)] ^= by
    with pytest.raises(Denied) as denied:
        verify(bytes(forged), headers(body), SECRET, NOW)
    assert denied.value.status == 401


@pytest.mark.parametrize("late", [FRESH_SECONDS + 1, -FRESH_SECONDS - 1, 86_400.0])
def test_a_replay_is_refused(late: float) -> None:
    """A right signature is worth nothing five minutes later, or earlier."""
    with pytest.raises(Denied) as denied:
        verify(b"{}", headers(b"{}"), SECRET, NOW + late)
    assert denied.value.status == 401


@pytest.mark.parametrize("late", [FRESH_SECONDS, -FRESH_SECONDS, 0.0])
def test_five_minutes_are_fresh(late: float) -> None:
    """Clocks differ and requests take a while."""
    verify(b"{}", headers(b"{}"), SECRET, NOW + late)


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("", ""),
        ("soon", "v0=" + "0" * 64),
        ("1e9", "v0=" + "0" * 64),
        ("-1700000000", "v0=" + "0" * 64),
        ("١٧٠٠٠٠٠٠٠٠", "v0=" + "0" * 64),
        ("1700000000\n", "v0=" + "0" * 64),
        ("9" * 400, "v0=" + "0" * 64),
        ("1700000000", ""),
        ("1700000000", "v0="),
        ("1700000000", "v0=" + "0" * 63),
        ("1700000000", "v0=" + "é" * 64),
        ("1700000000", "v0=" + "\udcff" * 64),
        ("1700000000", "v1=" + "0" * 64),
        ("1700000000", "v0=" + "0" * 64),
    ],
)
def test_bad_headers_are_401_and_never_a_fault(stamp: str, signature: str) -> None:
    """Not numeric, not ASCII, missing, of another version, wrong: Bolt answers some of these with 500."""
    with pytest.raises(Denied) as denied:
        verify(b"{}", {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature}, SECRET, NOW)
    assert denied.value.status == 401


@pytest.mark.parametrize("secret", ["", "  ", "\n"])
def test_a_blank_secret_proves_nothing(secret: str) -> None:
    """Everybody could sign with it, so nothing is signed or verified with it."""
    with pytest.raises(ConfigError):
        sign(b"{}", "1700000000", secret)
    signed = {"X-Slack-Request-Timestamp": "1700000000", "X-Slack-Signature": "v0=" + "0" * 64}
    with pytest.raises(ConfigError):
        verify(b"{}", signed, secret, NOW)


def test_what_is_wrong_is_said_without_a_secret() -> None:
    """Neither the secret nor the right signature is told to who guesses."""
    body = b'{"text": "hello"}'
    with pytest.raises(Denied) as denied:
        verify(body, headers(body, secret="another"), SECRET, NOW)
    assert SECRET not in str(denied.value) and sign(body, "1700000000", SECRET) not in str(denied.value)
