"""The page of a source shows what everybody may know, and nothing that was attached to a conversation."""

from __future__ import annotations

import pytest

from bot.config import KnowledgeConfig
from bot.events import Address
from prompts.knowledge import Knowledge
from storage.base import conversation_scope
from tests.adapters.web.house import House

ADDRESS = Address(channel="slack", account="T0123", conversation="C0123", thread="1.2")


@pytest.fixture
async def knowledge(house: House) -> Knowledge:
    return Knowledge(house.store, KnowledgeConfig())


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
async def test_what_is_attached_has_no_page(house: House, knowledge: Knowledge, accept: str) -> None:
    """Neither under its location nor with its scope beside it: it is as if there was no such thing."""
    scope = conversation_scope(ADDRESS)
    await knowledge.add_bytes("plan.md", b"# Plan\n\nThe secret plan.", location="file:T0123:F1", scope=scope)
    for query in ({"location": "file:T0123:F1"}, {"location": "file:T0123:F1", "scope": scope}):
        async with house.http.get(f"{house.url}/web/source", params=query, headers={"Accept": accept}) as response:
            assert response.status == 404
            assert "secret plan" not in await response.text()


async def test_a_location_that_both_have_shows_everybodys(house: House, knowledge: Knowledge) -> None:
    """A file that is attached under the name of a source takes nothing of its place."""
    for scope, text in (("", b"For everybody."), (conversation_scope(ADDRESS), b"For a few.")):
        await knowledge.add_bytes("plan.md", text, location="plan.md", scope=scope)
    async with house.http.get(f"{house.url}/web/source", params={"location": "plan.md"}) as response:
        page = await response.text()
    assert "For everybody." in page
    assert "For a few." not in page
