"""Voice through the whole house: at the support desk, from the configuration to the model, as the doctor sees it."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import re
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from bot.cli.checks import examine
from bot.config import Config, load
from bot.desk import Desk, at_desk
from bot.engine.senses import NotPerceived
from bot.errors import ConfigError
from bot.events import Address, Case, Message, Reply
from bot.phrases import said
from bot.senses import Senses
from bot.voice import GROUP, NEEDED, senses_of
from tests.bot.engine.voices import folder, recorded, tone
from tests.bot.filed import Filed, Talk, talking
from tests.fakes.channel import Channel

DOCS = Path(__file__).parents[2] / "docs" / "adapters.md"


class Ears:
    """Hears what the bytes say."""

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:
        return audio.decode()


# -- when a person takes over ----------------------------------------------------------------------------
@dataclass
class Handed:
    """A visitor who speaks, and Ana at the support desk."""

    desk: Desk
    channel: Filed
    support: Filed
    talk: Talk
    at = Address(channel="support", conversation="C1")

    async def speaks(self, words: str) -> Reply:
        note = self.channel.file(f"{words[:5].strip()}.ogg", words, media_type="audio/ogg")
        return await self.talk.say("", note, name="Vera")

    async def ana(self, case: Case, text: str = "", **more: Any) -> Reply:
        self.talk.count += 1
        message = Message(
            id=f"a{self.talk.count}", address=case.desk, sender="ana", text=text, sent_at=1.0, name="Ana", **more
        )
        await self.desk.publish(message)
        end = await asyncio.wait_for(self.support.end(message.id), 20)
        assert isinstance(end, Reply)
        return end

    async def case(self) -> Case:
        found = await self.desk.store.case(Address(channel="test", conversation="c"))
        assert found
        return found


@asynccontextmanager
async def handed(path: Path) -> AsyncIterator[Handed]:
    overrides = {
        "data": str(path),
        "knowledge": {"semantic": {"enabled": "no"}},
        "engine": {"quote": {"delay_ms": 0}},
        "handover": {"channel": "support", "conversation": "C1"},
    }
    channel, support = Filed(), Filed()
    support.name = "support"
    async with at_desk(
        load(environ={}, overrides=overrides), [channel, support], senses=Senses(hearing=Ears())
    ) as desk:
        await desk.start()
        yield Handed(desk, channel, support, Talk(desk, channel))
        await desk.close()


async def test_a_person_can_be_asked_for_by_voice(tmp_path: Path) -> None:
    """What was said is on the card, and the visitor reads what was understood."""
    async with handed(tmp_path) as at:
        end = await at.speaks("I want to talk to a human")
        assert end.text == f"> I heard: “I want to talk to a human”\n\n{said('case_opened', 'en')}"
        assert (await at.case()).reason == "I want to talk to a human"


async def test_colleagues_read_what_a_visitor_says(tmp_path: Path) -> None:
    """With the name of the recording, so that they know that it was one. The bot is silent, and shows nothing."""
    async with handed(tmp_path) as at:
        await at.talk.say("I want to talk to a human", name="Vera")
        await at.ana(await at.case(), command="take")
        shown = len(at.channel.sent)
        end = await at.speaks("My parcel is wet.")
        assert (end.text, end.finish_reason) == ("", "human")
        post = at.support.posts((await at.case()).desk)[-1]
        assert (post.name, post.text) == ("Vera", "My parcel is wet.\n[Files: My pa.ogg]")
        assert [event for event in at.channel.sent[shown:] if isinstance(event, Reply) and not event.final] == []


async def test_what_colleagues_record_is_not_put_into_their_mouths(tmp_path: Path) -> None:
    """A mistake of the model's would be said in their name."""
    async with handed(tmp_path) as at:
        await at.talk.say("I want to talk to a human")
        case = await at.case()
        await at.ana(case, command="take")
        note = at.support.file("ana.ogg", "Throw it away", media_type="audio/ogg")
        end = await at.ana(case, attachments=(note,))
        assert end.text == said("case_files", "en")
        assert at.channel.posts(case.visitor)[-1].text == "[Files: ana.ogg]"
        asked = await at.ana(case, command="summarize", attachments=(note,))
        assert asked.text.startswith("> I heard: “Throw it away”")  # what they have the bot do is theirs to see


async def test_at_the_desk_but_outside_a_case_the_bot_hears(tmp_path: Path) -> None:
    """A thread there that is no case is a conversation like others."""
    async with handed(tmp_path) as at:
        note = at.support.file("x.ogg", "Hello!", media_type="audio/ogg")
        message = Message(
            id="x", address=replace(at.at, thread="other"), sender="ana", text="", sent_at=1.0, attachments=(note,)
        )
        await at.desk.publish(message)
        end = await asyncio.wait_for(at.support.end("x"), 20)
        assert isinstance(end, Reply) and end.text.startswith("> I heard: “Hello!”")


# -- from the configuration to the model -----------------------------------------------------------------
@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("voice") / "model")


def configured(root: Path, **sections: Any) -> Config:
    (root / "frontdesk.toml").write_text("")
    overrides: dict[str, Any] = {"knowledge": {"semantic": {"enabled": "no"}}, "server": {"port": 0}, **sections}
    return load(root / "frontdesk.toml", environ={}, overrides=overrides)


async def test_a_voice_note_goes_through_the_configured_model(tmp_path: Path, model: Path) -> None:
    """From Ogg Opus to the quote in the answer, with nothing but `voice.model` set."""
    voice = {"model": str(model), "device": "cpu"}
    async with talking(tmp_path, voice=voice, engine={"kind": "echo"}) as talk:
        note = talk.channel.file("voice-1.ogg", recorded(tone(2)), media_type="audio/ogg")
        heard = await talk.say("", note)
        lead, echoed = heard.text.split("\n\n", 1)
        assert lead.startswith("> ") and len(echoed) > 3
        silent = await talk.say("", talk.channel.file("2.ogg", recorded(tone(2, loud=0)), media_type="audio/ogg"))
        assert silent.text.endswith(said("sound_silent", silent.language))
        broken = await talk.say("", talk.channel.file("3.ogg", b"OggS", media_type="audio/ogg"), language="de")
        assert broken.text.endswith(said("sound_damaged", broken.language))


async def test_a_folder_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """As other models are."""
    folder(tmp_path / "ears")
    senses = senses_of(configured(tmp_path, voice={"model": "ears", "device": "cpu"}))
    assert senses.hearing
    assert await senses.hearing.hear(recorded(tone(1)), "audio/ogg", "en")
    await senses.close()


def test_nothing_is_heard_unless_it_is_wanted(tmp_path: Path) -> None:
    """By default there is neither a model nor a thread."""
    assert senses_of(configured(tmp_path)) == Senses()


async def test_a_model_that_cannot_be_loaded_stops_no_start(tmp_path: Path) -> None:
    """Voice is told to be out of order; whoever writes is answered."""
    async with talking(tmp_path, voice={"model": str(tmp_path / "nowhere")}) as talk:
        note = talk.channel.file("voice-1.ogg", recorded(tone(1)), media_type="audio/ogg")
        assert (await talk.say("", note)).text == said("unheard", "en", why=said("sound_failed", "en"))
        assert "30 days" in (await talk.say("How long do I have to return a kettle?")).text


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted, *rest: None if wanted == name else find(wanted))


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_extra_is_named_at_the_start(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    without(monkeypatch, name)
    with pytest.raises(ConfigError, match=rf"{name}.*frontdesk\[voice\]"):
        senses_of(configured(tmp_path, voice={"model": "openai/whisper-small"}))


def test_what_is_looked_for_is_what_the_extra_installs() -> None:
    """Neither more nor less."""
    project = tomllib.loads((DOCS.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    assert tuple(re.split("[>=]", needed)[0] for needed in project["optional-dependencies"]["voice"]) == NEEDED


# -- models of others --------------------------------------------------------------------------------------
@pytest.fixture
def eyes(tmp_path: Path) -> ModuleType:
    """The example of docs/adapters.md, saved and imported as the page says."""
    example = re.search(r"<!-- example: frontdesk_eyes.py -->\n```python\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    assert example
    file = tmp_path / "frontdesk_eyes.py"
    file.write_text(example[1], "utf-8")
    spec = importlib.util.spec_from_file_location("frontdesk_eyes", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(monkeypatch: pytest.MonkeyPatch, **factories: Any) -> None:
    """Let entry points lead to `factories`."""

    def found(*, group: str) -> list[Any]:
        assert group == GROUP
        return [SimpleNamespace(name=name, load=lambda made=made: made) for name, made in factories.items()]

    monkeypatch.setattr("bot.voice.entry_points", found)


async def test_the_example_sees(tmp_path: Path, eyes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed and turned on as the page says, it asks its server, and what it says is read with the question."""
    asked: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        if len(asked) > 1:
            return web.Response(status=503)
        return web.json_response({"choices": [{"message": {"content": "A kettle."}}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    install(monkeypatch, eyes=eyes.make)
    settings = {"base_url": f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "model": "m"}
    senses = senses_of(configured(tmp_path, senses={"eyes": settings}))
    async with talking(tmp_path, engine={"kind": "echo"}, senses=senses) as talk:
        photo = talk.channel.file("photo.jpg", b"\xff\xd8", media_type="image/jpeg")
        end = await talk.say("May I return it?", photo)
        assert end.text == "> I see: “A kettle.”\n\nMay I return it?\nA kettle."
        content = asked[0]["messages"][0]["content"]
        assert "May I return it?" in content[0]["text"]
        assert (
            content[1]["image_url"]["url"] == f"data:image/jpeg;base64,{base64.b64encode(bytes([0xFF, 0xD8])).decode()}"
        )
        failed = await talk.say("", talk.channel.file("second.jpg", b"\xff\xd8", media_type="image/jpeg"))
        assert failed.text == said("unseen", failed.language, why=said("sense_failed", failed.language))
    await runner.cleanup()


def test_the_example_is_an_entry_point() -> None:
    """The line of the page is one that the installer understands."""
    assert EntryPoint("eyes", "frontdesk_eyes:make", GROUP).module == "frontdesk_eyes"
    assert f'`{GROUP}`: `eyes = "frontdesk_eyes:make"`' in DOCS.read_text("utf-8")


class Other:
    """Hears, as somebody else's model does."""

    def __init__(self, config: Config, settings: Mapping[str, Any]) -> None:
        self.config, self.settings = config, settings

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:
        raise NotPerceived("It is deaf.")


def test_others_get_their_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their own table, and the whole configuration."""
    install(monkeypatch, other=Other)
    config = configured(tmp_path, senses={"other": {"loud": True}})
    hearing = senses_of(config).hearing
    assert isinstance(hearing, Other) and hearing.settings == {"loud": True} and hearing.config is config


@pytest.mark.parametrize(
    ("sections", "wrong"),
    [
        ({"senses": {"nose": {}}}, r"no sense `nose`.*other, table"),
        ({"senses": {"table": {}}}, "neither hears nor sees"),
        ({"senses": {"other": {}}, "voice": {"model": "openai/whisper-small"}}, "Two models"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, sections: dict[str, Any], wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, with what to do."""
    install(monkeypatch, other=Other, table=lambda config, settings: object())
    with pytest.raises(ConfigError, match=wrong):
        senses_of(configured(tmp_path, **sections))


# -- the doctor --------------------------------------------------------------------------------------------
async def finding(root: Path, **sections: Any) -> tuple[str, str]:
    found = [one for one in await examine(configured(root, **sections)) if one.subject == "voice"]
    assert len(found) == 1
    return found[0].state, found[0].text


async def test_the_doctor_tells_of_voice(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off, there, lacking a file, another model, not there, on the hub, not installed, and of others."""
    assert await finding(tmp_path) == ("good", "off; people who send recordings are asked to write")
    state, text = await finding(tmp_path, voice={"model": str(model)})
    assert (state, text.startswith("whisper in ")) == ("good", True)
    part = tmp_path / "part"
    part.mkdir()
    (part / "config.json").write_text("{}")
    state, text = await finding(tmp_path, voice={"model": "part"})
    assert state == "bad" and "preprocessor_config.json, tokenizer_config.json, model.safetensors" in text
    for name in ("preprocessor_config.json", "tokenizer_config.json", "model.safetensors"):
        (part / name).write_text("")
    for written, told in ((json.dumps({"model_type": "llama"}), "llama"), ("[]", "strange"), ("{", "strange")):
        (part / "config.json").write_text(written)
        state, text = await finding(tmp_path, voice={"model": "part"})
        assert state == "bad" and told in text
    assert (await finding(tmp_path, voice={"model": "./nowhere"}))[0] == "bad"
    assert (await finding(tmp_path, voice={"model": "nobody-here/whisper-of-theirs"}))[0] == "note"
    install(monkeypatch, other=Other)
    assert await finding(tmp_path, senses={"other": {}}) == ("good", "other: hears")
    assert (await finding(tmp_path, senses={"nose": {}}))[0] == "bad"
    without(monkeypatch, "soundfile")
    state, text = await finding(tmp_path, voice={"model": str(model)})
    assert state == "bad" and "frontdesk[voice]" in text


async def test_channels_without_attachments_need_no_senses(tmp_path: Path) -> None:
    """What is written goes straight to whoever answers."""
    channel = Channel()
    overrides = {"data": str(tmp_path), "knowledge": {"semantic": {"enabled": "no"}}, "engine": {"kind": "echo"}}
    async with at_desk(load(environ={}, overrides=overrides), [channel]) as desk:
        await desk.start()
        message = Message(
            id="m", address=Address(channel="test", conversation="c"), sender="v", text="Hello", sent_at=1.0
        )
        await desk.publish(message)
        end = await asyncio.wait_for(channel.end("m"), 20)
        assert isinstance(end, Reply) and end.text == "Hello"
        await desk.close()
