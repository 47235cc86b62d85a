"""What every `Store` owes about the API's keys and their usage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from storage.base import ApiKey, ApiUsage, Store
from tests.contracts.store import Clock, Contract, end, say

SHOP = ApiKey(name="shop", digest=b"\x00" * 32, hint="fd_AbCd", created_at=5.0, tokens_per_minute=100)
APP = ApiKey(name="app", digest=b"\xff" * 32, hint="fd_EfGh", created_at=6.0, expires_at=9.0, requests_per_minute=7)


def used(key: int, day: str = "2026-11-22", last: float = 10.0) -> ApiUsage:
    return ApiUsage(key=key, day=day, requests=1, prompt_tokens=20, completion_tokens=3, last_used_at=last)


async def kept(store: Store, key: ApiKey) -> ApiKey:
    made = await store.create_key(key)
    assert made is not None
    return made


class KeyContract(Contract):
    async def test_a_key_is_found_by_its_digest_alone(self, store: Store, make: Callable[[], Store]) -> None:
        """As it was given, with a number, also after a restart; no other digest finds it."""
        shop, app = await kept(store, SHOP), await kept(store, APP)
        assert shop == replace(SHOP, number=shop.number)
        assert app == replace(APP, number=app.number)
        assert 0 < shop.number < app.number
        await store.close()
        again = make()
        await again.open()
        try:
            assert await again.find_key(APP.digest) == app
            assert await again.find_key(b"\x01" * 32) is None
            assert list(await again.keys()) == [shop, app]
        finally:
            await again.close()

    async def test_a_name_is_taken_while_its_key_is_in_force(self, store: Store) -> None:
        """A second key of that name is refused, whoever comes first; after a revocation the name is free."""
        made = await asyncio.gather(*(store.create_key(replace(SHOP, digest=bytes([n] * 32))) for n in range(5)))
        (first,) = [key for key in made if key is not None]
        assert await store.revoke_key(first.number)
        second = await store.create_key(replace(SHOP, digest=b"new" * 10))
        assert second is not None
        assert second.number > first.number

    async def test_a_revoked_key_stays_revoked(self, store: Store, clock: Clock) -> None:
        """It is still known, with the time of its end, which a second revocation does not move."""
        key = await kept(store, SHOP)
        clock.now = 50.0
        assert await store.revoke_key(key.number)
        clock.now = 60.0
        assert not await store.revoke_key(key.number)
        assert not await store.revoke_key(10**9)
        assert await store.find_key(SHOP.digest) == replace(key, revoked_at=50.0)

    async def test_usage_adds_up_by_key_and_day(self, store: Store) -> None:
        """Whatever the order in which it is told; the key says when it was used last."""
        shop, app = await kept(store, SHOP), await kept(store, APP)
        await store.add_usage([used(shop.number), used(app.number), used(shop.number, last=30.0)])
        await store.add_usage([used(shop.number, last=20.0), used(shop.number, day="2026-11-23", last=1.0)])
        thrice = ApiUsage(
            key=shop.number,
            day="2026-11-22",
            requests=3,
            prompt_tokens=60,
            completion_tokens=9,
            last_used_at=30.0,
        )
        next_day = used(shop.number, day="2026-11-23", last=1.0)
        assert list(await store.usage()) == [thrice, used(app.number), next_day]
        assert list(await store.usage(since="2026-11-23")) == [next_day]
        assert list(await store.usage(key=app.number)) == [used(app.number)]
        found = await store.find_key(SHOP.digest)
        assert found is not None
        assert found.last_used_at == 30.0

    async def test_many_add_at_once_and_nothing_is_lost(self, store: Store) -> None:
        """Concurrent additions to one row are all there."""
        key = await kept(store, SHOP)
        await asyncio.gather(*(store.add_usage([used(key.number)]) for _ in range(200)))
        (total,) = await store.usage()
        assert (total.requests, total.prompt_tokens, total.completion_tokens) == (200, 4000, 600)

    async def test_visitors_rights_leave_keys_alone(self, store: Store, clock: Clock, tmp_path: Path) -> None:
        """They are the operator's: erasing and expiring touch neither keys nor usage, and a backup works with them."""
        key = await kept(store, SHOP)
        await store.add_usage([used(key.number)])
        await end(store, say(1))
        await store.erase("ada")
        await store.expire(clock.now + 1e9)
        await store.backup(tmp_path / "copy.db")
        assert [one.number for one in await store.keys()] == [key.number]
        assert list(await store.usage()) == [used(key.number)]
