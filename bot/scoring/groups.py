"""Results by group, so that a language or a kind of question that fares worse shows, and luck is not taken for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.scoring.judge import Score
from bot.scoring.share import Share
from bot.scoring.significance import RARE, fisher_less, holm
from bot.scoring.summary import grouped

BY: Mapping[str, Callable[[Score], str]] = {
    "kind": lambda one: one.question.kind,
    "language": lambda one: one.question.lang,
    "both": lambda one: " · ".join(filter(None, (one.question.lang, one.question.kind))),
}
"""What questions can be grouped by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one group got right: an answer where there is one, a decline where there is none.

    `chance` is how often luck alone would make it so much worse than the rest, all groups considered.
    """

    name: str
    right: Share
    chance: float

    @property
    def worse(self) -> bool:
        return self.chance < RARE


def groups(scores: Sequence[Score], by: Callable[[Score], str]) -> list[Group]:
    """Each group against all others, in the order in which they come first."""
    shares = {name: Share.among(one.right for one in group) for name, group in grouped(scores, by).items()}
    hits, of = sum(share.count for share in shares.values()), len(scores)
    alone = [fisher_less(share.count, share.of, hits - share.count, of - share.of) for share in shares.values()]
    return [
        Group(name=name, right=share, chance=chance)
        for (name, share), chance in zip(shares.items(), holm(alone), strict=True)
    ]
