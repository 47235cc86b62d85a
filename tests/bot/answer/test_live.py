"""What is shown of an answer before its sentences can be checked."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.answer.guard import Guard
from bot.answer.live import Live
from tests.bot.answer.shop import passage

SOURCES = (
    passage("a.md", "Sending", "Prices", "A parcel costs €5.40 and takes 2 days. It weighs 1,190 g. Open until 20:00."),
    passage("b.md", "发货", "", "运费5元，30天内可以退货。", "zh"),
)


def shown(text: str, size: int) -> list[str]:
    """What is shown after each piece, of a text that comes in pieces of `size` characters through the guard."""
    live, guard = Live(SOURCES), Guard("", (), ())
    steps = [live.of(guard.add(text[at : at + size])) for at in range(0, len(text), size)]
    return [*steps, live.of(guard.end())]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("A parcel costs €5.40 [1].", "A parcel costs €5.40 [1]."),
        ("A parcel costs €6.40 [1].", "A parcel costs €"),
        ("A parcel takes 2 days, a letter 21 days.", "A parcel takes 2 days, a letter "),
        ("It weighs 1190 g, or 1 190 g.", "It weighs 1190 g, or 1 190 g."),
        ("Open until 8 pm, then not.", "Open until 8 pm, then not."),
        ("Do this:\n\n1. Pack it.\n2. Send it.\n7. Wait 99 days.", "Do this:\n\n1. Pack it.\n2. Send it.\n7. Wait "),
        ("It costs €5.40 [1][7]. Good.", "It costs €5.40 [1]. Good."),
        ("It costs €5.40 [1, 2]. Good.", "It costs €5.40 [1][2]. Good."),
        ("It costs €5.40 [9] and takes [8] 2 days[7] long.", "It costs €5.40 and takes 2 days long."),
        ("运费88元[1]。", "运费"),
        ("运费5元[2]，30天内可以退货。", "运费5元[2]，30天内可以退货。"),
        ("Nothing to count here.", "Nothing to count here."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 4, 100])
def test_neither_a_strange_figure_nor_a_false_citation_is_ever_seen(text: str, seen: str, size: int) -> None:
    """However it comes; what was shown is not taken back."""
    steps = shown(text, size)
    assert steps[-1] == seen
    assert all(later.startswith(earlier) for earlier, later in pairwise(steps))


def test_without_sources_every_figure_is_strange() -> None:
    """Words are shown, and the end decides."""
    assert Live(()).of("It costs 5 euros.") == "It costs "
