"""A correction as a document: no I/O.

There is one passage for each way to ask, all under the first question as their title. So each wording finds the answer
as surely as the first one does, by its words and by its meaning, and of passages that say the same only the best is
shown. Where the answer is one paragraph, it stands behind its question in bold, which is how a page of questions and
answers says that both belong together: then it is quoted whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.answer.blocks import Paragraph, blocks
from bot.events import Passage
from bot.explanation import Why
from bot.learning.wording import plain
from prompts.knowledge.prepare import Source, prepare
from storage.base import Document, StoredPassage
from storage.learning import CORRECTED, Correction

FOLDER = "corrections/"

_RULED = "a correction was written for this very question"
_SLUG = 40
_DENSE = frozenset({"zh", "ja"})
_STRUCTURE = re.compile(r"\n\s*\n|^\s*(?:[-*+•]|\d{1,3}[.)、]|\||#{1,6}|```|~~~|>)", re.MULTILINE)
_ASKING = ("?", "？", "؟")
_EMPHASIS = re.compile(r"[*_`\[\]<>#|\\]+")


def location_of(correction: Correction) -> str:
    """Where a correction is filed: its question in a few words, and its number."""
    return f"{FOLDER}{_slug(correction.question)}-{correction.number}.md"


def filed(
    correction: Correction, detect: Callable[..., str], *, passage_tokens: int
) -> tuple[Document, list[StoredPassage]]:
    """The document of a correction, and its passages. The document's digest changes when any of them would."""
    sources = [_source(correction, wording) for wording in correction.questions]
    made = [prepare(source, passage_tokens=passage_tokens, scope="", detect=detect) for source in sources]
    passages = [
        replace(stored, passage=replace(stored.passage, position=position))
        for position, stored in enumerate(stored for _, several in made for stored in several)
    ]
    digest = CORRECTED + "".join(source.digest(passage_tokens)[:8] for source in sources)
    return replace(made[0][0], passages=len(passages), digest=digest), passages


def ruling(question: str, told: Sequence[tuple[Passage, Why]]) -> list[tuple[Passage, Why]]:
    """What was found for `question`, in the order and with the reasons that it has once corrections are heard.

    Where one was written for this very question, it alone is kept: what an article says in nearly the same words may be
    just what it corrects.
    """
    asked = plain(question)
    rules = [passage for passage, why in told if why.kept and _answers(passage, asked)]
    if not rules:
        return list(told)
    first = [(passage, why) for passage, why in told if passage in rules]
    others = [(passage, why) for passage, why in told if passage not in rules]
    return first + [(passage, replace(why, kept=False, notes=(*why.notes, _RULED))) for passage, why in others]


def _answers(passage: Passage, asked: str) -> bool:
    if not passage.location.startswith(FOLDER):
        return False
    labels = (block.label for block in blocks(passage.text) if isinstance(block, Paragraph))
    return asked in {plain(wording) for wording in (*labels, *passage.heading[-1:]) if wording}


def _source(correction: Correction, wording: str) -> Source:
    """One wording with the answer as a Markdown document whose title is the question."""
    title = json.dumps(correction.question, ensure_ascii=False)
    updated = datetime.fromtimestamp(correction.decided_at, UTC).date().isoformat()
    front = f"---\ntitle: {title}\nlanguage: {correction.language}\nupdated: {updated}\n---\n"
    if _STRUCTURE.search(correction.answer):
        body = f"## {_EMPHASIS.sub(' ', wording).strip()}\n\n{correction.answer}\n"
    else:
        body = f"**{_asking(_EMPHASIS.sub(' ', wording).strip(), correction.language)}** {correction.answer}\n"
    return Source(
        raw=(front + body).encode("utf-8", "replace"),
        kind="markdown",
        location=correction.location,
        name=correction.location.removeprefix(FOLDER),
    )


def _asking(question: str, language: str) -> str:
    """A question with the mark that says so."""
    if question.endswith(_ASKING):
        return question
    mark = "？" if language in _DENSE else "؟" if language == "ar" else "?"
    return question.rstrip(".!。！ ") + mark


def _slug(question: str) -> str:
    words = plain(question).split()
    slug = "-".join(words)[:_SLUG].strip("-")
    return slug or "question"
