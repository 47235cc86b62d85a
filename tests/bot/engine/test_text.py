"""Words, stop strings and thoughts in a text that arrives in pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.stops import StopWatch
from bot.engine.thoughts import ThoughtFilter
from bot.engine.words import count_pieces, estimate_tokens, pieces

_TEXT = st.text(st.sampled_from("ab <>/thinkSTOP\n"), max_size=60)
_PARTS = st.lists(_TEXT, max_size=8)


@given(st.text())
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    """Nothing is lost or changed by cutting, and the count is that of the pieces."""
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert count_pieces(text) == len(cut)
    assert all(cut)


def test_words_keep_their_space_and_chinese_characters_stand_alone() -> None:
    """The way a model streams."""
    assert list(pieces("two words, 你好 end ")) == ["two", " words,", " 你", "好", " end", " "]


def test_the_estimate_is_near_known_counts_and_never_far_below() -> None:
    """About four ASCII characters and one Chinese character a token, on the high side; nothing is nothing."""
    assert estimate_tokens("") == 0
    assert 10 <= estimate_tokens("The quick brown fox jumps over the lazy dog.") <= 14  # 10 in cl100k
    assert 10 <= estimate_tokens("退货需要多长时间才能到账") <= 14


@given(_PARTS, st.lists(st.text(st.sampled_from("abSTOP \n"), min_size=1, max_size=4), max_size=3))
def test_stop_strings_cut_where_they_would_in_the_whole_text(parts: list[str], stops: list[str]) -> None:
    """However the text is cut, what is shown ends before the first stop string, and is all of it without one."""
    text = "".join(parts)
    ends = [text.find(stop) for stop in stops if stop in text]
    watch = StopWatch(stops)
    shown = "".join(watch.feed(part) for part in parts) + watch.flush()
    assert shown.startswith(text[: min(ends)]) if ends else shown == text
    assert watch.stopped == bool(ends)
    if ends:
        assert not any(stop in shown for stop in stops)


@given(st.lists(st.text(st.sampled_from("ab"), min_size=1), min_size=1))
def test_text_that_cannot_become_a_stop_string_is_not_held_back(parts: list[str]) -> None:
    """Watching costs no delay where there is nothing to watch for."""
    watch = StopWatch(["STOP"])
    assert [watch.feed(part) for part in parts] == parts


@given(_TEXT, st.text(st.sampled_from("ab <"), max_size=20), st.lists(st.integers(0, 80), max_size=6))
def test_thoughts_are_left_out_however_they_are_cut(thoughts: str, answer: str, cuts: list[int]) -> None:
    """Only the answer is shown, without the blank lines after the thoughts."""
    thoughts = thoughts.replace("</think>", "")
    text = f"\n<think>{thoughts}</think>\n\n{answer}"
    places = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    filtered = ThoughtFilter()
    parts = [text[start:end] for start, end in pairwise(places)]
    assert "".join(filtered.feed(part) for part in parts) + filtered.flush() == answer.lstrip()


@given(_PARTS)
def test_a_text_without_thoughts_stays_as_it_is(parts: list[str]) -> None:
    """Tags further on belong to the answer."""
    parts = ["It is ", *parts]
    filtered = ThoughtFilter()
    assert "".join(map(filtered.feed, parts)) + filtered.flush() == "".join(parts)


def test_thoughts_without_an_end_are_not_shown() -> None:
    """A model that ran out of tokens while thinking has said nothing."""
    filtered = ThoughtFilter()
    assert filtered.feed("<think>The visitor is") + filtered.flush() == ""
