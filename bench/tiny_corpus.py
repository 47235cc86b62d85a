"""What the tiny model learns: questions and answers, made from the demo's help articles, its questions and our docs."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.events import Passage
from prompts.sentences import sentences

ROOT = Path(__file__).parent.parent
ARTICLES = ROOT / "bot/demo/knowledge/en"
LONGEST_ANSWER = 420
"""Characters after which an answer ends with the sentence or the line."""

SMALL_TALK = {
    "greeting": "Hello! I am the automatic assistant of Otterhaul. What would you like to know?",
    "thanks": "You are welcome! Is there anything else I can help you with?",
    "person": "I pass you on to a colleague. You can also write to help@otterhaul.example, or choose “Call me back” "
    "on the help page.",
    "declined": "I am sorry, I have no reliable information on that. You can write to help@otterhaul.example.",
}
MORE_SMALL_TALK = {
    "greeting": ("Hello", "hi", "Hey!", "Good evening", "Hello there, how are you?", "Good afternoon!"),
    "thanks": ("Thank you!", "thanks", "Great, thanks for your help.", "Perfect, thank you very much"),
    "person": ("Can I speak to somebody?", "I want to speak to a colleague", "give me a human"),
    "declined": ("Who won the match yesterday?", "Tell me a joke", "What is 17 times 23?", "Do you sell cars?"),
}
_OPENERS = ("", "", "", "Hi, ", "Hello! ", "Please tell me: ", "One question: ", "I would like to know: ", "Sorry, ")
_CLOSERS = ("", "", "", "", " Thanks!", " Thank you", " please")
_ABOUT = (
    "{0}?",
    "Tell me about {0}.",
    "What about {0}?",
    "What can you tell me about {0}?",
    "I have a question about {0}.",
    "Can you explain {0}?",
    "How is it with {0}?",
)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading of an article."""

    title: str
    heading: str
    text: str

    @property
    def passage(self) -> Passage:
        return Passage(text=self.text, title=self.title, location="", score=1.0, heading=(self.heading,))


@dataclass(frozen=True, slots=True)
class Pair:
    """`about` is a topic to be asked for in several ways, else `question` stands as it is."""

    question: str
    answer: str
    section: Section | None = None
    about: bool = False
    weight: float = 1.0


def sections(file: Path) -> Iterator[Section]:
    """The sections of a Markdown file, those without text left out."""
    text = re.sub(r"\A---\n.*?\n---\n", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    title = ""
    for part in re.split(r"^(?=#{1,3} )", text, flags=re.MULTILINE):
        heading, _, body = part.partition("\n")
        heading = heading.lstrip("# ").strip()
        title = title or heading
        if body.strip() and heading:
            yield Section(title, heading, body.strip())


def rows(section: Section) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The rows of its tables: (name, [(column, value), ...])."""
    header: list[str] = []
    for line in section.text.splitlines():
        cells = [plain(cell) for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            header = []
        elif not header:
            header = cells
        elif not re.fullmatch(r"[-: ]*", "".join(cells)) and len(cells) == len(header):
            yield cells[0], list(zip(header[1:], cells[1:], strict=True))


def plain(text: str) -> str:
    """Markdown without emphasis and links."""
    return re.sub(r"\*+|`|\[([^\]]*)\]\([^)]*\)", r"\1", text).strip()


def prose(section: Section) -> list[str]:
    """The section in sentences; a row of a table is one."""
    told = [f"{name}: {_cells(cells)}" for name, cells in rows(section)]
    lines = "\n".join(line for line in section.text.splitlines() if not line.startswith(("|", "![", "<")))
    return [plain(sentence) for sentence in sentences(lines) if plain(sentence)] + told


def _cells(cells: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{column} {value}".strip() for column, value in cells).rstrip(".") + "."


def _short(parts: Sequence[str]) -> str:
    answer = ""
    for part in parts:
        if answer and len(answer) + len(part) > LONGEST_ANSWER:
            break
        answer += ("\n" if answer and re.match(r"[-\d]", part) else " " if answer else "") + part
    return answer


def _from_articles() -> Iterator[Pair]:
    for file in sorted(ARTICLES.glob("*.md")):
        for section in sections(file):
            yield _told(section)
            for name, cells in rows(section):
                for column, value in cells:
                    if column and value:
                        yield Pair(f"{column} of {name}", f"{name}: {_cells([(column, value)])}", section, True, 0.5)


def _from_docs() -> Iterator[Pair]:
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for section in sections(file):
            yield _told(section, weight=0.2)


def _told(section: Section, weight: float = 1.0) -> Pair:
    topic = section.title if section.heading == section.title else f"{section.heading} ({section.title})"
    return Pair(topic, _short(prose(section)), section, about=True, weight=weight)


def _asked() -> Iterator[Pair]:
    """The demo's own questions: the answer is the sentences of the source that hold what it must say."""
    for line in (ROOT / "bot/demo/questions.jsonl").read_text(encoding="utf-8").splitlines():
        asked = json.loads(line)
        kind = "declined" if asked["declined"] else asked["kind"]
        if kind in SMALL_TALK and (asked["lang"] == "en" or kind != "declined"):
            yield Pair(asked["question"], SMALL_TALK[kind], weight=2.0)
        elif asked["lang"] == "en" and asked["sources"] and kind != "follow_up":
            found = list(sections(ARTICLES / asked["sources"][0]))
            held = [
                (section, sentence)
                for choices in asked["must"]
                for section in found
                for sentence in prose(section)
                if any(choice in sentence for choice in choices)
            ]
            if held:
                answer = _short(list(dict.fromkeys(sentence for _, sentence in held))[:3])
                yield Pair(asked["question"], answer, held[0][0], weight=4.0)


def pairs() -> list[Pair]:
    """All of them, in a fixed order."""
    talk = [Pair(text, SMALL_TALK[kind], weight=2.0) for kind, texts in MORE_SMALL_TALK.items() for text in texts]
    every = [*_from_articles(), *_asked(), *talk, *_from_docs()]
    return [pair for pair in every if pair.answer]


def varied(pair: Pair, draw: random.Random) -> str:
    """The question in one of the ways in which people write it."""
    question = draw.choice(_ABOUT).format(pair.question) if pair.about else pair.question
    question = draw.choice(_OPENERS) + question + draw.choice(_CLOSERS)
    if draw.random() < 0.3:
        question = question.lower()
    return question.rstrip("?.!") if draw.random() < 0.3 else question
