"""What is searched for a question before anything is quoted."""

from __future__ import annotations

from pathlib import Path

from bot.answer.quote import Quoter
from bot.question import Question
from bot.quoting import Quotes
from prompts.memory import Remembered
from tests.bot.test_quick import CONFIG, knowing, quick

LONG = """# The store room

## What it is

The store room is on the ground floor.

## Hours

Monday to Friday from 8:15 to 16:00.
"""


async def test_the_rest_of_the_best_document_is_quoted_and_not_given_to_a_model(tmp_path: Path) -> None:
    """Search finds what it finds; the quoter reads on, to a part that no word of the question leads to."""
    async with knowing(tmp_path) as (knowledge, _):
        (tmp_path / "store.md").write_text(LONG, "utf-8")
        await knowledge.add([str(tmp_path / "store.md")])
        asked = "When does the store room open?"
        question = Question(
            text=asked,
            alone=asked,
            language="en",
            asked_in="en",
            intent="question",
            remembered=Remembered(),
            scopes=("",),
        )
        quotes = Quotes(knowledge, Quoter(CONFIG.site), most=6)
        passages = await quotes.search(question)
        without = [passage for passage in passages if passage.title == "The store room" and "8:15" not in passage.text]
        answer = await quotes.quote(question, without)
    assert len(passages) <= 6
    assert without
    assert "8:15" in answer.text


async def test_a_question_that_names_only_its_document_is_answered_from_all_of_it(tmp_path: Path) -> None:
    """The one part that tells what is waited for need not have a word of the question."""
    async with knowing(tmp_path) as (knowledge, _):
        reply = await quick(knowledge)("How long do I have to return something?", "en")
    assert "30 days" in reply.text
