"""Files of sound become what a speech model takes, whatever they are and claim to be."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.senses import NotPerceived
from bot.engine.sound import RATE, WINDOW, decoded, resampled, silent, windows
from tests.bot.engine.voices import recorded, tone

KINDS = [("OGG", "OPUS"), ("OGG", "VORBIS"), ("FLAC", None), ("WAV", "FLOAT"), ("MP3", None)]


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_what_people_record_is_read(kind: str, subtype: str | None) -> None:
    """The same tone comes out of each kind: as long, as high and as loud."""
    heard = decoded(recorded(tone(2), kind=kind, subtype=subtype), 60)
    assert heard.dtype == np.float32
    assert len(heard) == pytest.approx(2 * RATE, abs=RATE / 8)  # MP3 has a little of its own around it
    assert np.abs(np.fft.rfft(heard)).argmax() / len(heard) * RATE == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(np.sqrt(np.mean(tone(2) ** 2)), rel=0.1)


def test_several_channels_become_one() -> None:
    """What is said on either side is heard."""
    left, right = tone(1), tone(1, hertz=1000)
    heard = decoded(recorded(np.stack([left, right], axis=1), kind="WAV", subtype="FLOAT"), 60)
    loudest = np.abs(np.fft.rfft(heard))
    assert min(loudest[440], loudest[1000]) > 500 > 50 * loudest[700]


@pytest.mark.parametrize("raw", [b"", b"no sound at all" * 100, recorded(tone(1))[:300], b"OggS" + bytes(500)])
def test_what_is_no_sound_is_told(raw: bytes) -> None:
    """Nothing else is raised for it."""
    with pytest.raises(NotPerceived) as refused:
        decoded(raw, 60)
    assert refused.value.why == "damaged"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 4_000), st.integers(0, 255))
def test_damage_is_heard_or_told(torn: bytes, at: int, filler: int) -> None:
    """Whatever bytes are changed, there are samples between -1 and 1, or the one error."""
    whole = _DAMAGED
    raw = whole[:at] + torn + bytes([filler]) + whole[at + len(torn) + 1 :]
    try:
        heard = decoded(raw, 5)
    except NotPerceived:
        return
    assert np.isfinite(heard).all() and np.abs(heard).max(initial=0) <= 1.5  # a filter swings a little over


_DAMAGED = recorded(tone(0.4))


def test_what_is_no_number_is_silence() -> None:
    """A file may hold numbers that are none."""
    strange = np.array([np.nan, np.inf, -np.inf, 1e30, 0.5] * 4_000, np.float32)
    heard = decoded(recorded(strange, rate=RATE, kind="WAV", subtype="FLOAT"), 60)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1


def test_length_is_measured_and_not_believed() -> None:
    """Just as long as allowed is heard; a sample more is not, and the limit is told."""
    exact = recorded(np.zeros(RATE * 3, np.float32), rate=RATE, kind="FLAC", subtype=None)
    assert len(decoded(exact, 3)) == 3 * RATE
    longer = recorded(np.zeros(RATE * 3 + 1, np.float32), rate=RATE, kind="FLAC", subtype=None)
    with pytest.raises(NotPerceived) as refused:
        decoded(longer, 3)
    assert (refused.value.why, refused.value.limit) == ("long", 3)


@pytest.mark.parametrize(("rate", "channels"), [(44_101, 1), (192_000, 1), (1_000, 1), (16_000, 9)])
def test_what_would_take_much_memory_is_refused(rate: int, channels: int) -> None:
    """Rates that have nothing in common with ours, and crowds of channels."""
    file = BytesIO()
    soundfile.write(file, np.zeros((100, channels), np.float32), rate, format="WAV")
    with pytest.raises(NotPerceived) as refused:
        decoded(file.getvalue(), 60)
    assert refused.value.why == "damaged"


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000])
def test_resampling_keeps_what_can_be_kept(rate: int) -> None:
    """A tone is the same tone, in its place; what our rate cannot hold is gone and does not come back lower."""
    seconds = 0.5
    count = int(seconds * rate)
    moments = np.arange(count) / rate
    heard = resampled(np.sin(2 * np.pi * 1_000 * moments).astype(np.float32), rate)
    assert len(heard) == -(-count * RATE // rate)
    wanted = np.sin(2 * np.pi * 1_000 * np.arange(len(heard)) / RATE)
    middle = slice(400, -400)
    assert np.abs(heard[middle] - wanted[middle]).max() < 0.01
    if rate > 2 * 12_000:
        above = resampled(np.sin(2 * np.pi * 10_000 * moments).astype(np.float32), rate)
        assert np.abs(above[middle]).max() < 0.02


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5 * WINDOW // 2), st.integers(0, 2**32 - 1))
def test_windows_are_the_whole(length: int, seed: int) -> None:
    """In order, without a gap, none longer than 30 seconds, and but for the last none much shorter."""
    samples = np.random.default_rng(seed).random(length, np.float32)
    pieces = list(windows(samples))
    assert np.array_equal(np.concatenate([*pieces, np.zeros(0, np.float32)]), samples)
    assert all(0 < len(piece) <= WINDOW for piece in pieces)
    assert all(len(piece) >= WINDOW * 5 // 6 for piece in pieces[:-1])


def test_a_long_recording_is_cut_in_a_pause() -> None:
    """Somebody who draws breath after 27 seconds is cut there, and in no word."""
    samples = np.full(2 * WINDOW, 0.5, np.float32)
    samples[27 * RATE : 27 * RATE + RATE // 4] = 0
    first = next(windows(samples))
    assert 27 * RATE <= len(first) <= 27 * RATE + RATE // 4


def test_silence_is_known() -> None:
    """Nothing, next to nothing, and a short word in a long silence."""
    noise = np.random.default_rng(1).normal(0, 0.001, 3 * RATE).astype(np.float32)
    assert silent(np.zeros(0, np.float32)) and silent(np.zeros(RATE, np.float32)) and silent(noise)
    noise[RATE : RATE + RATE // 5] += tone(0.2, rate=RATE, loud=0.05)
    assert not silent(noise)
