"""Search: over a small knowledge base in three languages, by words alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompts.knowledge import Knowledge
from storage.sqlite import SqliteStore

BASE: Mapping[str, str] = {
    "shipping": """---
language: en
---
# Shipping
## Prices
| Country | Standard | Express |
| --- | --- | --- |
| Germany | €4.90 | €12 |
| Norway | €19 | €39 |

Shipping is free from €80.

## Batteries
Batteries over 100 Wh travel by road only and need 10 days.
""",
    "returns": """---
language: en
---
# Returns
You may send things back within 60 days.
## How to return something
1. Write to us.
2. Print the label.
3. Bring the parcel to a shop.
""",
    "errors": """---
language: en
---
# Error codes
- E-1042: the battery is too hot. Let it cool down.
- E-1043: the sensor is dirty. Clean it.
""",
    "garantie": """---
language: de
---
# Garantie
Auf den Rahmen geben wir 5 Jahre Garantie, auf den Akku 2 Jahre.
""",
    "yunfei": """---
language: zh
---
# 运费与配送
寄往德国的标准运费是 4.90 欧元，满 80 欧元包邮。
## 电池
100 Wh 以上的电池只能陆运，需要 10 天。
""",
}


@pytest.fixture
async def shop(knowledge: Knowledge, project: Path) -> Knowledge:
    (project / "kb").mkdir()
    for name, text in BASE.items():
        (project / f"kb/{name}.md").write_text(text, "utf-8")
    await knowledge.add([str(project / "kb")])
    return knowledge


@pytest.mark.parametrize(
    ("question", "language", "name", "inside"),
    [
        ("How much is shipping to Norway?", "en", "shipping.md", "€19"),
        ("What do you charge for deliveries to Norway", "en", "shipping.md", "€19"),
        ("can i send stuff back", "en", "returns.md", "60 days"),
        ("what does e1042 mean", "en", "errors.md", "too hot"),
        ("寄到德国运费多少钱？", "zh", "yunfei.md", "4.90"),
        ("电池怎么寄", "zh", "yunfei.md", "陆运"),
        ("Wie lange gilt die Garantie für den Rahmen?", "de", "garantie.md", "5 Jahre"),
        ("Wie viel kostet der Versand nach Norwegen?", "de", "shipping.md", "€19"),
        ("¿Cuánto cuesta el envío a Noruega?", "es", "shipping.md", "€19"),
        ("How long is the warranty on the frame?", "en", "garantie.md", "5 Jahre"),
    ],
)
async def test_the_passage_that_answers_comes_first(
    shop: Knowledge, question: str, language: str, name: str, inside: str
) -> None:
    """In the visitor's language where the knowledge has it, in another where it has not."""
    first = (await shop.search(question, language=language))[0]
    assert (first.location, inside in first.text) == (f"kb/{name}", True)
    assert 0.2 < first.score <= 1


@pytest.mark.parametrize("question", ["", "?!", "What is it?", "的吗呢", '"', "NEAR(a b) AND *", "x" * 20_000])
async def test_questions_about_nothing_find_nothing(shop: Knowledge, question: str) -> None:
    """No words, no passages, and no error."""
    assert list(await shop.search(question, language="en")) == []


async def test_an_empty_knowledge_base_answers_nothing(knowledge: Knowledge) -> None:
    """Before anything was added."""
    assert list(await knowledge.search("How much is shipping?", language="en")) == []


async def test_the_score_says_how_much_of_the_question_is_covered(shop: Knowledge) -> None:
    """A question that the passage holds whole has 1, one that shares a side issue has little, comparably."""
    whole = (await shop.search("batteries by road", language="en"))[0].score
    part = (await shop.search("Are batteries allowed in submarines?", language="en"))[0].score
    assert whole == 1
    assert part < 0.6


async def test_the_same_in_two_languages_comes_in_the_visitors(shop: Knowledge) -> None:
    """Both articles answer "Wh"; each visitor gets the own one first."""
    assert (await shop.search("100 Wh", language="zh"))[0].language == "zh"
    assert (await shop.search("100 Wh", language="en"))[0].language == "en"
    assert (await shop.search("100 Wh", language="fr"))[0].language == "en"


async def test_limits_are_kept(shop: Knowledge) -> None:
    """As many passages as were asked for, best first."""
    assert len(await shop.search("battery shipping return warranty", language="en", limit=2)) == 2


CANOPY = "The canopy of the cargo bike keeps children dry in the rain and folds in a minute"


async def test_what_repeats_itself_comes_once(knowledge: Knowledge, project: Path) -> None:
    """Of one document or of several: the same words in the same order take one place."""
    for name in ("one", "two"):
        (project / f"{name}.md").write_text(f"# Canopy\n\n## A\n\n{CANOPY}.\n\n## B\n\n{CANOPY} or so.\n")
    await knowledge.add([str(project)])
    found = await knowledge.search("canopy rain children", language="en")
    assert len(found) == 1


async def test_of_two_copies_the_newer_one_is_shown(knowledge: Knowledge, project: Path) -> None:
    """When both say when they were written."""
    for name, day in (("a", "2024-03-01"), ("b", "2026-03-01"), ("c", "2025-03-01")):
        (project / f"{name}.md").write_text(f"---\nupdated: {day}\n---\n# Canopy\n\n{CANOPY}.\n")
    await knowledge.add([str(project)])
    (found,) = await knowledge.search("canopy rain children", language="en")
    assert (found.location, found.updated) == ("b.md", "2026-03-01")


async def test_other_figures_are_no_repetition(knowledge: Knowledge, project: Path) -> None:
    """Two plans told in the same words stay two."""
    long = f"{CANOPY}. " + " ".join(f"Its {one}{two}mo is firm." for one in "bdfgk" for two in ("a", "o", "u"))
    for name, price in (("m", "30"), ("l", "40")):
        (project / f"{name}.md").write_text(f"# Canopy\n\n{long} It costs {price} euros.\n")
    await knowledge.add([str(project)])
    found = await knowledge.search("canopy rain children", language="en")
    assert sorted(passage.location for passage in found) == ["l.md", "m.md"]


async def test_a_row_of_a_long_table_is_found_by_its_name_and_its_columns(knowledge: Knowledge, project: Path) -> None:
    """Wherever the table was cut: each part repeats the names of its columns."""
    rows = "\n".join(f"| Land{number}ia | €{number}.90 | {number} days |" for number in range(1, 200))
    table = f"| Country | Express surcharge | Duration |\n| --- | --- | --- |\n{rows}\n"
    (project / "prices.md").write_text(f"# Prices\n\n{table}\n## Express\n\nExpress surcharge and duration vary.\n")
    await knowledge.add([str(project)])
    for number in (3, 97, 199):
        first = (await knowledge.search(f"express surcharge Land{number}ia", language="en"))[0]
        assert f"| Land{number}ia | €{number}.90 |" in first.text
        assert "Express surcharge" in first.text


async def test_around_a_passage_stands_the_rest_of_its_document(shop: Knowledge) -> None:
    """In its order and without itself, in the first scope that has it; nothing when it is gone."""
    prices, batteries = await shop.opening("kb/shipping.md", scope="", limit=9)
    assert list(await shop.around(prices, limit=9)) == [batteries]
    assert list(await shop.around(batteries, scopes=("other", ""), limit=9)) == [prices]
    assert not await shop.around(batteries, scopes=("other",), limit=9)
    assert not await shop.around(prices, limit=0)
    await shop.remove("kb/shipping.md")
    assert not await shop.around(prices, limit=9)


async def test_what_changed_is_searched_as_it_is_now(shop: Knowledge, project: Path) -> None:
    """No cache outlives a change."""
    assert await shop.search("zeppelin", language="en") == []
    (project / "kb/new.md").write_text("---\nlanguage: en\n---\nWe rent a zeppelin.")
    await shop.add([str(project / "kb")])
    assert (await shop.search("zeppelin", language="en"))[0].text == "We rent a zeppelin."
    await shop.remove("kb/new.md")
    assert await shop.search("zeppelin", language="en") == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(question=st.text(max_size=120), language=st.sampled_from(["", "en", "zh", "de", "xx"]))
async def test_no_question_is_an_error(shop: Knowledge, question: str, language: str) -> None:
    """Whatever a visitor types, the answer is a list of passages with scores between 0 and 1."""
    for passage in await shop.search(question, language=language):
        assert 0 <= passage.score <= 1


async def test_several_stores_do_not_share_words(shop: Knowledge, store: SqliteStore, project: Path) -> None:
    """Two knowledge objects over one store find the same."""
    other = Knowledge(store, shop._config, root=project)
    question = "How much is shipping to Norway?"
    assert await other.search(question, language="en") == await shop.search(question, language="en")
