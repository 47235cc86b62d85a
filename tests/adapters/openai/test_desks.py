"""The API where it belongs: served by a desk, over real engines, and one Frontdesk behind another."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from adapters.openai.secret import digest, hint, new_secret
from bot.config import Config, load
from bot.desk import at_desk
from bot.engine.base import EngineFault
from bot.engine.openai import OpenAICompatibleEngine
from bot.errors import ConfigError
from bot.events import Sampling
from bot.server import application, serving
from storage.base import ApiKey
from tests.adapters.openai.desks import frontdesk
from tests.adapters.openai.house import client_of

HI: Any = [{"role": "user", "content": "one two three"}]


ECHO = {"engine": {"kind": "echo", "echo": {"repeat": 2}}}


async def test_a_desk_serves_the_echo_engine(tmp_path: Path) -> None:
    """Beside its chat: whole, streamed, with usage; what that engine cannot do is refused by the client's name."""
    async with frontdesk(tmp_path, **ECHO) as (address, secret, _), client_of(address, secret) as client:
        assert [model.id async for model in client.models.list()] == ["echo"]
        whole = await client.chat.completions.create(model="echo", messages=HI)
        assert whole.choices[0].message.content == "one two three one two three"
        assert whole.usage is not None
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (3, 6)
        stream = await client.chat.completions.create(model="echo", messages=HI, stream=True, max_tokens=4, stop="two")
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "one "
        response = await client.responses.create(model="echo", input="Hi")
        assert response.output_text == "Hi Hi"
        tools: Any = [{"type": "function", "function": {"name": "f"}}]
        refused: list[tuple[dict[str, Any], str]] = [
            ({"n": 2}, "n"),
            ({"logprobs": True}, "logprobs"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"tools": tools}, "tools"),
            ({"messages": [{"role": "user", "content": "a", "name": "b"}]}, "messages"),
        ]
        for more, param in refused:
            with pytest.raises(openai.BadRequestError) as told:
                await client.chat.completions.create(**({"model": "echo", "messages": HI} | more))
            assert told.value.param == param
        with pytest.raises(openai.BadRequestError) as told:
            await client.completions.create(model="echo", prompt="a")
        assert told.value.param == "prompt"
        async with aiohttp.ClientSession() as http:
            async with http.get(f"{address}/health") as health:
                assert (await health.json())["status"] == "ok"
            async with http.get(f"{address}/metrics") as figures:
                assert "frontdesk_api_tokens_total" in await figures.text()


async def test_a_time_that_is_over(tmp_path: Path) -> None:
    """504, and the engine's stream is closed."""
    slow = {"kind": "echo", "echo": {"delay_ms": 30_000}}
    api = {"enabled": True, "timeout_seconds": 0.1}
    async with frontdesk(tmp_path, engine=slow, api=api) as (address, secret, _), client_of(address, secret) as client:
        with pytest.raises(openai.InternalServerError) as late:
            await client.chat.completions.create(model="echo", messages=HI)
        assert late.value.status_code == 504


async def test_one_frontdesk_behind_another(tmp_path: Path) -> None:
    """Our own engine for OpenAI's API works against our own API: models, streams, usage, refusals, keys."""
    async with frontdesk(tmp_path / "back", **ECHO) as (address, secret, _):
        engine = OpenAICompatibleEngine(base_url=f"{address}/v1", api_key=secret)
        await engine.start()
        try:
            assert await engine.check() == "echo"
            settings = Sampling(max_tokens=5, stop=("never",), seed=1, top_p=0.9, top_k=3)
            async with aclosing(engine.stream(HI, settings)) as stream:
                deltas = [delta async for delta in stream]
            assert "".join(delta.text for delta in deltas) == "one two three one two"
            assert deltas[-1].finish_reason == "length"
            assert deltas[-1].usage is not None
            assert deltas[-1].usage.completion_tokens == 5
            async with aclosing(engine.stream(HI, Sampling(temperature=9.0))) as refused:
                with pytest.raises(EngineFault, match="temperature"):
                    await anext(refused)
        finally:
            await engine.close()
        behind = {"kind": "openai", "openai": {"base_url": f"{address}/v1", "model": "echo"}}
        environ = {"FRONTDESK_ENGINE__OPENAI__API_KEY": secret}
        overrides = {"data": str(tmp_path / "front"), "server": {"port": 0}, "api": {"enabled": True}, "engine": behind}
        front = load(environ=environ, overrides=overrides)
        async with at_desk(front) as desk, serving(application(desk), front) as outer:
            await desk.start()
            key = new_secret()
            await desk.store.create_key(ApiKey(name="a", digest=digest(key), hint=hint(key), created_at=1.0))
            async with client_of(outer, key) as client:
                answer = await client.chat.completions.create(model="echo", messages=HI)
            assert answer.choices[0].message.content == "one two three one two three"
            assert answer.usage is not None
            assert answer.usage.completion_tokens == 6
            await desk.close()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"engine": {"kind": "quote"}}, "engine.kind"),
        ({**ECHO, "api": {"enabled": True, "priority": 1}}, "api.priority"),
    ],
)
async def test_what_cannot_work_stops_the_start(tmp_path: Path, settings: dict[str, Any], named: str) -> None:
    """An engine without a model, or without priorities."""
    with pytest.raises(ConfigError, match=named):
        async with frontdesk(tmp_path, **settings):
            pass


def test_the_api_is_off_unless_asked_for() -> None:
    """Nobody opens it by accident, and nobody without a key."""
    assert not Config().api.enabled
    assert Config().api.require_key


async def test_the_example_of_the_docs_runs(tmp_path: Path) -> None:
    """As it stands, but for the address and the key."""
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    example = page.split("<!-- example: api.py -->\n```python\n")[1].split("```")[0]
    async with frontdesk(tmp_path, **ECHO) as (address, secret, _):
        program = example.replace("http://127.0.0.1:8080", address).replace("fd_…", secret)
        run = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        told, _ = await run.communicate()
    assert run.returncode == 0
    assert told.decode() == "Say hello. Say hello. 6\nCount to three. Count to three."
