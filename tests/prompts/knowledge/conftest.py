"""A real store on disk, and knowledge over it that goes by words alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import KnowledgeConfig
from prompts.knowledge import Knowledge
from storage.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def knowledge(store: SqliteStore, project: Path) -> Knowledge:
    return Knowledge(store, KnowledgeConfig(), root=project)
