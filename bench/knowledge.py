"""Finding in a large knowledge base, by words alone: `python -m bench.knowledge`.

A made-up library of Markdown files in two languages is added through `Knowledge.add`, as `frontdesk knowledge add`
does it; then one more file; then questions are asked that are made of the passages' own words, with slips of the
keyboard, in common words alone, and about nothing. Words are as common as in real texts: the n-th of them stands in
proportion to 1/n (Zipf's law).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from bot.config import KnowledgeConfig
from prompts.knowledge import Knowledge
from storage.sqlite import SqliteStore

SEARCH_MS = 50.0
PASSAGES_PER_SECOND = 500.0
SECTIONS = 8
WORDS = 90
_ONSETS = ("b", "br", "d", "f", "g", "gr", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v")
_SYLLABLES = [onset + vowel for onset in _ONSETS for vowel in ("a", "e", "i", "o", "u", "ai", "ou")]
_ENDS = ["n", "r", "t", "ck", "nd", "l", "sh", ""]
_GRAMMAR = ["the", "of", "and", "to", "a", "in", "is", "it", "you", "that", "for", "on", "with", "as", "this", "your"]
_CHARACTERS = [chr(code) for code in range(0x4E00, 0x4E00 + 2_400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was measured: seconds, and megabytes. `work` and `adding_work` are the processors' time."""

    passages: int
    adding: float
    adding_work: float
    one_more: float
    first: float
    searches: tuple[float, ...]
    work: tuple[float, ...]
    right: float
    memory: float

    @property
    def rate(self) -> float:
        return self.passages / self.adding


def within(times: Sequence[float], share: float) -> float:
    """The time, in milliseconds, within which this share of `times` (in seconds) lies."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))] * 1_000


class Library:
    """Texts by chance, the same for the same seed. `terms` is how many words each of the languages has."""

    def __init__(self, *, terms: int, seed: int = 7) -> None:
        self._chance = random.Random(seed)
        self._words = {"en": self._made(terms, self._word), "zh": self._made(terms // 4, self._pair)}
        self._shares = {
            language: list(accumulate(1 / (rank + 3) for rank in range(len(words))))
            for language, words in self._words.items()
        }

    def documents(self, passages: int) -> Iterator[tuple[str, str]]:
        """(name, Markdown) of documents of `SECTIONS` passages each; one in four is Chinese."""
        for number in range(-(-passages // SECTIONS)):
            language = "zh" if number % 4 == 3 else "en"
            yield f"{language}/{number // 500}/{number}.md", self._document(language)

    def question(self, markdown: str) -> tuple[str, str]:
        """(question, language) about one section of a document, in its words; every third has a slip."""
        language = "zh" if "language: zh" in markdown else "en"
        section = self._chance.choice(markdown.split("\n## ")[1:])
        heading, _, body = section.partition("\n")
        if language == "zh":
            return f"请问{heading}的{self._chance.choice(body.split('，'))[:6]}怎么办？", language
        words = [word for word in body.replace(".", "").split() if word not in _GRAMMAR]
        asked = [*heading.split()[:2], *self._chance.sample(words, 4)]
        if self._chance.random() < 1 / 3:
            asked[-1] = self._slip(asked[-1])
        return f"How can I get the {' '.join(asked)} with my {self._common()}?", language

    def _common(self) -> str:
        return self._words["en"][self._chance.randrange(10)]

    def _document(self, language: str) -> str:
        title = self._text(language, 3)
        sections = "\n\n".join(f"## {self._text(language, 3)}\n{self._body(language)}" for _ in range(SECTIONS))
        return f"---\nlanguage: {language}\n---\n# {title}\n\n{sections}\n"

    def _body(self, language: str) -> str:
        if language == "zh":
            return "。".join("，".join(self._text(language, 5) for _ in range(3)) for _ in range(4)) + "。"
        sentences = [self._text(language, 9).split() for _ in range(WORDS // 14)]
        return " ".join(" ".join(self._with_grammar(sentence)).capitalize() + "." for sentence in sentences)

    def _with_grammar(self, words: Sequence[str]) -> Iterator[str]:
        for word in words:
            if self._chance.random() < 0.5:
                yield self._chance.choice(_GRAMMAR)
            yield word

    def _text(self, language: str, words: int) -> str:
        drawn = self._chance.choices(self._words[language], cum_weights=self._shares[language], k=words)
        return ("" if language == "zh" else " ").join(drawn)

    def _slip(self, word: str) -> str:
        at = self._chance.randrange(1, max(2, len(word) - 1))
        return word[:at] + word[at + 1 :] if self._chance.random() < 0.5 else word[:at] + "e" + word[at:]

    def _made(self, number: int, make: object) -> list[str]:
        assert callable(make)
        found: dict[str, None] = {}
        while len(found) < number:
            found[make()] = None
        return list(found)

    def _word(self) -> str:
        syllables = self._chance.choices(_SYLLABLES, k=self._chance.choice((2, 2, 3, 3, 4)))
        return "".join(syllables) + self._chance.choice(_ENDS)

    def _pair(self) -> str:
        return "".join(self._chance.choices(_CHARACTERS, k=2))


async def measure(folder: Path, *, passages: int, terms: int, questions: int) -> Found:
    """Everything in `folder`, which is empty."""
    library = Library(terms=terms)
    documents = list(library.documents(passages))
    for name, text in documents:
        file = folder / "kb" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    store = SqliteStore(folder / "data")
    await store.open()
    knowledge = Knowledge(store, KnowledgeConfig(), root=folder)
    try:
        begin, worked = time.perf_counter(), time.process_time()
        added = await knowledge.add([str(folder / "kb")])
        adding, adding_work = time.perf_counter() - begin, time.process_time() - worked
        begin = time.perf_counter()
        await knowledge.search("warm", language="en")
        first = time.perf_counter() - begin
        one_more = await _one_more(knowledge, folder, documents[0][1])
        times, work, right = await _ask(
            knowledge, library, random.Random(3).sample(documents, min(questions, len(documents)))
        )
    finally:
        knowledge.close()
        await store.close()
    return Found(
        passages=added.passages,
        adding=adding,
        adding_work=adding_work,
        one_more=one_more,
        first=first,
        searches=tuple(times),
        work=tuple(work),
        right=right,
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    )


async def _one_more(knowledge: Knowledge, folder: Path, text: str) -> float:
    """How long one more file takes until a search finds it."""
    file = folder / "kb" / "more.md"
    file.write_text(f"{text}\n\n## Zeppelins\nA zeppelin is moored at the mast.\n", "utf-8")
    begin = time.perf_counter()
    await knowledge.add([str(file)])
    found = await knowledge.search("Where is the zeppelin moored?", language="en")
    if not found or "zeppelin" not in found[0].text:
        raise SystemExit("What was added is not found.")
    return time.perf_counter() - begin


async def _ask(
    knowledge: Knowledge, library: Library, documents: Sequence[tuple[str, str]]
) -> tuple[list[float], list[float], float]:
    """The times of the searches, the processors' time for each, and the share that found their document.

    It has to be among the first three.
    """
    times, work, right = [], [], 0
    for name, text in documents:
        question, language = library.question(text)
        begin, worked = time.perf_counter(), time.process_time()
        found = await knowledge.search(question, language=language)
        times.append(time.perf_counter() - begin)
        work.append(time.process_time() - worked)
        right += any(passage.location == f"kb/{name}" for passage in found[:3])
    return times, work, right / len(documents)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--terms", type=int, default=60_000)
    parser.add_argument("--questions", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        found = asyncio.run(
            measure(Path(folder), passages=options.passages, terms=options.terms, questions=options.questions)
        )
    print(f"passages added:            {found.passages} in {found.adding:.0f} s, {found.rate:.0f} a second")
    print(f"its work:                  {found.adding_work:.0f} s, {found.passages / found.adding_work:.0f} a second")
    print(f"first search after that:   {found.first * 1_000:.0f} ms")
    print(f"one more file, and found:  {found.one_more * 1_000:.0f} ms")
    for name, times in (("search", found.searches), ("its work", found.work)):
        shown = " / ".join(f"{within(times, share):.1f}" for share in (0.5, 0.95, 1))
        print(f"{name + ' p50 / p95 / max:':<26} {shown} ms")
    print(f"right among the first 3:   {found.right:.0%} of {len(found.searches)}")
    print(f"memory at its highest:     {found.memory:.0f} MB")
    return not (within(found.searches, 0.95) <= SEARCH_MS and found.rate >= PASSAGES_PER_SECOND)


if __name__ == "__main__":
    sys.exit(main())
