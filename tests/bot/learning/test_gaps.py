"""From what the store found to a list that staff may read: it never shows who asked, and every question counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Privacy
from bot.learning.asked import Asked, Reason, questions, redactor_of
from bot.learning.gaps import Closest, Gap, gaps
from bot.learning.wording import wordings
from storage.learning import Correction, Unsettled

SECRETS = ("lena@example.org", "+31 6 1234 5678", "4111 1111 1111 1111")


def found(number: int, text: str, end: str = "declined", **more: Any) -> Unsettled:
    given = {"conversation": number, "at": float(number), "language": "en", **more}
    return Unsettled(number=number, text=text, end=end, **given)


def asked(*found: Unsettled) -> list[Asked]:
    return questions(found, redactor_of(Privacy(redact=())))


def listed(several: Sequence[Asked], **more: Any) -> list[Gap]:
    return gaps(wordings(several), frequency={}, passages=0, **more)


def question(text: str, at: float = 1.0, conversation: int = 1, *reasons: Reason) -> Asked:
    return Asked(text=text, language="en", conversation=conversation, at=at, reasons=reasons or ("declined",))


def test_personal_data_is_taken_out() -> None:
    """Of questions, comments and colleagues' words, whatever is configured for models."""
    secret = " ".join(SECRETS)
    around = {"case": "k1", "around": "before", "said": (f"Ask {secret}",)}
    (one,) = asked(found(1, f"Can {secret} rent?", disliked=1, comments=(f"No! {secret}",), **around))
    assert one.text == "Can [email] [phone] [card] rent?"
    assert one.reasons == ("declined", "disliked", "handed over")
    assert not [secret for secret in SECRETS if secret in repr(one)]


def test_the_question_is_the_one_that_stands_alone() -> None:
    """A follow-up means nothing without what was said before."""
    (one,) = asked(found(1, "and in red?", standalone="is the Drift sold in red?", intent="question"))
    assert one.text == "is the Drift sold in red?"
    assert len(asked(found(1, "x" * 1_000))[0].text) <= 400


def test_talk_is_no_gap() -> None:
    """Greetings, wishes for a person and empty messages are none, with or without what was kept of them."""
    assert asked(found(1, "Hello!"), found(2, "???"), found(3, "I want a human"), found(4, "?", standalone=" ")) == []
    assert asked(found(1, "Is it yours?", intent="greeting")) == []


def around(number: int, text: str, side: str, end: str = "stop", case: str = "k1") -> Unsettled:
    return found(number, text, end, case=case, around=side, said=("It is 9 days.",))


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ([(1, "Old?", "before"), (2, "New one?", "before"), (3, "a human", "opening")], 2),
        ([(1, "Hi!", "before"), (2, "my charger is broken, what now?", "opening"), (3, "Hello?", "after")], 2),
        ([(2, "I want a human", "opening"), (3, "hello", "after"), (4, "Is it red?", "after")], 4),
    ],
)
def test_a_case_is_about_one_question(told: list[tuple[int, str, str]], number: int) -> None:
    """The last before it was opened, else the one that opened it, else the first after; with what colleagues said."""
    (one,) = asked(*(around(*each) for each in told))
    assert (one.conversation, one.reasons, one.said) == (number, ("handed over",), ("It is 9 days.",))


def test_cases_are_apart() -> None:
    """Each has its own; a decline near a case that was about something else is a decline."""
    first = (around(1, "Is it red?", "before"), around(2, "a human", "opening"))
    second = (around(5, "Is it blue?", "before", "declined", "k2"), around(6, "Green?", "before", case="k2"))
    assert [one.reasons for one in asked(*first, *second)] == [("handed over",), ("declined",), ("handed over",)]


TEXTS = (
    "kayak rental",
    "rental price",
    "price iceland",
    "Iceland ship?",
    "ship kayak",
    "gift wrap",
    "wrap iceland",
    "?a",
)
ASKED = st.lists(
    st.builds(
        question,
        st.sampled_from(TEXTS),
        st.floats(0, 100),
        st.integers(1, 5),
        st.sampled_from(["declined", "disliked", "handed over", "unsure"]),
    ),
    max_size=30,
)


@given(ASKED, st.randoms())
@settings(max_examples=100, deadline=None)
def test_the_order_changes_nothing(several: list[Asked], random: Any) -> None:
    """The same questions in another order are the same gaps, ids and numbers too; each question counts once."""
    shuffled = list(several)
    random.shuffle(shuffled)
    one, other = listed(several), listed(shuffled)
    assert one == other
    assert sum(gap.questions for gap in one) == len(several)
    assert len({gap.id for gap in one}) == len(one)
    assert [gap.number for gap in one] == list(range(1, len(one) + 1))
    assert [gap.weight for gap in one] == sorted((gap.weight for gap in one), reverse=True)


def test_a_gap_counts() -> None:
    """Conversations weigh, not repetitions; reasons count questions; the most central question stands first."""
    several = [
        question("kayak rental", 5.0, 1),
        question("Kayak  Rental?", 7.0, 1, "disliked"),
        question("kayak rental price in august", 6.0, 2, "declined", "handed over"),
        question("gift wrap", 1.0, 3, "unsure"),
    ]
    kayak, wrap = listed(several)
    assert (kayak.questions, kayak.conversations, kayak.weight) == (3, 2, 2.0)
    assert (kayak.first, kayak.last) == (5.0, 7.0)
    assert kayak.reasons == {"declined": 2, "disliked": 1, "handed over": 1}
    assert kayak.question == "kayak rental"
    assert kayak.examples == ("kayak rental price in august",)
    assert (wrap.weight, wrap.number) == (0.5, 2)


def test_an_id_stays_when_more_is_asked() -> None:
    """New questions change a gap's number, and not by what it is called."""
    first = listed([question("kayak rental", 1.0)])[0].id
    more = [question("gift wrap", at, int(at)) for at in (2.0, 3.0)] + [question("rent kayak rental", 4.0)]
    assert {gap.number: gap.id == first for gap in listed([question("kayak rental", 1.0), *more])} == {
        1: False,
        2: True,
    }


@pytest.mark.parametrize(
    ("score", "reasons", "hint"),
    [
        (None, {"declined": 1}, "no article"),
        (0.49, {"disliked": 1}, "no article"),
        (0.5, {"declined": 2, "disliked": 1}, "article exists, declined"),
        (0.9, {"disliked": 2, "handed over": 1}, "answered, disliked"),
        (0.9, {"handed over": 1}, "answered, handed over"),
        (0.9, {"unsure": 1}, "hardly sure"),
    ],
)
def test_the_hint_says_what_may_be_wrong(score: float | None, reasons: dict[Reason, int], hint: str) -> None:
    """Nothing is known of it, or what is known did not help."""
    (gap,) = listed([question("kayak")])
    closest = None if score is None else Closest(title="Boats", location="boats.md", score=score)
    assert replace(gap, closest=closest, reasons=reasons).hint == hint


@pytest.mark.parametrize(
    ("state", "decided_at", "settled"),
    [
        ("approved", 9.0, True),
        ("approved", 4.0, False),
        ("dismissed", 9.0, True),
        ("draft", 0.0, False),
        ("rejected", 9.0, False),
    ],
)
def test_what_was_decided_settles_a_gap(state: Any, decided_at: float, settled: bool) -> None:
    """Until it is asked again; a draft settles nothing, and what was rejected is as if it had not been written."""
    made = Correction(
        question="KAYAK rental!", answer="No.", author="ana", written_at=1.0, number=3, state=state,
        decided_at=decided_at,
    )  # fmt: skip
    several = [question("kayak rental", 5.0), question("rent a kayak, rental", 4.0)]
    (gap,) = listed(several, corrections=[made])
    assert gap.settled is settled
    assert (gap.correction is None) is (state == "rejected")
