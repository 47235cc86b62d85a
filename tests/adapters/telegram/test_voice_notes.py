"""Voice notes and photos in Telegram, through the whole house."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.phrases import said
from tests.adapters.telegram.bureau import ANNA, FRAME, bureau
from tests.fakes.telegram.server import Faults


class Senses:
    """Hears and sees what the bytes say."""

    def __init__(self, *_: Any) -> None:
        self.heard: list[str] = []

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:
        self.heard.append(media_type)
        return audio.decode()

    async def see(self, image: bytes, media_type: str, question: str) -> str:
        return image.decode()


@pytest.fixture
def senses(monkeypatch: pytest.MonkeyPatch) -> Senses:
    """Installed, and turned on by [senses.theirs]."""
    made = Senses()
    point = SimpleNamespace(name="theirs", load=lambda: lambda config, settings: made)
    monkeypatch.setattr("bot.voice.entry_points", lambda *, group: [point])
    return made


@pytest.mark.parametrize("way", ["polling", "webhook"])
async def test_a_voice_note_is_answered_once(tmp_path: Path, way: Any, senses: Senses) -> None:
    """However often Telegram tells of it: what was heard, then the answer to it."""
    async with bureau(tmp_path, way, senses={"theirs": {}}) as made:
        made.telegram.faults = Faults(copies=3, seed=2)
        await made.telegram.voice(ANNA, ANNA, FRAME.encode())
        shown = await made.answer(ANNA)
        heard, answer = shown.text.split("\n", 1)
        assert heard == said("heard", "en", text=FRAME)
        assert "five years" in answer
        await made.quiet()
        assert (len(made.telegram.chat(ANNA).said), senses.heard) == (1, ["audio/ogg"])


async def test_a_photo_is_seen_with_its_caption(tmp_path: Path, senses: Senses) -> None:
    """Together they are the question."""
    async with bureau(tmp_path, senses={"theirs": {}}) as made:
        await made.telegram.photo(
            ANNA, ANNA, b"A bicycle frame with a crack.", caption="How long is the warranty on it?"
        )
        shown = await made.answer(ANNA)
        assert shown.text.startswith(said("seen", "en", text="A bicycle frame with a crack."))
        assert "five years" in shown.text


@pytest.mark.parametrize("kind", ["voice", "photo"])
async def test_without_a_model_it_says_what_it_can_do(tmp_path: Path, kind: str) -> None:
    """In one message, and nothing is downloaded."""
    async with bureau(tmp_path) as made:
        await getattr(made.telegram, kind)(ANNA, ANNA)
        shown = await made.answer(ANNA)
        key = {"voice": "deaf", "photo": "blind"}[kind]
        assert shown.text.split("\n\n") == [said(key, "en"), said("help_files", "en")]
        await made.quiet()
        assert not made.telegram.calls_of("getFile")


async def test_a_caption_is_answered_without_a_model(tmp_path: Path) -> None:
    """And below it stands that the photo was not looked at."""
    async with bureau(tmp_path) as made:
        await made.telegram.photo(ANNA, ANNA, caption=FRAME)
        shown = await made.answer(ANNA)
        assert "five years" in shown.text and said("blind_asked", "en") in shown.text
