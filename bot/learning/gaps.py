"""What the knowledge lacks: questions that were not answered well, those that ask the same together, and what is near.

A gap weighs what it is worth to close it: each conversation that came upon it counts once, a half where it was only an
answer that was hardly sure. What is done about a gap is told by its corrections, which name its questions.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.learning.asked import REASONS, Asked, Reason
from bot.learning.clusters import clusters
from bot.learning.likeness import ALIKE_BY_MEANING, ALIKE_BY_WORDS, Vector, vectors
from bot.learning.wording import Wording, plain
from storage.learning import Correction

EXAMPLES = 8
COMMENTS = 5
HARDLY = 0.5
"""What a conversation weighs in which an answer was only hardly sure."""

COMPARED = 300
"""Members of a gap that each is compared with to find the most central: more say nothing new."""

KNOWN = 0.5
"""From this score on (see `prompts.knowledge.rank`) a passage speaks of what is asked."""

Hint = Literal["no article", "article exists, declined", "answered, disliked", "answered, handed over", "hardly sure"]

_HINTS: Mapping[Reason, Hint] = {
    "declined": "article exists, declined",
    "disliked": "answered, disliked",
    "handed over": "answered, handed over",
    "unsure": "hardly sure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Closest:
    """The best passage for a gap's question; `score` (0 to 1) says how much of the question it speaks of."""

    title: str
    location: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Questions that ask the same and were not answered well. `question` is the most central of them.

    `number` is its place in the list, heaviest first; `id` stays as long as its oldest question is looked at. `reasons`
    count questions. `examples` are others of them, `comments` what people said of the answers, `said` what colleagues
    told visitors. `correction` is the newest one to any of these questions.
    """

    id: str
    question: str
    language: str
    questions: int
    conversations: int
    weight: float
    first: float
    last: float
    reasons: Mapping[Reason, int]
    examples: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    number: int = 0
    closest: Closest | None = None
    correction: Correction | None = None

    @property
    def hint(self) -> Hint:
        """What may be wrong: nothing is known of it, or what is known did not help."""
        if self.closest is None or self.closest.score < KNOWN:
            return "no article"
        most = max(REASONS, key=lambda reason: (self.reasons.get(reason, 0), -REASONS.index(reason)))
        return _HINTS[most]

    @property
    def settled(self) -> bool:
        """Whether somebody has decided about it since it was asked last."""
        decided = self.correction
        if decided is None or decided.state not in ("approved", "dismissed"):
            return False
        return self.last <= decided.decided_at


def gaps(
    wordings: Sequence[Wording],
    *,
    frequency: Mapping[str, int],
    passages: int,
    meanings: Sequence[bytes | None] = (),
    corrections: Sequence[Correction] = (),
) -> list[Gap]:
    """The gaps, heaviest first. `frequency`, `passages` and `meanings` are as for `likeness.vectors`."""
    texts = [(one.text, one.language) for one in wordings]
    made = vectors(texts, frequency, passages, meanings)
    by_meaning = [number for number, vector in enumerate(made) if vector.meaning is not None]
    by_words = [number for number, vector in enumerate(made) if vector.meaning is None]
    standing = _by_question(corrections)
    found = []
    for numbers, threshold in ((by_meaning, ALIKE_BY_MEANING), (by_words, ALIKE_BY_WORDS)):
        for members in clusters([made[number] for number in numbers], threshold):
            chosen = [numbers[member] for member in members]
            several = [wordings[number] for number in chosen]
            gap = _gap(several, [made[number] for number in chosen])
            found.append(replace(gap, correction=_newest_of(several, standing)))
    ranked = sorted(found, key=lambda gap: (-gap.weight, -gap.questions, -gap.last, gap.id))
    return [replace(gap, number=place) for place, gap in enumerate(ranked, 1)]


def _gap(members: Sequence[Wording], made: Sequence[Vector]) -> Gap:
    asked = sorted((one for member in members for one in member.asked), key=lambda one: (one.at, one.text))
    central = _by_centrality(members, made)
    by_conversation: dict[int, float] = {}
    for one in asked:
        weight = HARDLY if one.reasons == ("unsure",) else 1.0
        by_conversation[one.conversation] = max(weight, by_conversation.get(one.conversation, 0.0))
    counted = Counter(reason for one in asked for reason in one.reasons)
    return Gap(
        id=_id(asked[0]),
        question=central[0].text,
        language=central[0].language,
        questions=len(asked),
        conversations=len(by_conversation),
        weight=sum(by_conversation.values()),
        first=asked[0].at,
        last=asked[-1].at,
        reasons={reason: counted[reason] for reason in REASONS if counted[reason]},
        examples=tuple(member.text for member in central[1 : EXAMPLES + 1]),
        comments=_newest(one.comments for one in asked),
        said=_newest(one.said for one in asked),
    )


def _by_centrality(members: Sequence[Wording], made: Sequence[Vector]) -> list[Wording]:
    """The most central first: whose likeness to all who asked is the highest; of equals the shorter one."""
    counts = [len(member.asked) for member in members]

    def centrality(at: int) -> float:
        pairs = zip(made[:COMPARED], counts[:COMPARED], strict=True)
        return round(sum(count * made[at].likeness(other) for other, count in pairs), 6)

    order = sorted(range(len(members)), key=lambda at: (-centrality(at), len(members[at].text), members[at].text))
    return [members[at] for at in order]


def _id(oldest: Asked) -> str:
    return hashlib.blake2b(f"{oldest.language}\n{plain(oldest.text)}".encode(), digest_size=3).hexdigest()


def _newest(texts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    every = [text for several in texts for text in several if text]
    return tuple(dict.fromkeys(reversed(every)))[:COMMENTS]


def _by_question(corrections: Sequence[Correction]) -> Mapping[str, Correction]:
    """The newest correction to each question; what was rejected leaves the question as it was."""
    standing = (one for one in corrections if one.state != "rejected")
    return {plain(question): one for one in standing for question in one.questions}


def _newest_of(members: Sequence[Wording], standing: Mapping[str, Correction]) -> Correction | None:
    named = (standing.get(plain(member.text)) for member in members)
    return max((one for one in named if one), key=lambda one: one.number, default=None)
