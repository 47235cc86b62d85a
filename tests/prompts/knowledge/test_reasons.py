"""Why a passage was found: what is told of a search is what the search went by."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompts.knowledge import Knowledge

TERMS = "The standard warranty covers the frame for five years and the battery for two years from delivery on."


def write(folder: Path, name: str, text: str, language: str = "en") -> None:
    (folder / f"{name}.md").write_text(f"---\nlanguage: {language}\n---\n{text}\n", "utf-8")


@pytest.fixture
async def shop(knowledge: Knowledge, project: Path) -> Knowledge:
    write(project, "warranty", f"# Warranty\n{TERMS}\n## Again\n{TERMS}")
    write(project, "shipping", "# Shipping\nWe ship the frame by road. Shipping to Norway takes 10 days.")
    write(project, "garantie", "# Garantie\nFrame, battery: zwei Jahre, im Alltag gut zu wissen. Warranty.", "de")
    await knowledge.add([str(project)])
    return knowledge


@pytest.mark.parametrize("question", ["warranty of the frame", "shipping to Norway", "", "frame warranty 退货"])
@pytest.mark.parametrize("limit", [1, 2, 9])
async def test_what_is_explained_is_what_is_found(shop: Knowledge, question: str, limit: int) -> None:
    """The same passages with the same scores, in the same order; what was left out comes after them."""
    found = await shop.search(question, language="en", limit=limit)
    told = await shop.explained(question, language="en", limit=limit)
    assert [passage for passage, why in told if why.kept] == list(found)
    kept = [why.kept for _, why in told]
    assert kept == sorted(kept, reverse=True)


async def test_the_words_are_those_that_the_passage_has(shop: Knowledge) -> None:
    """Each with what it weighs; the rarer one weighs more, and a word that nothing has is named nowhere."""
    (first, why), *_ = await shop.explained("is Norway on the frame list of zebras", language="en")
    assert first.title == "Shipping"
    assert set(why.words) == {"norway", "frame"}
    assert why.words["norway"] > why.words["frame"] > 0
    assert 0 < why.shares["words"] == first.score < 1
    assert all(0 <= share <= 1 for share in why.shares.values())


async def test_what_was_left_out_says_for_what(shop: Knowledge) -> None:
    """A passage that repeats a better one of its document."""
    told = await shop.explained("warranty battery five years", language="en")
    ((repeated, why),) = [(passage, why) for passage, why in told if not why.kept]
    assert (repeated.title, why.notes) == ("Warranty", ("repeats passage 1",))


async def test_what_was_moved_for_its_language_says_so(shop: Knowledge) -> None:
    """The German passage that had the better place stands behind the English one; for Germans it does not."""
    question = "Garantie frame battery warranty"
    english = {passage.title: why for passage, why in await shop.explained(question, language="en")}
    assert next(iter(english)) == "Warranty"
    assert english["Garantie"].notes == ("moved down behind passages in a better language (it was 1)",)
    german = {passage.title: why for passage, why in await shop.explained(question, language="de")}
    assert next(iter(german)) == "Garantie"
    assert german["Garantie"].notes == ()
