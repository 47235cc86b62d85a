"""Who may ask, how much, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.openai import keys as keys_module
from adapters.openai.account import Account, Bucket, day_of
from adapters.openai.keys import Keys, Ledger
from adapters.openai.problem import Problem
from adapters.openai.secret import digest, looks_right, new_secret
from bot.config import load
from bot.engine.base import Delta
from bot.errors import ConfigError, StorageError
from storage.base import ApiKey, ApiUsage
from tests.adapters.openai.house import MODEL, Asked, House, Scripted, says, serving

HI: Any = [{"role": "user", "content": "Hi"}]
BODY = {"model": MODEL, "messages": HI}


def test_secrets() -> None:
    """Long, of letters and digits, never the same; what they are not is told from what they are."""
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"fd_[0-9A-Za-z]{43}", secret) and looks_right(secret) for secret in made)
    assert not any(looks_right(wrong) for wrong in ("", "sk-1", "fd_", "fd_" + "a" * 44, "fd_" + "é" * 43))
    assert len(digest(new_secret())) == 32


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer ", "Bearer sk-1", "Basic abc", pytest.param(f"Bearer {new_secret()}", id="nobody's")],
)
async def test_without_a_key_that_is_known_nothing_is_answered(house: House, authorization: str) -> None:
    """401 at every address, in OpenAI's shape, before the body is looked at."""
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/responses"):
        response = await house.post(path, b"not JSON", Authorization=authorization)
        assert (response.status, (await response.json())["error"]["code"]) == (401, "invalid_api_key")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    async with house.http.get(house.url + "/v1/models", headers={"Authorization": authorization}) as response:
        assert response.status == 401
    with pytest.raises(openai.AuthenticationError):
        await house.client_of("sk-wrong").models.list()
    assert house.generator.asked == []


async def test_a_revocation_counts_on_a_running_server(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next look at the store; an expired key is refused as well."""
    monkeypatch.setattr(keys_module, "FRESH_SECONDS", 0.0)
    key, client = await house.new_key()
    await client.models.list()
    await house.store.revoke_key(key.number)
    with pytest.raises(openai.AuthenticationError, match="revoked"):
        await client.models.list()
    _, expired = await house.new_key("old", expires_at=time.time() - 1)
    with pytest.raises(openai.AuthenticationError, match="expired"):
        await expired.models.list()
    _, fresh = await house.new_key("young", expires_at=time.time() + 60)
    await fresh.models.list()


async def test_the_store_is_not_asked_for_every_request(tmp_path: Path) -> None:
    """A key, known or not, is looked up once in `FRESH_SECONDS`; what is no key is never looked up."""
    now, asked = [0.0], 0

    class Counting:
        async def find_key(self, sought: bytes) -> ApiKey | None:
            nonlocal asked
            asked += 1
            return ApiKey(name="a", digest=sought, hint="", created_at=0, number=1) if sought == digest(good) else None

        async def usage(self, **_: Any) -> list[ApiUsage]:
            return []

    good, bad = new_secret(), new_secret()
    keys = Keys(Counting(), clock=lambda: now[0])  # type: ignore[arg-type]  # the part of a store that is used
    for _ in range(5):
        assert (await keys.account(good)).key.number == 1
        for wrong in (bad, "fd_short"):
            with pytest.raises(Problem):
                await keys.account(wrong)
    assert asked == 2
    now[0] += keys_module.FRESH_SECONDS
    first = await keys.account(good)
    assert asked == 3
    assert await keys.account(good) is first


async def test_requests_a_minute(house: House) -> None:
    """429 with a time to come back, and OpenAI's headers on the way there."""
    _, client = await house.new_key(requests_per_minute=2)
    raw = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HI)
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"
    assert raw.headers["x-ratelimit-reset-requests"].endswith("s")
    assert raw.headers["x-request-id"].startswith("req_")
    await client.models.list()
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model=MODEL, messages=HI)
    assert limited.value.code == "rate_limit_exceeded"
    assert 1 <= int(limited.value.response.headers["Retry-After"]) <= 30


async def test_tokens_a_minute_and_a_day(house: House) -> None:
    """A request that alone is over the limit is let in once; then what it used counts, and not what it set aside."""
    house.generator.script = says("Hi")
    _, client = await house.new_key(tokens_per_minute=25)
    first = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HI, max_tokens=5)
    assert first.headers["x-ratelimit-limit-tokens"] == "25"
    second = await client.chat.completions.with_raw_response.create(model=MODEL, messages=HI, max_tokens=5)
    assert second.status_code == 200
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model=MODEL, messages=HI, max_tokens=20)
    assert limited.value.type == "tokens"

    _, daily = await house.new_key("daily", tokens_per_day=15)
    await daily.chat.completions.create(model=MODEL, messages=HI, max_tokens=10)
    with pytest.raises(openai.RateLimitError) as spent:
        await daily.chat.completions.create(model=MODEL, messages=HI, max_tokens=10)
    assert spent.value.code == "insufficient_quota"


async def test_a_day_s_use_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """What was written down counts against the limit of the next process."""
    async with serving(tmp_path / "a") as house:
        key, _ = await house.new_key("daily", tokens_per_day=15)
        used = ApiUsage(key=key.number, day=day_of(time.time()), requests=1, prompt_tokens=10, completion_tokens=5)
        await house.store.add_usage([used])
        account = await Keys(house.store).account(await _again(house, key))
        with pytest.raises(Problem):
            account.reserve(1)


async def _again(house: House, key: ApiKey) -> str:
    """A second secret cannot be made for a key: this one's digest is put in its place."""
    secret = new_secret()
    writer = house.store._writer
    assert writer is not None
    await writer.submit(
        lambda db: db.execute("UPDATE api_keys SET digest = ? WHERE number = ?", (digest(secret), key.number))
    )
    return secret


async def test_what_was_used_is_written_down(house: House) -> None:
    """By key and day, also for streams, for what failed, and for who left in the middle."""
    await house.client.chat.completions.create(model=MODEL, messages=HI)
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    assert [chunk async for chunk in stream]
    await house.client.completions.create(model=MODEL, prompt=["a", "b"])
    await house.post("/v1/chat/completions", {"model": MODEL})  # refused: it costs nothing and is not counted

    async def endless(_: Asked) -> AsyncGenerator[Delta, None]:
        while True:
            yield Delta(text="word ", tokens=1)
            await asyncio.sleep(0.001)

    house.generator.script = endless
    stream = await house.client.chat.completions.create(model=MODEL, messages=HI, stream=True)
    await anext(aiter(stream))
    await stream.close()
    async with asyncio.timeout(10):
        while house.generator.open:
            await asyncio.sleep(0.01)
    await house.adapter.close()
    (used,) = await house.store.usage(key=house.key.number)
    assert used.requests == 4
    assert used.prompt_tokens == 4 * 7 + 1
    assert used.completion_tokens > 4 * 3
    found = await house.store.find_key(digest(house.secret))
    assert found is not None
    assert found.last_used_at == used.last_used_at > 0
    figures = house.metrics.expose().decode()
    assert f'frontdesk_api_tokens_total{{kind="completion"}} {float(used.completion_tokens)}' in figures
    assert 'frontdesk_api_requests_total{status="400"} 1.0' in figures


async def test_who_leaves_before_the_first_word_has_used_the_prompt(house: House) -> None:
    """Tools and calls in it included: reading them may have been most of the work."""

    async def silent(_: Asked) -> AsyncGenerator[Delta, None]:
        await asyncio.Event().wait()
        yield Delta(text="")

    house.generator.script = silent
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": "x" * 500})}}
    messages = [*HI, {"role": "assistant", "content": None, "tool_calls": [call]}]
    tools = [{"type": "function", "function": {"name": "f", "description": "y" * 500}}]
    asking = asyncio.create_task(house.post("/v1/chat/completions", BODY | {"messages": messages, "tools": tools}))
    async with asyncio.timeout(10):
        while not house.generator.open:
            await asyncio.sleep(0.01)
        asking.cancel()
        while house.generator.open:
            await asyncio.sleep(0.01)
        while not (used := await house.store.usage(key=house.key.number)):
            await house.adapter._ledger.flush()
            await asyncio.sleep(0.01)
    expected = house.generator.count_tokens("x" * 500 + "y" * 500)
    assert used[0].prompt_tokens >= expected
    assert used[0].completion_tokens == 0


async def test_usage_that_cannot_be_written_is_kept(tmp_path: Path) -> None:
    """A full disk loses nothing: it is written when there is room again."""
    written: list[ApiUsage] = []
    broken = True

    class Broken:
        async def add_usage(self, used: list[ApiUsage]) -> None:
            if broken:
                raise StorageError("full")
            written.extend(used)

    ledger = Ledger(Broken(), wall=lambda: 86_400.0)  # type: ignore[arg-type]  # the part of a store that is used
    key = ApiKey(name="a", digest=b"", hint="", created_at=0, number=3)
    ledger.add(key, 5, 1)
    await ledger.flush()
    ledger.add(key, 5, 1)
    broken = False
    await ledger.flush()
    await ledger.flush()
    assert written == [
        ApiUsage(key=3, day="1970-01-02", requests=2, prompt_tokens=10, completion_tokens=2, last_used_at=86_400.0)
    ]


# -- limits, without a server ------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=30), st.integers(1, 100))
def test_a_bucket_gives_no_more_than_its_limit(steps: list[tuple[float, int]], size: int) -> None:
    """Over any time: what was taken is at most one bucket, what ran in since, and one request over it."""
    bucket, now, taken = Bucket(size, 0.0), 0.0, 0
    for pause, amount in steps:
        now += pause
        if not bucket.wait(amount, now):
            bucket.take(amount, now)
            taken += amount
        assert taken <= size + size * now / 60 + 50 + 1e-6
        assert bucket.left(now) <= size


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=20))
def test_reservations_are_given_back(requests: list[tuple[int, int]]) -> None:
    """After all have ended, what is left is what was not used; many at once never reserve more than the day has."""
    key = ApiKey(name="a", digest=b"", hint="", created_at=0, number=1, tokens_per_day=200)
    account = Account(key, clock=lambda: 0.0, wall=lambda: 1e9)
    held, spent = [], 0
    for wanted, used in requests:
        try:
            held.append((account.reserve(wanted), min(used, wanted)))
        except Problem as problem:
            assert problem.retry_after > 0  # noqa: PT017 - whether it is refused is not the question
        assert sum(reservation.tokens for reservation, _ in held) <= 200
    for reservation, used in held:
        account.settle(reservation, used)
        spent += used
    assert account._used == spent


def test_a_day_ends_at_midnight() -> None:
    """What was used before is forgotten; what began before and ends after counts for the day it ends on."""
    now = [86_400.0 - 1]
    key = ApiKey(name="a", digest=b"", hint="", created_at=0, number=1, tokens_per_day=100)
    account = Account(key, clock=lambda: 0.0, wall=lambda: now[0])
    held = account.reserve(100)
    with pytest.raises(Problem) as refused:
        account.reserve(1)
    assert refused.value.retry_after == 1
    now[0] += 2
    account.settle(held, 40)
    account.reserve(60)
    with pytest.raises(Problem):
        account.reserve(1)


# -- without keys, and pages ---------------------------------------------------------------------------------
async def test_an_open_api_answers_this_machine_alone(tmp_path: Path) -> None:
    """No key is needed; a page that reaches it under another name, or from another origin, is refused."""
    async with serving(tmp_path, require_key=False) as house:
        client = house.client_of("anything")
        answer = await client.chat.completions.create(model=MODEL, messages=HI, user="ada")
        assert answer.choices[0].message.content
        assert house.generator.last.owner == "api:0:ada"
        hosts = ("evil.example", "[::1", "evil.example@localhost", "localhost/.evil.example", "localhost.", "")
        foreign = [{"Host": host} for host in hosts] + [{"Origin": "http://evil.example"}, {"Origin": house.url}]
        for header in foreign:
            assert (await house.post("/v1/chat/completions", BODY, **header)).status == 403, header
        assert (await house.post("/v1/chat/completions", BODY, Host="[::1]:8080")).status == 200
        await house.adapter.close()
        assert list(await house.store.usage()) == []


@pytest.mark.parametrize(
    "server",
    [{"host": "0.0.0.0"}, {"public_url": "https://a.example"}, {"trusted_proxies": ["127.0.0.1"]}],
)
async def test_an_open_api_is_refused_where_others_can_reach_it(tmp_path: Path, server: dict[str, Any]) -> None:
    """The start stops with a sentence that says what to do."""
    from adapters.base import Context
    from adapters.openai import make
    from bot.metrics import Metrics

    config = load(environ={}, overrides={"server": server, "api": {"enabled": True, "require_key": False}})
    with pytest.raises(ConfigError, match="frontdesk keys create"):
        make(Context(config=config, store=None, metrics=Metrics(), settings={}), Scripted(), MODEL)  # type: ignore[arg-type]  # none is used


async def test_pages_of_listed_origins(tmp_path: Path) -> None:
    """Their browsers may ask, send a key and read the answer, streamed too; others may not."""
    page = "https://tools.example"
    async with serving(tmp_path, origins=[page]) as house:
        async with house.http.options(house.url + "/v1/chat/completions", headers={"Origin": page}) as asked:
            assert asked.status == 204
            assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
        for body in (BODY, BODY | {"stream": True}, {}):
            response = await house.post("/v1/chat/completions", body, Origin=page)
            assert response.headers["Access-Control-Allow-Origin"] == page
        assert (await house.post("/v1/chat/completions", BODY, Origin="https://evil.example")).status == 403
    async with serving(tmp_path / "all", origins=["*"]) as house:
        assert (await house.post("/v1/chat/completions", BODY, Origin="https://evil.example")).status == 200
    for wrong in ("tools.example", "https://a.example/", "https://*.example", "ftp://a.example"):
        with pytest.raises(ConfigError, match=r"api\.origins"):
            async with serving(tmp_path / "none", origins=[wrong]):
                pass


async def test_users_have_turns_where_that_is_set(tmp_path: Path) -> None:
    """`api.turns`: each key, or each user that a key names; the priority is the operator's."""
    for turns, owner in (("key", "api:1"), ("user", "api:1:ada")):
        async with serving(tmp_path / turns, turns=turns, priority=-5, timeout_seconds=9) as house:
            await house.client.chat.completions.create(model=MODEL, messages=HI, safety_identifier="ada")
            asked = house.generator.last
            assert (asked.owner, asked.priority, asked.deadline) == (owner, -5, 9.0)


async def test_no_key_is_ever_logged(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor shown in an error."""
    house.generator.script = says("Hi")
    bad = new_secret()
    told = ""
    for secret, body in ((house.secret, BODY), (house.secret, {"model": 1}), (bad, BODY)):
        response = await house.post("/v1/chat/completions", body, Authorization=f"Bearer {secret}")
        told += await response.text() + str(response.headers)
    captured = capsys.readouterr()
    for secret in (house.secret, bad):
        assert secret not in told + captured.out + captured.err
