"""The requests that engines are measured with: prompts of 20 to 400 tokens, answers of 20 to 200, always the same."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

MARK = "measured "


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: the prompt's token ids, and how many tokens to answer with, whatever they are."""

    prompt: list[int]
    answer: int


def workload(requests: int, *, seed: int = 1, vocabulary: int = 16_000) -> list[Ask]:
    """`requests` requests; a longer workload of the same seed begins with the shorter one."""
    draw = random.Random(seed)
    return [
        Ask([draw.randrange(3, vocabulary) for _ in range(draw.randint(20, 400))], draw.randint(20, 200))
        for _ in range(requests)
    ]


@dataclass(slots=True)
class Run:
    """What one engine did with one workload. Seconds; `first` has one entry a request, `between` one a token."""

    engine: str
    at_once: int
    tokens: int = 0
    seconds: float = 0.0
    first: list[float] = field(default_factory=list)
    between: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Output tokens a second."""
        return self.tokens / self.seconds

    def print(self) -> None:
        """Say it to the process that started this one."""
        print(MARK + json.dumps(asdict(self)), flush=True)


class Stamps:
    """When the tokens of each request came: makes the times to first token and between tokens of a `Run`."""

    def __init__(self, run: Run, began: float) -> None:
        self._run, self._began = run, began
        self._last: dict[int, float] = {}

    def note(self, request: int, now: float, tokens: int = 1) -> None:
        """`tokens` of `request` came at `now`. Of several at once, all but the first came at no distance."""
        if not tokens:
            return
        if request in self._last:
            self._run.between.append(now - self._last[request])
        else:
            self._run.first.append(now - self._began)
        self._run.between.extend([0.0] * (tokens - 1))
        self._last[request] = now
        self._run.tokens += tokens


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank); NaN of nothing."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
