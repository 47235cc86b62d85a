"""The docs say what is so: their examples run, their lists are complete, their links lead somewhere."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.base import Adapter, Context
from bot.config import Config, load
from bot.errors import ConfigError, FrontdeskError, Overloaded, TooLarge
from bot.events import Address, Citation, Failed, Feedback, Message, Reply, Stop
from bot.metrics import Metrics
from prompts.template import Library

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
_SECRET = {"Authorization": "Bearer shared"}
_MESSAGE = {"id": "1", "conversation": "order-17", "sender": "shop", "text": "How long?"}
_BAD = (("text", ""), ("id", 1), ("text", "\ud800"))


def _example(page: str, name: str) -> str:
    """The block that stands behind `<!-- example: name -->`."""
    found = re.search(
        rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", (_DOCS / page).read_text("utf-8"), re.S
    )
    assert found, f"{page} lost its example {name}"
    return found[1]


@pytest.mark.parametrize("page", sorted(path.name for path in _DOCS.glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    """To a file that is there, and to a heading that it has."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", (_DOCS / page).read_text("utf-8")):
        file, _, heading = target.partition("#")
        path = _DOCS / file if file else _DOCS / page
        assert path.exists(), f"{page} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


# -- adapters.md -------------------------------------------------------------------------------------
@pytest.fixture
def webhook(tmp_path: Path) -> ModuleType:
    """The example, saved and imported as the page says."""
    file = tmp_path / "frontdesk_webhook.py"
    file.write_text(_example("adapters.md", file.name), "utf-8")
    spec = importlib.util.spec_from_file_location("frontdesk_webhook", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Sides:
    """The example between its two sides: the desk (`publish`) and a program that takes answers."""

    def __init__(self, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module, self._monkeypatch = module, monkeypatch
        self.published: list[Message | Stop | Feedback] = []
        self.answers: list[dict[str, Any]] = []
        self.refuse_publish: FrontdeskError | None = None
        self.refuse_answers = 0
        self.address = ""
        self.adapter: Adapter

    async def publish(self, event: Message | Stop | Feedback) -> bool:
        if self.refuse_publish:
            raise self.refuse_publish
        self.published.append(event)
        return len(self.published) == 1

    async def _take(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == _SECRET["Authorization"]
        if self.refuse_answers:
            self.refuse_answers -= 1
            return web.Response(status=500)
        self.answers.append(await request.json())
        return web.Response()

    async def post(self, body: object, headers: dict[str, str] | None = None) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.address}/webhook", data=raw, headers=_SECRET if headers is None else headers
            ) as answer,
        ):
            return answer.status

    async def knock(self, authorization: bytes) -> int:
        """The status for a header that no proper client sends."""
        host, port = self.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: " + authorization)
        writer.write(b"\r\n\r\n")
        status = int((await reader.readline()).split()[1])
        writer.close()
        return status

    async def run(self) -> AsyncIterator[_Sides]:
        taking = web.Application()
        taking.router.add_post("/answers", self._take)
        runners = [web.AppRunner(taking)]
        where = await _serve(runners[0])
        settings = {"answers": f"{where}/answers"}
        self._monkeypatch.setenv(self.module.SECRET, "shared")
        context = Context(config=Config(), store=None, metrics=Metrics(), settings=settings)  # type: ignore[arg-type]  # the example reads none
        self.adapter = self.module.make(context)
        serving = web.Application()
        serving.router.add_routes(self.adapter.routes())
        runners.append(web.AppRunner(serving))
        self.address = await _serve(runners[1])
        yield self
        await self.adapter.close()
        for runner in runners:
            await runner.cleanup()


async def _serve(runner: web.AppRunner) -> str:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.fixture
async def sides(webhook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Sides]:
    async for one in _Sides(webhook, monkeypatch).run():
        yield one


async def test_the_example_adapter_receives(sides: _Sides) -> None:
    """Published before it is acknowledged, refused with the status that the page promises."""
    assert await sides.post(_MESSAGE) == 503  # it does not run yet
    running = asyncio.create_task(sides.adapter.run(sides.publish))
    await asyncio.sleep(0)
    assert await sides.post(_MESSAGE) == 202
    assert await sides.post(_MESSAGE) == 202  # a repetition is acknowledged too
    message = sides.published[0]
    assert isinstance(message, Message)
    assert (message.id, message.text, message.sender) == ("1", "How long?", "shop")
    assert message.address == Address(channel="webhook", conversation="order-17")
    for bad in (b"\xff", b"[]", b"{", b"[" * 60_000, *({**_MESSAGE, key: value} for key, value in _BAD)):
        assert await sides.post(bad) == 400
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert await sides.post(_MESSAGE, headers) == 401
    assert await sides.knock(b"Bearer \xfc") == 401
    sides.refuse_publish = Overloaded("full")
    assert await sides.post(_MESSAGE) == 503
    sides.refuse_publish = TooLarge("long")
    assert await sides.post(_MESSAGE) == 413
    assert len(sides.published) == 2
    running.cancel()
    await asyncio.wait([running])
    assert await sides.post(_MESSAGE) == 503


async def test_the_example_adapter_sends(sides: _Sides) -> None:
    """Ends alone, again after a refusal, with their sources or what was said instead."""
    address = Address(channel="webhook", conversation="order-17")
    source = Citation(number=1, title="Shipping", location="shipping.md")
    reply = Reply(message_id="1", attempt=1, address=address, text="Two", seq=0)
    final = Reply(
        message_id="1", attempt=1, address=address, text="Two days [1]", seq=1, final=True, citations=(source,)
    )
    assert await sides.adapter.send(reply) == ""
    sides.refuse_answers = 1
    with pytest.raises(aiohttp.ClientResponseError):
        await sides.adapter.send(final)
    assert await sides.adapter.send(final) == "1"
    await sides.adapter.send(Failed(message_id="2", address=address, reason="boom", said="Sorry."))
    assert sides.answers == [
        {"id": "1", "conversation": "order-17", "text": "Two days [1]", "sources": ["shipping.md"]},
        {"id": "2", "conversation": "order-17", "text": "Sorry.", "sources": []},
    ]


def test_the_example_adapter_says_what_is_missing(webhook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and secret alike."""
    monkeypatch.delenv(webhook.SECRET, raising=False)
    for settings, named in (({}, "answers"), ({"answers": "http://127.0.0.1:1/"}, webhook.SECRET)):
        context = Context(config=Config(), store=None, metrics=Metrics(), settings=settings)  # type: ignore[arg-type]  # the example reads none
        with pytest.raises(ConfigError, match=named):
            webhook.make(context)


def test_the_example_adapter_is_found_and_turned_on(tmp_path: Path) -> None:
    """The entry point's name is the table's, and its factory is the example's."""
    project = tomllib.loads(_example("adapters.md", "pyproject.toml"))
    assert project["project"]["entry-points"]["frontdesk.adapters"] == {"webhook": "frontdesk_webhook:make"}
    file = tmp_path / "frontdesk.toml"
    file.write_text(_example("adapters.md", "frontdesk.toml"), "utf-8")
    assert load(file, environ={}).adapters["webhook"]["answers"].startswith("http")


# -- prompts.md --------------------------------------------------------------------------------------
def test_the_example_prompts_can_be_used(tmp_path: Path) -> None:
    """Both files from the page: the shortest override, and a template of one's own."""
    for name in ("prompts/small_talk.md", "prompts/en/bookshop.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_example("prompts.md", name), "utf-8")
    library = Library(tmp_path / "prompts")
    assert library.check() == []
    for language in ("en", "zh", "de"):
        small_talk = library.get("small_talk", language)
        assert small_talk.overridden
        assert "voice of Green Door" in small_talk.render(site_name="Green Door", language_name="English")
    own = library.get("bookshop").render(site_name="Green Door", language_name="English", knowledge="[1] Open at 9.")
    assert "[1] Open at 9." in own
    assert "No passage" not in own


def test_every_template_of_the_library_is_listed() -> None:
    """And none that is not there."""
    table = (_DOCS / "prompts.md").read_text("utf-8").split("## The library")[1].split("##")[0]
    listed = [name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(Library().names())
