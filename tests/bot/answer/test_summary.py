"""Summaries without a model: sentences of the text, the ones that it is about, in its order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answer import summary as module
from bot.answer.summary import summary

ENGLISH = """# Minutes

The harbour bridge will be closed for repairs from 3 March until 28 April. Good morning, everybody.
During the repairs of the bridge, buses take the tunnel instead of the harbour bridge.
Somebody brought biscuits. The tunnel stays open for buses and cyclists while the bridge is closed.

Repairs of the bridge cost 4.2 million euros, which the city pays from its budget for repairs.
The weather was fine. Lunch is at noon.

| item | price |
|---|---|
| tea | 3 |
"""
CHINESE = """海港大桥将于三月三日至四月二十八日封闭维修。大家早上好。维修期间公交车改走隧道,不经过海港大桥。
有人带了饼干。大桥封闭期间隧道对公交车开放。大桥维修费用为四百二十万元,由市政府承担。天气很好。"""
THREAD = """Ana: The printer on the third floor is broken again.
Ben: Which printer do you mean, the printer near the kitchen?
Ana: Yes, the printer near the kitchen on the third floor. It shows error 50.4.
Cleo: Good morning!
Ben: Error 50.4 is the power supply of the printer. I order a new power supply today.
https://printers.example/50.4
Cleo: Thanks
Ana: Until the new power supply comes, everybody uses the printer on the second floor.
"""


def lines(text: str) -> list[str]:
    return [line.removeprefix("- ") for line in text.splitlines()]


def test_what_a_text_is_about_is_kept_and_the_rest_is_not() -> None:
    """Sentences that many others speak of; greetings, headings and tables are nobody's summary."""
    kept = lines(summary(ENGLISH, "en"))
    assert 3 <= len(kept) <= 5
    assert kept[0] == "The harbour bridge will be closed for repairs from 3 March until 28 April."
    assert not any(word in " ".join(kept) for word in ("biscuits", "weather", "morning", "| tea", "Minutes"))


def test_the_order_is_the_texts_own() -> None:
    """A summary reads like what it is of."""
    kept = lines(summary(ENGLISH, "en"))
    places = [" ".join(ENGLISH.split()).index(line) for line in kept]
    assert places == sorted(places)


def test_languages_without_spaces_are_summarised() -> None:
    """Chinese sentences end without a space and share pairs of characters."""
    kept = lines(summary(CHINESE, "zh"))
    assert 3 <= len(kept) <= 5
    assert all("桥" in line or "维修" in line for line in kept)


def test_who_said_what_stays_said() -> None:
    """The names of a thread are kept; what one person said at once stands together, once."""
    kept = lines(summary(THREAD, "en", speakers=True))
    assert 3 <= len(kept) <= 5
    assert all(line.startswith(("Ana: ", "Ben: ")) for line in kept)
    assert not any("morning" in line or "Thanks" in line for line in kept)
    assert any("power supply" in line for line in kept)


def test_chinese_names_are_kept() -> None:
    """A full-width colon needs no space after it."""
    kept = lines(summary("小李：打印机又坏了,三楼的打印机。\n小王：我今天订打印机的电源。", "zh", speakers=True))
    assert [line.partition(": ")[0] for line in kept] == ["小李", "小王"]


def test_the_same_is_not_said_twice() -> None:
    """A sentence that repeats another adds nothing."""
    text = "The shop opens at nine on Monday. " * 6 + "The shop closes at five on Friday."
    assert lines(summary(text, "en")) == ["The shop opens at nine on Monday.", "The shop closes at five on Friday."]


def test_an_answer_does_not_repeat_its_question() -> None:
    """It has the question's words in it, and yet it is what the question was for."""
    asked = "Ana: How long do I have to return a kettle after delivery?"
    talk = f"{asked}\nBen: You may return a kettle within 30 days of delivery."
    assert len(lines(summary(talk, "en", speakers=True))) == 2


def test_a_short_text_is_its_own_summary() -> None:
    """There is nothing to leave out of two sentences, and nothing to say of none."""
    text = "The kettle boils water quickly. The lid of the kettle is made of steel."
    assert lines(summary(text, "en")) == ["The kettle boils water quickly.", "The lid of the kettle is made of steel."]
    assert summary("", "en") == summary(" \n\n", "en") == ""
    assert summary("Thanks!", "en") == "- Thanks!"


def test_a_table_alone_is_told_by_its_rows() -> None:
    """A CSV file has no sentences."""
    assert "tea" in summary("| item | price |\n|---|---|\n| tea | 3 |\n", "en")


def test_marks_that_would_do_something_are_gone() -> None:
    """Images, HTML and citations of others are not passed on."""
    kept = summary('The ![x](https://evil.example/p.png) offer <b onclick="a()">ends</b> on Friday evening [3].', "en")
    assert "evil" not in kept
    assert "<b" not in kept
    assert "[3]" not in kept


def test_a_sentence_without_an_end_is_cut() -> None:
    """Nobody wants a summary of 4,000 characters."""
    assert len(summary("word and other things " * 200, "en")) < 420


@pytest.mark.parametrize("speakers", [False, True])
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from(list("ab c.。!\n:：-|#`*[]()<>桥修مد؟")), max_size=400))
def test_nothing_is_made_up(text: str, speakers: bool) -> None:
    """Whatever the text: at most five lines, of characters that are in it, and the same each time."""
    kept = summary(text, "en", speakers=speakers)
    assert len(kept.splitlines()) <= 5
    assert set(kept) <= {*text, *"- :…()\n"}
    assert kept == summary(text, "en", speakers=speakers)


def test_only_so_many_sentences_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What grows with the square of the sentences is bounded, however long the text."""
    compared = 0
    real = module._alike

    def counted(one: frozenset[str], other: frozenset[str]) -> float:
        nonlocal compared
        compared += 1
        return real(one, other)

    monkeypatch.setattr(module, "_alike", counted)
    told = (
        f"The item {number % 97} of order {number} was sent to city {number % 13} by rail." for number in range(1_500)
    )
    assert summary(" ".join(told), "en")
    assert 0 < compared <= 200 * 199 / 2
