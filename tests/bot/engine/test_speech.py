"""Speech recognition: what a model says of a recording comes out, and nobody waits for what nobody wants."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.engine.base import EngineFault
from bot.engine.senses import Hearing, Lasting, NotPerceived
from bot.engine.sound import RATE, decoded, windows
from bot.engine.speech import HELD, SpeechRecognizer
from bot.engine.whisper import Whisper
from tests.bot.engine.voices import LANGUAGES, features, folder, recorded, tokenizer, tone, whisper

NOTE = recorded(tone(2))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("voices") / "model")


@pytest.fixture
async def recognizer(model: Path) -> AsyncIterator[SpeechRecognizer]:
    made = SpeechRecognizer(str(model), "cpu", most_seconds=120)
    yield made
    await made.close()


@pytest.fixture
async def english(tmp_path: Path) -> AsyncIterator[SpeechRecognizer]:
    made = SpeechRecognizer(str(folder(tmp_path / "english", multilingual=False)), "cpu", most_seconds=120)
    yield made
    await made.close()


def said_directly(raw: bytes, **told: Any) -> str:
    """What the same model's `generate` gives."""
    pieces = []
    for window in windows(decoded(raw, 1_000)):
        given = features()(window, sampling_rate=RATE, return_tensors="pt").input_features
        with torch.inference_mode():
            tokens = whisper(multilingual=bool(told)).generate(given, **told)
        pieces.append(tokenizer().decode(tokens[0], skip_special_tokens=True))
    return " ".join("".join(pieces).split())


async def test_a_voice_note_is_heard(recognizer: SpeechRecognizer) -> None:
    """Ogg Opus in, and out what the model itself says; another recording is something else."""
    assert isinstance(recognizer, Hearing) and isinstance(recognizer, Lasting)
    heard = await recognizer.hear(NOTE, "audio/ogg", "de")
    assert heard and heard == said_directly(NOTE, language="de", task="transcribe")
    other = recorded(tone(3, hertz=1200))
    assert await recognizer.hear(other, "audio/ogg", "de") == said_directly(other, language="de", task="transcribe")
    assert heard != await recognizer.hear(other, "audio/ogg", "de")


async def test_a_long_recording_is_heard_to_its_end(english: SpeechRecognizer) -> None:
    """Window after window, in order; what is silent between is skipped."""
    parts = np.concatenate([tone(35, hertz=300), np.zeros(48_000 * 35, np.float32), tone(20, hertz=900)])
    long = recorded(parts)
    heard = await english.hear(long, "audio/ogg", "")
    pieces = [window for window in windows(decoded(long, 1_000)) if np.abs(window).max() > 0.01]
    assert len(pieces) >= 2
    expected = [said_directly(recorded(piece, rate=RATE, kind="WAV", subtype="FLOAT")) for piece in pieces]
    assert heard.replace(" ", "") == "".join(expected).replace(" ", "")


async def test_a_model_that_knows_one_language_is_not_told_one(english: SpeechRecognizer) -> None:
    """English models refuse to hear of languages."""
    assert await english.hear(NOTE, "audio/ogg", "de") == said_directly(NOTE)


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize("sure", [0.0, 20.0])
def test_the_language_known_is_a_hint(spoken: str, sure: float) -> None:
    """Where the model is in doubt, it is as the speaker spoke before; where it is sure, as it is spoken now."""
    made = whisper()
    told: list[Any] = []
    made.proj_out = _Leaning(made.proj_out, made.generation_config.lang_to_id, f"<|{spoken}|>", sure)
    generate = made.generate
    made.generate = lambda *given, **how: (told.append(how["language"]), generate(*given, **how))[1]
    ears = Whisper(made, features(), tokenizer())
    for hint in (*LANGUAGES, "fr", ""):
        ears.transcribe(windows(decoded(NOTE, 60)), hint, lambda: False)
        known = f"<|{hint}|>" in made.generation_config.lang_to_id
        assert told.pop() == f"<|{hint if known and not sure else spoken}|>"


class _Leaning(torch.nn.Module):
    """Makes every language as likely as any other, but one a little, or by far, likelier."""

    def __init__(self, inner: torch.nn.Module, known: dict[str, int], spoken: str, sure: float) -> None:
        super().__init__()
        self._inner, self._known, self._more = inner, list(known.values()), (known[spoken], sure + 0.1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._inner(hidden)
        scores[..., self._known] = 0.0
        scores[..., self._more[0]] = self._more[1]
        return scores


@pytest.mark.parametrize("quiet", [recorded(np.zeros(96_000, np.float32)), recorded(tone(2, loud=0.001))])
async def test_silence_has_no_words(recognizer: SpeechRecognizer, quiet: bytes) -> None:
    """A model would make some up; it is not asked."""
    with pytest.raises(NotPerceived) as refused:
        await recognizer.hear(quiet, "audio/ogg", "")
    assert refused.value.why == "silent"


async def test_what_cannot_be_played_and_what_is_too_long_is_told(recognizer: SpeechRecognizer) -> None:
    """Each by its reason, and the next one is heard all the same."""
    for raw, why in (
        (b"nothing", "damaged"),
        (NOTE[:300], "damaged"),
        (recorded(tone(121, rate=8_000), rate=8_000), "long"),
    ):
        with pytest.raises(NotPerceived) as refused:
            await recognizer.hear(raw, "audio/ogg", "")
        assert refused.value.why == why
    assert await recognizer.hear(NOTE, "audio/ogg", "de")


async def test_two_at_once_are_heard_like_one_after_the_other(recognizer: SpeechRecognizer) -> None:
    """Nothing of one gets into the other."""
    notes = [recorded(tone(2, hertz=hertz)) for hertz in (250, 700, 2_000)]
    together = await asyncio.gather(*(recognizer.hear(note, "audio/ogg", "en") for note in notes))
    assert together == [await recognizer.hear(note, "audio/ogg", "en") for note in notes]
    assert len(set(together)) == 3


async def test_nothing_of_the_library_is_logged(recognizer: SpeechRecognizer, caplog: pytest.LogCaptureFixture) -> None:
    """Every line of the log is for the operator."""
    logging.getLogger("transformers").addHandler(caplog.handler)
    try:
        await recognizer.hear(NOTE, "audio/ogg", "de")
    finally:
        logging.getLogger("transformers").removeHandler(caplog.handler)
    assert not caplog.records
    assert not logging.getLogger("transformers.generation.utils").filters


class Doubles:
    """A model that listens until it is let go, or stopped."""

    def __init__(self) -> None:
        self.begun, self.go, self.ended = threading.Semaphore(0), threading.Event(), threading.Semaphore(0)
        self.loads, self.fault = 0, ""
        self.stopped: list[bool] = []

    def load(self, model: str, device: str) -> Doubles:
        self.loads += 1
        if self.fault:
            raise EngineFault(self.fault)
        return self

    def transcribe(self, pieces: Iterable[Any], language: str, stopped: Callable[[], bool]) -> str:
        self.begun.release()
        while not (stopped() or self.go.wait(0.002)):
            pass
        self.stopped.append(stopped())
        self.ended.release()
        return f"{len(list(pieces))} in {language}"


@pytest.fixture
async def doubled() -> AsyncIterator[tuple[SpeechRecognizer, Doubles]]:
    doubles = Doubles()
    recognizer = SpeechRecognizer("double", loader=doubles.load)
    yield recognizer, doubles
    doubles.go.set()
    await recognizer.close()


async def test_cancelled_it_ends(doubled: tuple[SpeechRecognizer, Doubles]) -> None:
    """The one that is listened to stops, the one that waits never begins, and the thread is free for others."""
    recognizer, doubles = doubled
    running, waiting = (asyncio.create_task(recognizer.hear(NOTE, "audio/ogg", "")) for _ in range(2))
    await asyncio.to_thread(doubles.begun.acquire)
    running.cancel()
    waiting.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError)
        for end in await asyncio.gather(running, waiting, return_exceptions=True)
    )
    await asyncio.to_thread(doubles.ended.acquire)
    assert doubles.stopped == [True]
    doubles.go.set()
    assert await recognizer.hear(NOTE, "audio/ogg", "en") == "1 in en"
    assert doubles.stopped == [True, False]


def test_a_model_that_writes_stops_within_a_token() -> None:
    """Nobody waits for the end of what nobody wants."""
    asked = iter([False, False, True])
    ears = Whisper(whisper(), features(), tokenizer())
    assert ears.transcribe(windows(decoded(NOTE, 60)), "en", lambda: next(asked, True)) == ""


async def test_no_more_wait_than_there_is_room_for(doubled: tuple[SpeechRecognizer, Doubles]) -> None:
    """One more is refused at once; when one has left, there is room again."""
    recognizer, doubles = doubled
    held = [asyncio.create_task(recognizer.hear(NOTE, "audio/ogg", "")) for _ in range(HELD)]
    await asyncio.to_thread(doubles.begun.acquire)
    with pytest.raises(NotPerceived) as refused:
        await recognizer.hear(NOTE, "audio/ogg", "")
    assert refused.value.why == "busy"
    doubles.go.set()
    await asyncio.gather(*held)
    assert await recognizer.hear(NOTE, "audio/ogg", "")


async def test_closing_ends_what_runs_and_what_waits(doubled: tuple[SpeechRecognizer, Doubles]) -> None:
    """Each with the one error; afterwards nothing is taken."""
    recognizer, doubles = doubled
    held = [asyncio.create_task(recognizer.hear(NOTE, "audio/ogg", "")) for _ in range(3)]
    await asyncio.to_thread(doubles.begun.acquire)
    await recognizer.close()
    ends = await asyncio.gather(*held, return_exceptions=True)
    assert all(isinstance(end, NotPerceived) for end in ends)
    with pytest.raises(NotPerceived):
        await recognizer.hear(NOTE, "audio/ogg", "")
    await recognizer.warm()


async def test_the_model_is_loaded_once_and_alone() -> None:
    """When it is first wanted, inside what keeps others from loading; a load that failed is tried again."""
    doubles, inside = Doubles(), []
    doubles.go.set()
    lock = threading.Lock()

    def load(model: str, device: str) -> Doubles:
        inside.append(lock.locked())
        return doubles.load(model, device)

    recognizer = SpeechRecognizer("double", alone=lock, loader=load)
    assert doubles.loads == 0
    doubles.fault = "The hub could not be reached."
    with pytest.raises(EngineFault, match="hub"):
        await recognizer.warm()
    doubles.fault = ""
    await asyncio.gather(recognizer.warm(), recognizer.hear(NOTE, "audio/ogg", ""), recognizer.hear(NOTE, "", ""))
    assert (doubles.loads, inside, lock.locked()) == (2, [True, True], False)
    await recognizer.close()


async def test_whatever_ails_a_model_is_the_one_error() -> None:
    """And what it says of a recording goes nowhere."""

    class Broken:
        def transcribe(self, pieces: Iterable[Any], language: str, stopped: Callable[[], bool]) -> str:
            raise RuntimeError("a secret that was said")

    recognizer = SpeechRecognizer("double", loader=lambda model, device: Broken())
    with pytest.raises(NotPerceived) as failed:
        await recognizer.hear(NOTE, "audio/ogg", "")
    assert failed.value.why == "failed" and "secret" not in str(failed.value)
    await recognizer.close()


async def test_what_is_no_whisper_is_refused(tmp_path: Path, model: Path) -> None:
    """By what it is; and a folder that lacks something by what it lacks."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "llama"}')
    (other / "model.safetensors").write_bytes(b"")
    part = tmp_path / "part"
    part.mkdir()
    for name in ("config.json", "model.safetensors"):
        (part / name).write_bytes((model / name).read_bytes())
    for folder_, word in ((other, "llama"), (part, "preprocessor_config"), (tmp_path / "none", "no folder")):
        recognizer = SpeechRecognizer(str(folder_), "cpu")
        with pytest.raises(EngineFault, match=word):
            await recognizer.warm()
        await recognizer.close()


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a traceback."""
    from bot.engine import speech

    with _without(monkeypatch, "soundfile"), pytest.raises(EngineFault, match=r"soundfile.*frontdesk\[voice\]"):
        speech.load("model", "cpu")


@contextmanager
def _without(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for ours in ("bot.engine.whisper", "bot.engine.sound"):
            patch.delitem(sys.modules, ours)
        patch.setitem(sys.modules, name, None)
        yield


def test_naming_a_recognizer_loads_nothing() -> None:
    """The thread imports what is heavy when it is first wanted."""
    code = "import sys\nfrom bot.engine.speech import SpeechRecognizer\nSpeechRecognizer('x')\nprint(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "transformers", "numpy", "soundfile"}.isdisjoint(found.stdout.split())
