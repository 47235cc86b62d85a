"""What is read before the first visitor of each language asks."""

from __future__ import annotations

from typing import cast

from bot.phrases import phrase_languages
from bot.quoting import Quotes
from bot.rehearsal import foresee, rehearse
from storage.base import Document


class Recorder:
    """Stands for the quotes, and records in which languages it was asked."""

    def __init__(self) -> None:
        self.languages: list[str] = []

    async def rehearse(self, text: str, language: str) -> None:
        self.languages.append(language)


def document(language: str) -> Document:
    return Document(location=f"{language}.md", title="Returns", language=language, digest="", passages=1, added_at=0.0)


async def rehearsed(documents: list[Document]) -> list[str]:
    recorder = Recorder()
    await rehearse(cast("Quotes", recorder), documents)
    return recorder.languages


async def test_every_language_of_the_house_is_rehearsed_once_and_those_of_the_knowledge_come_first() -> None:
    """Most visitors write in the language of most documents: theirs is read first."""
    found = await rehearsed([document(language) for language in ("nl", "zh", "zh", "")])
    assert found[:2] == ["zh", "nl"]
    assert sorted(found) == sorted(phrase_languages() | {"nl"})


async def test_nothing_is_rehearsed_where_nothing_can_be_answered() -> None:
    """Without documents no word is looked up, so that nothing has to be read."""
    assert await rehearsed([]) == []


async def test_documents_are_foreseen_until_it_is_enough() -> None:
    """What is made ready takes time and room: a large knowledge base is not made ready whole."""

    class Enough:
        def __init__(self) -> None:
            self.seen: list[str] = []

        async def foresee(self, location: str) -> bool:
            self.seen.append(location)
            return len(self.seen) < 2

    quotes = Enough()
    await foresee(cast("Quotes", quotes), [document(language) for language in ("en", "de", "es")])
    assert quotes.seen == ["en.md", "de.md"]
