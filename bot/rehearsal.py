"""What the first visitor in each language would wait for is read before anybody asks.

Lists of words, dictionaries and patterns are read, and stemmed, when something needs them for the first time: a fifth
of a second for each language, which is several times what an answer takes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from bot.answer.intent import intent
from bot.events import Turn
from bot.phrases import phrase_languages
from bot.quoting import Quotes
from prompts.followup import standalone
from storage.base import Document

_INVENTED = "退货 qwrtzky 2 x"
"""Chinese, a word that nobody knows, and a number: each is looked up elsewhere."""


async def rehearse(quotes: Quotes, documents: Sequence[Document]) -> None:
    """Answer an invented question in every language of the knowledge, then in the others that the house speaks.

    Without documents there is nothing to be asked for.
    """
    if not documents:
        return
    known = [language for language, _ in Counter(one.language for one in documents).most_common() if language]
    text = f"{documents[0].title} {_INVENTED}?"
    for language in dict.fromkeys((*known, *sorted(phrase_languages()))):
        await asyncio.to_thread(_understand, text, language)
        await quotes.rehearse(text, language)


async def foresee(quotes: Quotes, documents: Sequence[Document]) -> None:
    """Make ready to compare what may be quoted with questions in meaning, which takes longest in the first answers."""
    for document in documents:
        if not await quotes.foresee(document.location):
            return


def _understand(text: str, language: str) -> None:
    intent(text, language)
    standalone(text, [Turn(role="user", text=text, language=language, at=0.0)], language)
