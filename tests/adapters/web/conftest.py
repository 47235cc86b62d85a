"""The web channel, served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.web.house import WIDE, House, Visitor, serving


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The channel with limits that no test reaches by accident."""
    async with serving(tmp_path, web={"limits": WIDE, "origins": ["https://shop.example"]}) as served:
        yield served


@pytest.fixture
async def visitor(house: House) -> Visitor:
    return await house.visitor()
