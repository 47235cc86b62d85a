"""Memory over a real store: the window, the summary beyond it, facts, and updates that may die or repeat."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Memory as MemoryConfig
from bot.events import Address, Message, Reply, Turn
from prompts.memory import WINDOW_TURNS, Memory, newest
from prompts.summary import extract, transcript
from prompts.tokens import estimate_tokens
from storage.base import Recollection
from storage.sqlite import SqliteStore

HERE = Address(channel="web", conversation="ann:main")
SMALL = MemoryConfig(window_tokens=100, summary_tokens=80, facts=5)
_numbers = itertools.count(1)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path, synchronous="NORMAL")
    await store.open()
    yield store
    await store.close()


async def exchange(store: SqliteStore, question: str, answer: str, address: Address = HERE) -> None:
    """One exchange, as a turn commits it."""
    number = next(_numbers)
    message = Message(id=f"message-{number}", address=address, sender="ann", text=question, sent_at=number)
    await store.accept(message)
    lease = await store.lease(message, 60)
    assert lease is not None
    reply = Reply(message_id=message.id, attempt=lease.attempt, address=address, text=answer, seq=1, final=True)
    await store.complete(lease, reply, turns(question, answer))


def turns(*texts: str) -> list[Turn]:
    """Turns that alternate, the visitor's first."""
    return [
        Turn(role="assistant" if index % 2 else "user", text=text, language="en", at=index)
        for index, text in enumerate(texts)
    ]


async def test_a_short_conversation_is_remembered_whole(store: SqliteStore) -> None:
    """Within the window there is no summary; facts and the language are kept."""
    memory = Memory(store, SMALL)
    assert (await memory.recall(HERE)).turns == ()
    await exchange(store, "Hi, my name is Ann.", "Hello Ann!")
    await memory.update(HERE, "en")
    remembered = await memory.recall(HERE)
    assert [turn.text for turn in remembered.turns] == ["Hi, my name is Ann.", "Hello Ann!"]
    assert (remembered.summary, remembered.facts, remembered.language) == ("", ("name: Ann",), "en")
    elsewhere = await memory.recall(Address(channel="web", conversation="bob:main"))
    assert (elsewhere.turns, elsewhere.facts) == ((), ())


async def test_what_leaves_the_window_is_summarised_once(store: SqliteStore) -> None:
    """The window keeps within its tokens and begins with a question; older exchanges become lines of the summary."""
    memory = Memory(store, SMALL)
    for number in range(12):
        await exchange(
            store, f"How much is lamp number {number}?", f"Lamp number {number} costs {number}0 euros. It is nice."
        )
        await memory.update(HERE, "en")
        remembered = await memory.recall(HERE)
        assert sum(estimate_tokens(turn.text) + 4 for turn in remembered.turns) <= SMALL.window_tokens
        assert remembered.turns[0].role == "user"
        assert estimate_tokens(remembered.summary) <= SMALL.summary_tokens
        summarised = [line for line in remembered.summary.splitlines() if f"number {number}?" in line]
        assert not summarised, "what is in the window is not in the summary"
    assert "How much is lamp number 6?" in remembered.summary
    assert "Lamp number 8 costs 80 euros" in remembered.summary


async def test_an_update_may_repeat_or_be_missed(store: SqliteStore) -> None:
    """A second update changes nothing; one that never ran is made up for by the next."""
    often, rare = Memory(store, SMALL), Memory(store, SMALL)
    other = Address(channel="web", conversation="bob:main")
    for number in range(9):
        text = f"My order number is 10{number}. Has it left the house yet?"
        await exchange(store, text, "It has left our house this morning and is on its way to you.")
        await exchange(store, text, "It has left our house this morning and is on its way to you.", other)
        await often.update(HERE, "en")
        await often.update(HERE, "en")
    await rare.update(other, "en")
    assert (await store.recall(HERE)).facts == (await store.recall(other)).facts
    assert (await store.recall(HERE)).summarised > 0
    one, two = await often.recall(HERE), await rare.recall(other)
    assert [turn.text for turn in one.turns] == [turn.text for turn in two.turns]
    assert one.summary.splitlines()[-1] == two.summary.splitlines()[-1]


async def test_a_model_writes_the_summary(store: SqliteStore) -> None:
    """It gets the summary so far and the turns after it, each turn once; what it writes is kept within its tokens."""
    asked: list[tuple[str, str]] = []

    async def summarise(text: str, language: str) -> str:
        asked.append((text, language))
        return f" Summary {len(asked)}. " + "It goes on and on. " * 100

    memory = Memory(store, SMALL, summarise=summarise)
    for number in range(8):
        await exchange(
            store, f"Question {number} is quite a long one, is it?", f"Answer {number} is quite long as well."
        )
        await memory.update(HERE, "de")
    summary = (await memory.recall(HERE)).summary
    assert summary.startswith(f"Summary {len(asked)}.")
    assert estimate_tokens(summary) <= SMALL.summary_tokens
    everything = "\n".join(text for text, _ in asked)
    assert everything.count("Question 0 ") == everything.count("Answer 0 ") == 1
    assert "Summary so far:\nSummary 1." in asked[1][0]
    assert {language for _, language in asked} == {"de"}


@pytest.mark.parametrize("fault", [RuntimeError("no model"), TimeoutError(), ""])
async def test_without_the_model_key_sentences_are_kept(store: SqliteStore, fault: Exception | str) -> None:
    """A model that fails or says nothing costs the conversation nothing."""

    async def summarise(text: str, language: str) -> str:
        if isinstance(fault, Exception):
            raise fault
        return fault

    memory = Memory(store, SMALL, summarise=summarise)
    for number in range(8):
        await exchange(
            store, f"Question {number} is quite a long one, is it?", f"Answer {number} is quite long as well."
        )
        await memory.update(HERE, "en")
    assert "- Question 3 is quite a long one, is it?" in (await memory.recall(HERE)).summary


async def test_nothing_is_kept_where_nothing_is_wanted(store: SqliteStore) -> None:
    """No summary and no facts when they are switched off; the window still moves on."""
    memory = Memory(store, MemoryConfig(window_tokens=100, summary_tokens=0, facts=0))
    for number in range(8):
        await exchange(
            store, f"My order number is 10{number}. Where is it today?", "On its way to you, as far as I know."
        )
        await memory.update(HERE, "en")
    remembered = await memory.recall(HERE)
    assert (remembered.summary, remembered.facts) == ("", ())
    assert remembered.turns
    assert (await store.recall(HERE)).summarised > 0


async def test_a_wide_window_loses_nothing(store: SqliteStore) -> None:
    """Where tokens would allow more turns than a window has, the oldest ones are summarised too."""
    memory = Memory(store, MemoryConfig(window_tokens=100_000, summary_tokens=100_000))
    for number in range(WINDOW_TURNS // 2 + 3):
        await exchange(store, f"Question {number}?", f"Answer {number}.")
    await memory.update(HERE, "en")
    remembered = await memory.recall(HERE)
    assert len(remembered.turns) == WINDOW_TURNS
    assert remembered.summary == "\n".join(f"- Question {n}? → Answer {n}." for n in range(3))


async def test_a_conversation_that_was_erased_in_between_is_no_fault(store: SqliteStore) -> None:
    """An update of nothing writes nothing."""
    await Memory(store, SMALL).update(HERE, "")
    assert await store.recall(HERE) == Recollection()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.integers(1, 60))), st.integers(0, 120))
def test_the_window_is_the_newest_whole_turns(said: list[tuple[str, int]], tokens: int) -> None:
    """A suffix of the turns, within the tokens, that begins with the visitor, and as long as that allows."""
    all_turns = [Turn(role=role, text="x" * size, language="", at=0) for role, size in said]  # type: ignore[arg-type]
    window = newest(all_turns, tokens, lambda turn: len(turn.text))
    assert list(window) == all_turns[len(all_turns) - len(window) :]
    assert sum(len(turn.text) for turn in window) <= tokens
    assert not window or window[0].role == "user"
    for longer in range(len(window) + 1, len(all_turns) + 1):
        candidate = all_turns[len(all_turns) - longer :]
        assert candidate[0].role != "user" or sum(len(turn.text) for turn in candidate) > tokens


def test_key_sentences() -> None:
    """Of a question the sentence that asks, of an answer the one that answers; the oldest answers go first."""
    said = turns(
        "Good morning. I bought a lamp. How long does a refund take?",
        "Happy to help. A refund takes 14 days after we have your parcel [2]. Anything else?",
        "退款要多久？谢谢。",
        "您好。退款需要 14 天。还有别的问题吗？",
    )
    whole = extract("", said, 300, estimate_tokens)
    assert whole.splitlines() == [
        "- How long does a refund take? → A refund takes 14 days after we have your parcel.",
        "- 退款要多久？ → 退款需要 14 天。",
    ]
    assert extract("", said, 35, estimate_tokens) == "- How long does a refund take?\n- 退款要多久？ → 退款需要 14 天。"
    assert extract("", said, 25, estimate_tokens) == "- How long does a refund take?\n- 退款要多久？"
    assert extract("", said, 12, estimate_tokens) == "- 退款要多久？"
    assert extract("", said, 2, estimate_tokens) == ""
    assert extract("- old → older", [], 300, estimate_tokens) == "- old → older"


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6), st.text(max_size=100), st.integers(0, 60))
def test_an_extract_keeps_its_tokens(texts: list[str], before: str, tokens: int) -> None:
    """Whatever was said, the summary stays within its budget."""
    assert estimate_tokens(extract(before, turns(*texts), tokens, estimate_tokens)) <= tokens


def test_the_transcript_speaks_the_language() -> None:
    """What a model summarises is labelled in Chinese for Chinese, else in English."""
    assert transcript("", turns("a", "b"), "en") == "Visitor: a\nAssistant: b"
    assert transcript("以前", turns("a"), "zh").startswith("到目前为止的摘要：\n以前\n\n其后的对话：\n访客： a")
