"""From a file of sound to what a speech model takes: one channel, 16,000 samples a second, in windows of 30 seconds.

libsndfile reads Ogg (Opus and Vorbis), MP3, WAV and FLAC. Nothing that a file says of itself is believed: it is read
piece by piece until there is enough, so that a small one cannot become a large one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from bot.engine.senses import NotPerceived

Samples = NDArray[np.float32]
"""From -1 to 1, one channel."""

RATE = 16_000
WINDOW = 30 * RATE

_RATES = (4_000, 96_000)
_STEPS = 640
"""Moments between two samples that resampling may have to hit: enough for all usual rates, 11,025 included."""
_CHANNELS = 8
_FRAME = RATE // 10
_CUT_WITHIN = 5 * RATE
"""A window that does not end with the recording ends at the quietest moment of its last seconds: rarely in a word."""
_SILENCE = 10 ** (-50 / 20)
"""As root mean square: a phone that lies on a table hears more, and models make up words for less."""
_ZEROS = 16
"""Zero crossings of the sinc on each side: what passes is flat to about 0.9 of the lower Nyquist frequency."""
_ROLLOFF = 0.95


def decoded(raw: bytes, most_seconds: float) -> Samples:
    """The samples of a file at `RATE`. Raises `NotPerceived`: what is no sound, or longer than `most_seconds`."""
    try:
        with soundfile.SoundFile(BytesIO(raw)) as file:
            return resampled(_mono(file, most_seconds), file.samplerate)
    except soundfile.SoundFileError:
        raise NotPerceived("It is damaged, or of a kind that is not read.", why="damaged") from None


def _mono(file: Any, most_seconds: float) -> Samples:
    rate, channels = file.samplerate, file.channels
    usual = _RATES[0] <= rate <= _RATES[1] and RATE // math.gcd(rate, RATE) <= _STEPS
    if not usual or channels > _CHANNELS:
        raise NotPerceived("It has too many channels, or an unusual rate.", why="damaged")
    left = int(most_seconds * rate) + 1
    pieces: list[Samples] = []
    while left > 0:
        piece = file.read(min(rate, left), dtype="float32", always_2d=True)
        if not len(piece):
            return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        pieces.append(np.clip(np.nan_to_num(piece), -1, 1).mean(axis=1))
        left -= len(piece)
    raise NotPerceived(f"It is longer than {most_seconds:.0f} seconds.", why="long", limit=most_seconds)


def resampled(samples: Samples, rate: int) -> Samples:
    """`samples` of `rate` a second at `RATE` a second, as many as last equally long (rounded up)."""
    if rate == RATE or not len(samples):
        return samples
    divisor = math.gcd(rate, RATE)
    down, up = rate // divisor, RATE // divisor
    kernel, width = _kernel(down, up)
    padded = torch.nn.functional.pad(torch.from_numpy(samples)[None, None], (width, width + down))
    phases = torch.nn.functional.conv1d(padded, kernel, stride=down)[0]  # (up, about len / down)
    count = -(-len(samples) * up // down)
    result: Samples = phases.T.reshape(-1)[:count].numpy()
    return result


@lru_cache(maxsize=8)
def _kernel(down: int, up: int) -> tuple[torch.Tensor, int]:
    """A sinc under a Hann window, for each of the `up` samples that `down` samples become; and its half width.

    J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/
    """
    cutoff = min(down, up) * _ROLLOFF  # zero crossings in the time of `down` samples
    width = math.ceil(_ZEROS * down / cutoff)
    taps = torch.arange(-width, width + down, dtype=torch.float64)[None] / down
    moments = torch.arange(up, dtype=torch.float64)[:, None] / up
    crossings = ((taps - moments) * cutoff).clamp(-_ZEROS, _ZEROS)
    kernel = torch.sinc(crossings) * torch.cos(crossings * math.pi / _ZEROS / 2) ** 2 * (cutoff / down)
    return kernel[:, None].to(torch.float32), width


def windows(samples: Samples) -> Iterator[Samples]:
    """`samples` in pieces of at most `WINDOW`, in order and without a gap."""
    while len(samples) > WINDOW:
        loudness = _loudness(samples[WINDOW - _CUT_WITHIN : WINDOW])
        cut = WINDOW - _CUT_WITHIN + int(loudness.argmin()) * _FRAME + _FRAME // 2
        yield samples[:cut]
        samples = samples[cut:]
    if len(samples):
        yield samples


def silent(samples: Samples) -> bool:
    """Whether there is nothing in it that anybody could have said."""
    return not len(samples) or float(_loudness(samples).max()) < _SILENCE


def _loudness(samples: Samples) -> NDArray[np.float64]:
    """The root mean square of each tenth of a second; the last one may be shorter."""
    starts = np.arange(0, len(samples), _FRAME)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts)
    return np.sqrt(power / np.minimum(_FRAME, len(samples) - starts))
