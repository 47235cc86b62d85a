"""How an answer came about, in words of its own; standard library only.

An `Explanation` grows with its answer: whoever does a step puts into it what that step saw and decided, as frozen
values. With the end of the message it is committed as one JSON document, and `frontdesk explain` shows it. It says
nothing of how a figure was made: those who made it name it, so that it stays true when they change.

It holds what a model saw, so it is redacted where that is; and it is bounded, whatever was asked and answered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

PROMPT_BYTES = 64_000
"""What is kept of a prompt; its end, where the question stands, goes before its beginning."""
TEXT_BYTES = 8_000
"""What is kept of a question."""
PASSAGE_BYTES, SENTENCE_BYTES = 160, 400
"""What is kept of a passage, and of a sentence of an answer."""
PASSAGES, CLAIMS = 60, 200
"""So many passages and sentences are kept at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """The question: as it was asked (redacted, where a model sees it so) and as it was searched.

    `command` is what was asked for, "" for an answer. `detected` is the language of the text, `before` the
    conversation's, `hint` what the channel said, `preferred` what was chosen for the conversation, `answered` the one
    to answer in; "" where there is none. `redacted` counts what was taken out of the question and of what is
    remembered, by kind.
    """

    text: str
    standalone: str
    intent: str
    detected: str
    answered: str
    command: str = ""
    before: str = ""
    hint: str = ""
    preferred: str = ""
    redacted: Mapping[str, int] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a passage stands where it stands: figures by their names, the question's words that it has with what they
    weigh, and what else happened to it. What is not `kept` was left out."""

    shares: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that was found, with how it begins. `score` is that of the search, 0 to 1."""

    title: str
    location: str
    heading: tuple[str, ...]
    language: str
    score: float
    begins: str
    why: Why = Why()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Whether what is known answers, as a number against its threshold; `parts` are several questions, each with its
    own. `kind` is what was made of it ("quote", "decline", "small_talk", "human")."""

    kind: str
    confidence: float | None = None
    threshold: float | None = None
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a model was asked: the messages as they were sent (role and content), and how it was to choose its words.

    `shortened`: the question was too long. Tokens are 0 when nobody counted them; `estimated`: not by the model's own
    tokenizer. `model` is "" when the engine has only one.
    """

    template: str
    messages: tuple[tuple[str, str], ...]
    sampling: Mapping[str, Any]
    shortened: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What one source lacks of a sentence. `source` is its number, 0 for all that the sentence names together."""

    source: int
    numbers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    overlap: float = 1.0
    contradicts: bool = False


Verdict = Literal["held", "held together", "not held", "states nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a model's answer, held against its sources. `missing` tells of a sentence that is not held."""

    text: str
    cited: tuple[int, ...]
    verdict: Verdict
    sources: tuple[int, ...] = ()
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A model's answer after it was held against its sources; `outcome` is what was done with it."""

    outcome: str
    sentences: tuple[Sentence, ...] = ()


@dataclass(slots=True, kw_only=True)
class Explanation:
    """One answer's way. What did not happen is None or empty; `timings` are seconds by stage, in their order.

    `since` is when the oldest thing was said that this repeats. `engine` says what wrote, `model` which one.
    """

    engine: str = ""
    model: str = ""
    understood: Understood | None = None
    passages: Sequence[Found] = ()
    decided: Decided | None = None
    asked: Asked | None = None
    checked: Checked | None = None
    error: str = ""
    finish: str = ""
    sources: tuple[str, ...] = ()
    since: float | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the body as stage `name`; one that comes again is added to."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - began

    @property
    def confidence(self) -> float | None:
        """How likely what is known answers, 0 to 1; None when nobody asked that."""
        return self.decided.confidence if self.decided else None

    def document(self) -> dict[str, Any]:
        """All of it as JSON values, bounded. "confidence" and "since" stand at the top."""
        bounded = replace(
            self,
            understood=self.understood and _question(self.understood),
            passages=tuple(replace(one, begins=cut(one.begins, PASSAGE_BYTES)) for one in self.passages[:PASSAGES]),
            asked=self.asked and replace(self.asked, messages=_messages(self.asked.messages)),
            checked=self.checked and replace(self.checked, sentences=_sentences(self.checked.sentences)),
            timings={stage: round(seconds, 6) for stage, seconds in self.timings.items()},
        )
        return {"confidence": self.confidence, **asdict(bounded)}


def cut(text: str, most: int) -> str:
    """`text` in at most `most` bytes of UTF-8, and a mark that says how much is missing."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return text
    return f"{raw[:most].decode('utf-8', 'ignore')}[… {len(raw) - most} bytes more]"


def _question(understood: Understood) -> Understood:
    text, standalone = (cut(one, TEXT_BYTES) for one in (understood.text, understood.standalone))
    return replace(understood, text=text, standalone=standalone)


def _messages(messages: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The last ones first: what is asked says more than what goes before it."""
    room, kept = PROMPT_BYTES, []
    for role, content in reversed(messages):
        kept.append((role, cut(content, room)))
        room = max(0, room - len(content.encode("utf-8", "replace")))
    return tuple(reversed(kept))


def _sentences(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    return tuple(replace(one, text=cut(one.text, SENTENCE_BYTES)) for one in sentences[:CLAIMS])
