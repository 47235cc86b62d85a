"""Facts are what visitors plainly state about themselves, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.events import Turn
from prompts.facts import gather


def said(*texts: str) -> list[Turn]:
    return [Turn(role="user", text=text, language="en", at=0) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, my name is Ann Lee and I need help.", ["name: Ann Lee"]),
        ("my name is ann", ["name: ann"]),
        ("Hello, my name is Ana de la Cruz, can you help me?", ["name: Ana de la Cruz"]),
        ("My name's O'Brien.", ["name: O'Brien"]),
        ("Please call me Bob.", ["name: Bob"]),
        ("I live in New York, is shipping free?", ["lives in: New York"]),
        ("we live in the Netherlands", ["lives in: the Netherlands"]),
        ("I'm from Graz.", ["comes from: Graz"]),
        ("My order number is A-1234.", ["order number: A-1234"]),
        ("Where is my order #98765?", ["order number: 98765"]),
        ("order no. 4711/22 has not arrived", ["order number: 4711/22"]),
        ("My customer number: K123", ["customer number: K123"]),
        ("I prefer matte black.", ["prefers: matte black"]),
        ("你好，我叫王小明，我住在上海。", ["name: 王小明", "lives in: 上海"]),
        ("我叫小明我想退货", ["name: 小明"]),
        ("我的名字是李雷。", ["name: 李雷"]),
        ("我的订单号是AB12345，什么时候发货？", ["order number: AB12345"]),
        ("订单号：20260131", ["order number: 20260131"]),
        ("我比较喜欢黑色", ["prefers: 黑色"]),
        ("Ich heiße Jörg Müller und wohne hier.", ["name: Jörg Müller"]),
        ("Mein Name ist Anna, ich wohne in Wien.", ["name: Anna", "lives in: Wien"]),
        ("Meine Bestellnummer lautet 2026-117", ["order number: 2026-117"]),
        ("Me llamo José y vivo en Madrid.", ["name: José", "lives in: Madrid"]),
        ("Mi número de pedido es 55-901", ["order number: 55-901"]),
    ],
)
def test_stated_facts_are_taken(text: str, expected: list[str]) -> None:
    """Names, places, numbers and preferences, in four languages, however the sentence goes on."""
    assert list(gather((), said(text), limit=20)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "What is my name?",
        "Is my name Ann?",
        "My name is Ann?",
        "My name is not Ann.",
        "my name isn't Ann",
        "My name is wrong on the invoice.",
        "my name is on the parcel",
        "If my name is Ann, do I get a card?",
        'She wrote "my name is Ann".',
        "He said my name is Ann.",
        "> My name is Ann",
        "Do you know whether I live in Graz?",
        "I do not live in Graz.",
        "I live in a small flat",
        "I used to live in Berlin.",
        "I want to order 100 lamps.",
        "What is my order number?",
        "my order number is not 12345",
        "I prefer not to say.",
        "call me tomorrow",
        "Can you call me back?",
        "我叫什么？",
        "我叫了外卖",
        "我不叫小明",
        "我叫你一声可以吗",
        "如果我住在上海，运费多少？",
        "你知道我叫小明吗？",
        "Wie ist meine Bestellnummer?",
        "Ich wohne nicht in Wien.",
        "Wenn ich in Wien wohne, was dann?",
        "No vivo en Madrid.",
        "The order arrived in 3 days.",
    ],
)
def test_questions_denials_and_suppositions_are_no_facts(text: str) -> None:
    """What is asked, denied, supposed, quoted or about something else is not kept."""
    assert gather((), said(text), limit=20) == ()


def test_only_the_visitor_tells_facts() -> None:
    """What the assistant says is not about the visitor."""
    assert gather((), [Turn(role="assistant", text="My name is Ann.", language="en", at=0)], limit=5) == ()


def test_newer_facts_replace_older_ones_and_denials_remove_them() -> None:
    """One name, three numbers; a denial removes exactly what it denies; the newest are last."""
    told = said("My name is Ann.", "My order number is A10.", "My name is Bob.", "I live in Graz.")
    assert gather((), told, limit=20) == ("order number: A10", "name: Bob", "lives in: Graz")
    more = said("I no longer live in Graz.", *(f"order number {n}00" for n in range(1, 5)))
    facts = gather(gather((), told, limit=20), more, limit=20)
    assert facts == ("name: Bob", "order number: 200", "order number: 300", "order number: 400")
    assert gather(facts, [], limit=2) == ("order number: 300", "order number: 400")
    assert gather(facts, [], limit=0) == ()


TELLING = st.sampled_from(
    [
        *("My name is Ann.", "My name is Bob.", "My name is not Bob.", "I live in Graz.", "I no longer live in Graz."),
        *("order number 100", "order number 200", "order number 300", "order number 400", "I prefer tea.", "Hello?"),
    ]
)


@settings(deadline=None)
@given(st.lists(TELLING, max_size=6), st.lists(TELLING, max_size=12), st.integers(0, 6))
def test_gathering_again_changes_nothing(before: list[str], texts: list[str], limit: int) -> None:
    """So an update that died after it was written may run again."""
    first = gather(gather((), said(*before), limit=limit), said(*texts), limit=limit)
    assert gather(first, said(*texts), limit=limit) == first
    assert len(first) <= limit


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever is written, facts are single short lines."""
    for fact in gather((), said(f"My name is {text}", f"我叫{text}", f"I prefer {text}"), limit=9):
        assert "\n" not in fact
        assert len(fact) <= 120
