"""What is searched for a question before anything is quoted."""

from __future__ import annotations

from pathlib import Path

from bot.answer.quote import Quoter
from bot.explanation import Explanation
from bot.question import Question
from bot.quoting import Quotes
from prompts.memory import Remembered
from tests.bot.test_quick import CONFIG, knowing

PADDING = "\n\n".join(
    f"Shelf {number} holds {number} tins of paint, each with a lid of another colour." for number in range(40)
)
LONG = f"""# The store room

## Rules

The vault opens with the blue key.

{PADDING}

## Visitors

Guests sign the book.
"""


async def test_the_rest_of_a_section_that_was_cut_comes_with_its_best_passage(tmp_path: Path) -> None:
    """Under the same heading alone; and it says why it is there."""
    async with knowing(tmp_path) as (knowledge, _):
        (tmp_path / "store.md").write_text(LONG, "utf-8")
        await knowledge.add([str(tmp_path / "store.md")])
        asked = "Which key opens the vault?"
        found = await knowledge.search(asked, language="en", limit=1)
        quotes = Quotes(knowledge, Quoter(CONFIG.site), most=1)
        how = Explanation()
        question = Question(
            text=asked,
            alone=asked,
            language="en",
            asked_in="en",
            intent="question",
            remembered=Remembered(),
            scopes=("",),
        )
        passages = await quotes.search(question, how)
    first = found[0]
    beside = [passage for passage in passages if passage.location == first.location and passage != first]
    assert beside
    assert {passage.heading for passage in beside} == {first.heading}
    assert min(abs(passage.position - first.position) for passage in beside) == 1
    assert any("same heading" in note for told in how.passages for note in told.why.notes)
