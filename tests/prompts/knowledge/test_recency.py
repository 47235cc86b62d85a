"""What holds no longer comes after what holds now, unless somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from bot.config import KnowledgeConfig
from prompts.knowledge import Knowledge
from storage.sqlite import SqliteStore

NOW = "---\nlanguage: en\n---\n# Returns\n\nYou may return a lamp within 60 days, and we pay the parcel.\n"
OLD = "You may return a lamp within 30 days. A lamp in a parcel is returned at your cost, lamp and return parcel alike."
SAID: Sequence[tuple[str, str]] = (
    ("language: en", "# Return of a lamp until 31 March 2025"),
    ("language: en", "# Return of a lamp (old policy)"),
    ("language: en\nvalid_until: 2025-03-31", "# Return of a lamp"),
    ("language: en\narchived: true", "# Return of a lamp"),
    ("language: en\nstatus: superseded", "# Return of a lamp"),
    ("language: en", "# Return of a lamp\n\n## Return of a lamp before April 2025"),
    ("language: en", "# Return of a lamp\n\nThis policy has been superseded by another one."),
    ("language: en\ntitle: Lamps", "# Return of a lamp\n\n**Valid until 31 March 2025.** See the new one."),
)


async def found(store: SqliteStore, project: Path, question: str, day: str = "2026-05-01") -> list[str]:
    knowledge = Knowledge(store, KnowledgeConfig(), root=project, today=lambda: date.fromisoformat(day))
    await knowledge.add([str(project)])
    return [passage.location for passage in await knowledge.search(question, language="en")]


@pytest.mark.parametrize(("front", "head"), SAID)
async def test_what_holds_now_comes_first(store: SqliteStore, project: Path, front: str, head: str) -> None:
    """However the old text says that it is old; and not because it is worse: without that it came first."""
    (project / "now.md").write_text(NOW)
    (project / "old.md").write_text(f"---\n{front}\n---\n{head}\n\n{OLD}\n")
    question = "Can I return a lamp in a parcel?"
    assert await found(store, project, question) == ["now.md", "old.md"]
    assert (await found(store, project, question.replace("return", "return in 2024")))[0] == "old.md"
    (project / "old.md").write_text(f"---\nlanguage: en\n---\n# Return of a lamp\n\n{OLD}\n")
    assert (await found(store, project, question))[0] == "old.md"


async def test_a_day_to_come_changes_nothing_yet(store: SqliteStore, project: Path) -> None:
    """On its last day a policy still holds."""
    (project / "now.md").write_text(NOW)
    (project / "old.md").write_text(f"---\nlanguage: en\nvalid_until: 2026-05-01\n---\n# Return of a lamp\n\n{OLD}\n")
    question = "Can I return a lamp in a parcel?"
    assert (await found(store, project, question, "2026-05-01"))[0] == "old.md"
    assert (await found(store, project, question, "2026-05-02"))[0] == "now.md"


async def test_what_only_the_old_text_says_stays_first(store: SqliteStore, project: Path) -> None:
    """Customers of an old tariff ask for it by its name."""
    (project / "now.md").write_text("---\nlanguage: en\n---\n# Tariffs\n\nThe tariff Mobile S costs 9 euros.\n")
    text = "The tariff Smart 40 costs 19 euros."
    (project / "old.md").write_text(f"---\nlanguage: en\n---\n# Tariffs until March 2025\n\n{text}\n")
    assert (await found(store, project, "What does the tariff Smart 40 cost?"))[0] == "old.md"


async def test_what_a_source_says_of_time_is_kept(knowledge: Knowledge, store: SqliteStore, project: Path) -> None:
    """Through the store: the day of the last change, and the last day of each section."""
    text = (
        "---\nupdated: 3 April 2025\n---\n# Fees\n\nNone.\n\n## Prices until March 2025\n\nTen.\n\n### Above\n\nOne.\n"
    )
    (project / "a.md").write_text(text)
    await knowledge.add([str(project)])
    stored = [one.passage for one in await store.passages_of("a.md")]
    assert {passage.updated for passage in stored} == {"2025-04-03"}
    assert [passage.valid_until for passage in stored] == ["", "2025-03-31", "2025-03-31"]
