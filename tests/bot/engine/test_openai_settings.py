"""The engine's settings: fields that servers refuse, secrets, addresses, models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.engine.base import EngineFault
from bot.engine.openai import OpenAICompatibleEngine
from tests.bot.engine.asking import ASKED, SAMPLING, ask, engine_for, text_of
from tests.fakes.openai import FakeOpenAI, Refuse


# -- fields that servers refuse ------------------------------------------------------------------------
async def test_a_server_without_stream_options_is_asked_without_them_from_then_on() -> None:
    """The 400 costs one request, once; usage is then unknown."""
    fake = FakeOpenAI(unknown=["stream_options"])
    async with engine_for(fake) as engine:
        deltas = [await ask(engine), await ask(engine)]
    assert [text_of(answer) for answer in deltas] == ["Twelve days."] * 2
    assert deltas[0][-1].usage is None
    assert ["stream_options" in body for body in fake.requests] == [True, False, False]


async def test_a_server_that_wants_max_completion_tokens_gets_them() -> None:
    """The length stays bounded under the newer name."""
    fake = FakeOpenAI(unknown=["max_tokens"])
    async with engine_for(fake) as engine:
        await ask(engine)
    assert fake.requests[-1]["max_completion_tokens"] == 50


async def test_settings_that_a_hosted_api_does_not_know_are_left_out_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An answer with other settings is better than none, but the operator is told."""
    fake = FakeOpenAI("openai")
    async with engine_for(fake) as engine:
        assert text_of(await ask(engine, replace(SAMPLING, top_k=5, min_p=0.1))) == "Twelve days."
    assert fake.requests[-1].keys() & {"top_k", "min_p"} == set()
    assert "top_k" in caplog.text


async def test_open_servers_get_their_own_settings() -> None:
    """vLLM, Ollama and llama.cpp know them."""
    fake = FakeOpenAI("vllm")
    async with engine_for(fake) as engine:
        await ask(engine, replace(SAMPLING, top_k=5, min_p=0.1, repetition_penalty=1.1))
    assert fake.requests[0].items() >= {"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1}.items()


async def test_several_answers_to_one_request_are_refused() -> None:
    """A setting that is not supported is named, not ignored."""
    async with engine_for(FakeOpenAI()) as engine:
        with pytest.raises(EngineFault, match="`n`"):
            await ask(engine, replace(SAMPLING, n=2))


# -- secrets -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", ["sk-wrong-and-secret", ""])
async def test_a_wrong_key_is_told_without_the_key(key: str, caplog: pytest.LogCaptureFixture) -> None:
    """The server repeats the key in its error; it reaches neither the error, nor the repr, nor the log."""
    caplog.set_level("DEBUG")
    fake = FakeOpenAI(key="sk-right")
    async with engine_for(fake, api_key=key) as engine:
        with pytest.raises(EngineFault, match=r"401.*FRONTDESK_ENGINE__OPENAI__API_KEY") as raised:
            await ask(engine)
        shown = f"{raised.value!r} {engine!r} {caplog.text}"
    assert "sk-" not in shown
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


async def test_the_right_key_is_sent() -> None:
    """As a bearer token, without the line break that a pasted secret ends in."""
    async with engine_for(FakeOpenAI(key="sk-right"), api_key="sk-right\n") as engine:
        assert text_of(await ask(engine)) == "Twelve days."


async def test_a_fault_does_not_repeat_what_the_visitor_wrote() -> None:
    """Servers quote the request that they refuse; conversations do not belong in logs."""
    fake = FakeOpenAI()
    fake.then(Refuse(status=400, error={"detail": [{"msg": "bad input", "input": ASKED}]}))
    async with engine_for(fake) as engine:
        with pytest.raises(EngineFault, match="bad input") as raised:
            await ask(engine)
    assert "How long does" not in str(raised.value)


# -- settings and check --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base_url": ""}, r"engine\.openai\.base_url"),
        ({"base_url": "localhost:8000/v1"}, r"engine\.openai\.base_url"),
        ({"base_url": "ftp://host/v1"}, r"engine\.openai\.base_url"),
        ({"base_url": "http://[broken/v1"}, r"engine\.openai\.base_url"),
        ({"base_url": "http://user:secret@host/v1"}, "API_KEY"),
        ({"base_url": "http://host/v1/chat/completions"}, "too far"),
        ({"base_url": "http://host/v1", "api_key": "se\ncret"}, "API_KEY"),
    ],
)
async def test_settings_that_cannot_work_stop_the_start(settings: dict[str, Any], said: str) -> None:
    """With a sentence that names the setting, and without the secret in it."""
    engine = OpenAICompatibleEngine(model="m", **settings)
    with pytest.raises(EngineFault, match=said) as raised:
        await engine.start()
    assert "secret" not in f"{raised.value} {engine!r}".replace("the secret", "")
    await engine.close()


async def test_check_lists_the_models_with_the_used_one_first() -> None:
    """What the doctor prints."""
    async with engine_for(FakeOpenAI(models=["large", "small"])) as engine:
        assert await engine.check() == "small, large"
    async with engine_for(FakeOpenAI("ollama", models=["small:latest", "large"])) as engine:
        assert await engine.check() == "small, large"


@pytest.mark.parametrize(
    ("fake", "settings", "said"),
    [
        (FakeOpenAI(models=["llama3.2", "qwen3"]), {"model": "lama3.2"}, r"did you mean llama3\.2\?"),
        (FakeOpenAI(models=["llama3.2", "qwen3"]), {"model": ""}, r"engine\.openai\.model is empty.*llama3\.2, qwen3"),
        (FakeOpenAI(key="sk-1"), {}, "wants a key"),
        (FakeOpenAI(key="sk-1"), {"api_key": "sk-2"}, "does not accept the key"),
    ],
)  # fmt: skip
async def test_check_says_what_is_wrong(fake: FakeOpenAI, settings: dict[str, str], said: str) -> None:
    """In a sentence that names what to change."""
    async with engine_for(fake, **settings) as engine:
        with pytest.raises(EngineFault, match=said):
            await engine.check()


async def test_check_of_a_wrong_path_names_the_address() -> None:
    """The /v1 is easily forgotten."""
    async with FakeOpenAI().serving() as fake:
        engine = OpenAICompatibleEngine(base_url=fake.base_url.removesuffix("/v1"), model="small")
        await engine.start()
        with pytest.raises(EngineFault, match=r"404.*engine\.openai\.base_url"):
            await engine.check()
        await engine.close()


async def test_without_a_model_the_servers_only_one_is_used() -> None:
    """Asked for once, when the first answer is wanted."""
    fake = FakeOpenAI(models=["only"])
    async with engine_for(fake, model="") as engine:
        assert text_of(await ask(engine)) == "Twelve days."
    assert fake.requests[0]["model"] == "only"


async def test_a_stream_before_the_start_is_a_fault() -> None:
    """Not a puzzle."""
    with pytest.raises(EngineFault, match="started"):
        await ask(OpenAICompatibleEngine(base_url="http://127.0.0.1:9/v1", model="m"))
