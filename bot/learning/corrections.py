"""What people write in answer to a gap: drafted, approved or rejected, each under the name of whoever did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.errors import UsageError
from bot.language import Languages
from bot.learning.filing import filed, location_of
from bot.learning.wording import plain
from bot.privacy import Redactor
from storage.base import Document, Store, StoredPassage
from storage.learning import CORRECTED, Correction, CorrectionState

ALSO = 8
"""Other ways to ask that are kept with a correction."""

LONGEST_QUESTION, LONGEST_ANSWER = 190, 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A question and its answer as they may be kept; `redacted` says of which parts personal data was taken out."""

    question: str
    also: tuple[str, ...]
    answer: str
    redacted: tuple[str, ...] = ()


def written(question: str, also: Sequence[str], answer: str, redactor: Redactor, *, contacts: bool = False) -> Written:
    """What somebody wrote, without personal data. With `contacts` the answer keeps addresses and numbers.

    Raises `UsageError` when there is no question, no answer, or too much of either.
    """
    asked = _question(question, redactor)
    if not plain(asked):
        raise UsageError("The correction has no question. Write one, as a visitor would ask it.")
    known = {plain(asked)}
    others: list[str] = []
    for other in (_question(each, redactor) for each in also):
        if plain(other) and plain(other) not in known and len(others) < ALSO:
            known.add(plain(other))
            others.append(other)
    text = answer.strip() if contacts else redactor.redact(answer.strip())
    if not plain(text):
        raise UsageError("The correction has no answer. Write what the bot is to say.")
    if len(text) > LONGEST_ANSWER:
        raise UsageError(
            f"The answer has more than {LONGEST_ANSWER} characters. Write an article of it (`frontdesk knowledge add`)."
        )
    parts = (("question", (question, *also), (asked, *others)), ("answer", (answer,), (text,)))
    redacted = tuple(name for name, before, after in parts if _marks(after) > _marks(before))
    return Written(question=asked, also=tuple(others), answer=text, redacted=redacted)


class Corrections:
    """Decides about corrections in `store`, under the name of whoever decides.

    `languages` reads the language of those that do not say theirs; `passage_tokens` is how large passages are.
    """

    def __init__(self, store: Store, languages: Languages, *, passage_tokens: int) -> None:
        self._store, self._languages, self._tokens = store, languages, passage_tokens

    async def every(self) -> Sequence[Correction]:
        return await self._store.corrections()

    async def find(self, number: int) -> Correction:
        """Raises `UsageError` when there is none."""
        for one in await self._store.corrections():
            if one.number == number:
                return one
        raise UsageError(f"There is no correction {number}. `frontdesk corrections` lists them.")

    async def known(self, correction: Correction) -> bool:
        """Whether the bot may answer from it: somebody may have removed its document from the knowledge."""
        document = await self._store.document(correction.location) if correction.location else None
        return bool(document and document.digest.startswith(CORRECTED))

    async def draft(self, text: Written, language: str, by: str, now: float) -> Correction:
        """Keep a new draft. Without a `language` it is read from the question."""
        made = Correction(
            question=text.question,
            also=text.also,
            answer=text.answer,
            language=language or self._languages.detect(text.question),
            author=by,
            written_at=now,
        )
        return await self._added(made, "corrections.draft", by)

    async def dismiss(self, questions: Sequence[str], language: str, by: str, now: float) -> Correction:
        """Note that no answer is wanted to `questions`."""
        made = Correction(
            question=questions[0], also=tuple(questions[1 : ALSO + 1]), answer="", language=language, author=by,
            written_at=now, state="dismissed", decided_by=by, decided_at=now,
        )  # fmt: skip
        return await self._added(made, "corrections.dismiss", by)

    async def edit(self, seen: Correction, text: Written, by: str, now: float) -> Correction:
        """Change what is written. What was known of it is known no more: it is a draft again."""
        newer = replace(
            seen, question=text.question, also=text.also, answer=text.answer, author=by, written_at=now, state="draft",
            location="", decided_by="", decided_at=0.0,
        )  # fmt: skip
        return await self._kept(newer, seen, "corrections.edit", by)

    async def approve(self, seen: Correction, by: str, now: float) -> Correction:
        """Make it known. Of one that is approved already the document is made anew."""
        if not seen.answer:
            raise UsageError(
                f"Correction {seen.number} has no answer. Write one: frontdesk corrections edit {seen.number}"
            )
        if _marks((seen.answer,)):
            raise UsageError(
                f"Personal data was taken out of the answer of correction {seen.number}, and its mark would be said to "
                f"visitors. Write it without: frontdesk corrections edit {seen.number}"
            )
        location = location_of(seen)
        there = await self._store.document(location)
        if there and not there.digest.startswith(CORRECTED):
            raise UsageError(f"There is a file at {location} already. Rename it, add it again, and approve then.")
        newer = replace(seen, state="approved", location=location, decided_by=by, decided_at=now)
        document, passages = filed(newer, self._languages.detect, passage_tokens=self._tokens)
        return await self._kept(newer, seen, "corrections.approve", by, document, passages)

    async def reject(self, seen: Correction, by: str, now: float) -> Correction:
        """Let it not be known, or not any more."""
        newer = replace(seen, state="rejected", location="", decided_by=by, decided_at=now)
        return await self._kept(newer, seen, "corrections.reject", by)

    async def renew(self) -> list[Correction]:
        """File anew what is known and would be read, cut or analysed otherwise today; returns those."""
        renewed = []
        for one in await self._store.corrections():
            if one.state == "approved" and await self.known(one):
                document, passages = filed(one, self._languages.detect, passage_tokens=self._tokens)
                there = await self._store.document(one.location)
                if there and there.digest != document.digest:
                    await self._store.keep_correction(one, seen=one, document=document, passages=passages)
                    renewed.append(one)
        return renewed

    async def _added(self, made: Correction, action: str, by: str) -> Correction:
        kept = await self._store.add_correction(made)
        await self._store.audit(action, {"number": kept.number, "by": by})
        return kept

    async def _kept(
        self,
        newer: Correction,
        seen: Correction,
        action: str,
        by: str,
        document: Document | None = None,
        passages: Sequence[StoredPassage] = (),
    ) -> Correction:
        if not await self._store.keep_correction(newer, seen=seen, document=document, passages=passages):
            raise UsageError(f"Somebody has changed correction {seen.number} meanwhile. Look at it, and decide again.")
        await self._store.audit(action, {"number": seen.number, "by": by})
        return newer


def standing(correction: Correction, known: bool) -> str:
    """What has become of it, in a word or two."""
    words: dict[CorrectionState, str] = {"approved": "approved" if known else "approved, removed since"}
    return words.get(correction.state, correction.state)


def _question(text: str, redactor: Redactor) -> str:
    text = " ".join(redactor.redact(text).split())
    return text if len(text) <= LONGEST_QUESTION else text[: LONGEST_QUESTION - 1].rstrip() + "…"


def _marks(texts: Sequence[str]) -> int:
    return sum(text.count(f"[{kind}]") for text in texts for kind in ("email", "phone", "card", "iban"))
