"""A model in this process behind the desk: its answers, its figures, its faults, and how it is asked for."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import torch

from bot.cli.model import examine_model
from bot.config import Config, load
from bot.config import LocalEngine as LocalSection
from bot.desk import Desk, at_desk
from bot.engine.local.engine import LocalEngine
from bot.engine.local.settings import LocalSettings
from bot.errors import ConfigError
from bot.events import Address, Failed, Message, Reply, Stop
from bot.local import LoadingLog, fitted, local_engine, local_settings, revival
from bot.server import application, serving
from tests.bot.engine.local import families
from tests.bot.test_cli import frontdesk
from tests.fakes.channel import Channel
from tests.fakes.local_engine import FakeRunner, loader_of

PAGE = "# Returns\n\nYou may return a kettle within 30 days of delivery. Opened tea cannot be returned.\n"
QUESTION = "How long do I have to return a kettle?"
LOCAL = {"kernels": "torch", "dtype": "float32", "device": "cpu", "threads": 1, "cache_gb": 0.05}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """The machine is shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama that reads as much as our prompts have."""
    path = tmp_path_factory.mktemp("model")
    families._build("llama", max_position_embeddings=8_192).save_pretrained(path)
    families.tokenizer().save_pretrained(path)
    return path


def configured(folder: Path, model: Path, **sections: Any) -> Config:
    """A shop with one page, answered by `model`."""
    source = folder / "knowledge" / "returns.md"
    source.parent.mkdir(exist_ok=True)
    source.write_text(PAGE, "utf-8")
    own = sections.pop("engine", {})
    overrides: dict[str, Any] = {
        "data": str(folder / "data"),
        "knowledge": {"semantic": {"enabled": "no"}},
        "engine": {"kind": "local", "model": str(model), "local": LOCAL, **own},
        "prompts": {"context_tokens": 6_000, "max_tokens": 24, "temperature": 0},
        **sections,
    }
    return load(environ={}, overrides=overrides)


@asynccontextmanager
async def desk_with(config: Config) -> AsyncIterator[tuple[Desk, Channel]]:
    channel = Channel()
    async with at_desk(config, [channel]) as desk:
        await desk.knowledge.add([str(config.data.parent / "knowledge" / "returns.md")])
        await desk.start()
        async with asyncio.timeout(60):
            yield desk, channel
        await desk.close()


async def say(desk: Desk, channel: Channel, text: str, ident: str = "m") -> Reply | Failed:
    address = Address(channel="test", conversation="c")
    await desk.publish(Message(id=ident, address=address, sender="visitor", text=text, sent_at=1.0))
    return await channel.end(ident)


def local(desk: Desk) -> LocalEngine:
    assert isinstance(desk.engine, LocalEngine)
    return desk.engine


async def test_the_model_answers_as_it_is(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the visitor is shown is what the engine streams, piece by piece; who asks is told to the engine."""
    asked: list[Any] = []
    real = LocalEngine.stream

    def stream(self: LocalEngine, messages: Any, sampling: Any, **more: Any) -> Any:
        asked.append((messages, sampling, more))
        return real(self, messages, sampling, **more)

    monkeypatch.setattr(LocalEngine, "stream", stream)
    async with desk_with(configured(tmp_path, model, engine={"ground": False})) as (desk, channel):
        end = await say(desk, channel, QUESTION)
        assert isinstance(end, Reply)
        [(messages, sampling, more)] = asked
        assert more == {"owner": "test//visitor"}
        deltas = [delta async for delta in real(local(desk), messages, sampling)]
        assert end.text == "".join(delta.text for delta in deltas)
        assert end.finish_reason == deltas[-1].finish_reason
        assert deltas[-1].usage is not None
        assert deltas[-1].usage.cached_tokens > 0, "the prompt was read once already"
        assert len({event.text for event in channel.sent if isinstance(event, Reply)}) > 1


async def test_what_the_sources_do_not_say_is_replaced_by_a_quote(tmp_path: Path, model: Path) -> None:
    """A model that was never trained talks nonsense: the visitor reads the page instead."""
    async with desk_with(configured(tmp_path, model)) as (desk, channel):
        end = await say(desk, channel, QUESTION)
        assert isinstance(end, Reply)
        assert "30 days" in end.text
        assert [citation.number for citation in end.citations] == [1]
        assert local(desk).stats().generated_tokens > 0


async def test_a_stop_frees_the_place(tmp_path: Path, model: Path) -> None:
    """The answer ends where it was, and the engine has nothing left of it."""
    config = configured(
        tmp_path, model, engine={"ground": False}, prompts={"context_tokens": 4_000, "max_tokens": 4_000}
    )
    async with desk_with(config) as (desk, channel):
        address = Address(channel="test", conversation="c")
        engine = local(desk)
        await desk.publish(Message(id="m", address=address, sender="v", text=QUESTION, sent_at=1.0))
        async with channel.changed:
            await channel.changed.wait_for(lambda: any(isinstance(e, Reply) and e.text for e in channel.sent))
        await desk.publish(Stop(address=address, message_id="m"))
        end = await channel.end("m")
        assert isinstance(end, Reply)
        if engine.stats().cancelled:  # it may have come to its own end first
            assert end.finish_reason == "cancelled"
        while not await engine.alive().at_rest():
            await asyncio.sleep(0)
        assert engine.stats().kv_used == 0


async def test_the_figures_are_served(tmp_path: Path, model: Path) -> None:
    """`/metrics` holds the engine's, by their names; `/ready` says when the model is gone."""
    config = configured(tmp_path, model, server={"port": 0})
    async with (
        desk_with(config) as (desk, channel),
        serving(application(desk), config) as address,
        aiohttp.ClientSession() as session,
    ):
        await say(desk, channel, QUESTION)
        async with session.get(f"{address}/metrics") as response:
            lines = (await response.text()).splitlines()
        figures = dict(line.rsplit(" ", 1) for line in lines if line.startswith("frontdesk_engine_"))
        assert figures["frontdesk_engine_up"] == "1.0"
        assert float(figures["frontdesk_engine_generated_tokens_total"]) > 0
        assert figures["frontdesk_engine_ttft_seconds_count"] == "1.0"
        assert figures['frontdesk_engine_ttft_seconds_bucket{le="+Inf"}'] == "1.0"
        assert figures['frontdesk_engine_faults_total{reason="step"}'] == "0.0"
        assert float(figures["frontdesk_engine_kv_total"]) > 0
        async with session.get(f"{address}/ready") as response:
            assert await response.json() == {"status": "ready"}
        await local(desk).close()
        async with session.get(f"{address}/ready") as response:
            assert (await response.json())["engine"] == "The engine was closed."
        end = await say(desk, channel, QUESTION, "later")
        assert isinstance(end, Reply)
        assert "30 days" in end.text, "without its model the bot quotes"


async def test_prompts_are_made_to_fit_the_model(tmp_path: Path, model: Path) -> None:
    """A model that holds less than prompts.context_tokens gets shorter ones, and is never asked for more."""
    config = configured(tmp_path, model, engine={"local": {**LOCAL, "context_tokens": 2_048}})
    async with desk_with(config) as (desk, channel):
        assert desk.config.prompts.context_tokens == 2_048 - 24
        end = await say(desk, channel, "word " * 1_500 + QUESTION)
        assert isinstance(end, Reply)
        assert local(desk).stats().refused == 0
        assert local(desk).stats().generated_tokens > 0


def test_the_smaller_of_the_two_contexts_counts() -> None:
    """A quarter is left for the answer at most."""
    config = Config()
    assert fitted(config, 100_000) is config
    assert fitted(config, 4_096).prompts.context_tokens == 4_096 - 512
    assert fitted(config, 1_000).prompts.context_tokens == 750


def test_a_context_without_room_for_a_prompt_is_told_at_the_start() -> None:
    """In the place of an apology to every visitor; programs that use the API may do with it."""
    config = load(environ={}, overrides={"engine": {"kind": "local", "model": "little"}})
    with pytest.raises(ConfigError, match=r"little holds 64 tokens .* raise engine\.local\.context_tokens"):
        fitted(config, 64)
    served = load(environ={}, overrides={"engine": {"kind": "local", "model": "little"}, "api": {"enabled": True}})
    assert fitted(served, 64).prompts.context_tokens == 48


async def test_an_engine_that_broke_is_started_again() -> None:
    """By the desk's keeper; one that is well, or was closed on purpose, is left alone."""
    loads: list[int] = []
    engine = LocalEngine(
        LocalSettings(model="fake", block_tokens=8), loader=loader_of(FakeRunner(), before=lambda _: loads.append(1))
    )
    revive = revival(engine)
    await engine.start()
    await revive()
    assert len(loads) == 1
    worker = engine.alive()._worker
    assert worker is not None
    worker.mailbox.post(lambda: 1 // 0)  # type: ignore[arg-type]  # it gives nothing back
    while engine.stats().state != "failed":
        await asyncio.sleep(0)
    await revive()
    assert (engine.stats().state, len(loads)) == ("ready", 2)
    await engine.close()
    await revive()
    assert (engine.stats().state, len(loads)) == ("closed", 2)


# -- how it is asked for ---------------------------------------------------------------------------------
def test_the_configuration_has_every_setting_of_the_engine() -> None:
    """With the same defaults; the model stands beside them."""
    assert local_settings(load(environ={}, overrides={"engine": {"kind": "local", "model": "a/b"}})) == LocalSettings(
        model="a/b"
    )
    assert {*LocalSection.model_fields, "model"} == set(LocalSettings.__dataclass_fields__)


def test_a_folder_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """Relative folders are those of frontdesk.toml; anything else is a name for the hub."""
    (tmp_path / "models" / "own").mkdir(parents=True)
    file = tmp_path / "frontdesk.toml"
    file.write_text('[engine]\nkind = "local"\nmodel = "models/own"\n', "utf-8")
    assert local_settings(load(file, environ={})).model == str(tmp_path / "models" / "own")
    elsewhere = load(file, environ={"FRONTDESK_ENGINE__MODEL": "org/name"})
    assert local_settings(elsewhere).model == "org/name"


async def test_a_model_that_cannot_chat_is_told_at_the_start(tmp_path: Path, model: Path) -> None:
    """And not to the first visitor. Where the API is on, it is of use there: then it is a warning."""
    bare = tmp_path / "bare"
    shutil.copytree(model, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match=r"no chat template for bare: set engine\.local\.chat_template"):
        async with at_desk(configured(tmp_path, bare), [Channel()]):
            pass
    async with at_desk(configured(tmp_path, bare, api={"enabled": True}), [Channel()]) as desk:
        assert local(desk).health() == ""


async def test_a_model_is_loaded_alone(tmp_path: Path, model: Path) -> None:
    """An embedder that loads at the same time waits: transformers is not made for two at once."""
    seen: list[str] = []

    class Alone:
        def __enter__(self) -> None:
            seen.append("in")

        def __exit__(self, *_: object) -> None:
            seen.append("out")

    engine = local_engine(configured(tmp_path, model), lambda what, _: seen.append(what), alone=Alone())
    await engine.start()
    await engine.close()
    assert seen[0] == "in" and "out" in seen and len(seen) > 3


async def test_without_a_model_the_start_says_what_to_set(tmp_path: Path) -> None:
    """In one sentence, for a missing name and for a folder that is none."""
    bare = load(environ={}, overrides={"data": str(tmp_path), "engine": {"kind": "local"}})
    with pytest.raises(ConfigError, match="--model"):
        async with at_desk(bare, []):
            pass
    wrong = load(environ={}, overrides={"data": str(tmp_path), "engine": {"kind": "local", "model": "./nowhere"}})
    with pytest.raises(ConfigError, match="nowhere"):
        async with at_desk(wrong, []):
            pass


def test_ask_takes_a_model(tmp_path: Path, model: Path) -> None:
    """`frontdesk ask --model FOLDER` loads it and answers."""
    (tmp_path / "returns.md").write_text(PAGE, "utf-8")
    settings = {"KERNELS": "torch", "DTYPE": "float32", "THREADS": "1", "CACHE_GB": "0.05"}
    variables = {f"FRONTDESK_ENGINE__LOCAL__{key}": value for key, value in settings.items()}
    variables["FRONTDESK_PROMPTS__TEMPERATURE"] = "0"  # drawn by chance, its babble may seem to cite something
    asked = ("ask", QUESTION, "--knowledge", "returns.md", "--json", "--model", str(model))
    done = frontdesk(*asked, cwd=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert "30 days" in json.loads(done.stdout.strip().splitlines()[-1])["answer"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("", "llama in"),
        ("config.json", "config.json"),
        ("model.safetensors", "safetensors"),
        ("tokenizer.json", "tokenizer.json"),
    ],
)
def test_the_doctor_looks_at_the_model(broken: str, told: str, tmp_path: Path, model: Path) -> None:
    """Without loading it: what is missing is named."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in model.iterdir():
        if file.name != broken:
            (copy / file.name).symlink_to(file)
    engine = {"FRONTDESK_ENGINE__KIND": "local", "FRONTDESK_ENGINE__MODEL": str(copy)}
    done = frontdesk("doctor", cwd=tmp_path, FRONTDESK_SERVER__PORT="0", **engine)
    found = list(examine_model(load(environ={}, overrides={"engine": {"kind": "local", "model": str(copy)}})))
    assert any(told in text for _, text in found), found
    assert (found[0][0] == "bad") == bool(broken)
    assert (done.returncode == 1) == bool(broken), done.stdout


def test_loading_is_logged_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each quarter of each thing that is done, not for each file."""
    told: list[tuple[str, int]] = []

    class Log:
        def info(self, _event: str, *, doing: str, percent: int, **_: object) -> None:
            told.append((doing, percent))

    monkeypatch.setattr("bot.local.log", Log())
    log = LoadingLog("m")
    for share in range(101):
        log("weights", share / 100)
    log("ready", 1.0)
    assert told == [("weights", 0), ("weights", 25), ("weights", 50), ("weights", 75), ("weights", 100), ("ready", 100)]
