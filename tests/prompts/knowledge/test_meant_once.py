"""What a question says in several words counts once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompts.knowledge.analyze import Asked
from prompts.knowledge.meant_once import WITHIN, together, within_phrases

WAY = st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=2)
WAYS = st.lists(WAY, min_size=1, max_size=3).map(tuple)
WORDS = st.lists(st.builds(Asked, ways=WAYS, related=WAYS, near=WAYS), max_size=5)


def test_a_word_within_a_phrase_means_nothing_else_by_itself() -> None:
    """ "Never turned up" says nothing of turning."""
    turn = Asked(ways=(frozenset({"turn"}),), related=(frozenset({"age"}),))
    phrase = Asked(ways=(frozenset({"never", "turn", "up"}),), related=(frozenset({"missing"}),))
    inside, whole = within_phrases([turn, phrase], [frozenset({"never", "turn", "up"})])
    assert (inside.related, inside.counts) == ((), WITHIN)
    assert whole == phrase


@given(WORDS)
def test_without_phrases_words_stay(words: list[Asked]) -> None:
    """Nothing is taken from them."""
    assert within_phrases(words, []) == words


@given(WORDS)
def test_words_that_say_the_same_are_found_by_the_ways_of_all(words: list[Asked]) -> None:
    """No way is lost, and no word is added."""
    found = together(words)
    assert len(found) <= len(words)
    for name in ("ways", "near", "related"):
        assert {way for word in found for way in getattr(word, name)} == {
            way for word in words for way in getattr(word, name)
        }


def test_two_words_of_one_meaning_are_one() -> None:
    """ "How long does it take" says twice what a word of it says; another thing stays another."""
    related = (frozenset({"duration"}), frozenset({"wait"}))
    long, take = (Asked(ways=(frozenset({word}),), related=related) for word in ("long", "take"))
    other = Asked(ways=(frozenset({"refund"}),), related=(frozenset({"money"}),))
    assert [word.ways for word in together([long, other, take])] == [
        (frozenset({"long"}), frozenset({"take"})),
        (frozenset({"refund"}),),
    ]
