"""What of a question is searched for, and how passages are scored: the store's own BM25, whatever was left out."""

from __future__ import annotations

import pytest

from bot.events import Passage
from prompts.knowledge.analyze import Asked
from prompts.knowledge.candidates import full_text_query, scored
from prompts.knowledge.vocabulary import Vocabulary, count
from storage.base import Document, StoredPassage
from storage.sqlite import SqliteStore

COMMON = Vocabulary(passages=100, frequency={"a": 60, "b": 50, "c": 9, "d": 2, "e": 0})


def one(*ways: str, related: tuple[str, ...] = ()) -> Asked:
    return Asked(
        ways=tuple(frozenset(way.split()) for way in ways), related=tuple(map(frozenset, (related,) * bool(related)))
    )


def stored(body: str, title: str = "", heading: str = "") -> StoredPassage:
    passage = Passage(text=body, title=title, location="", score=0.0, language="en")
    return StoredPassage(passage=passage, title_terms=title, heading_terms=heading, body_terms=body)


def test_common_words_are_left_out_while_there_are_rarer_ones() -> None:
    """The rarest words first, as many as the search may go through; in the question's order."""
    words = [one("a"), one("c"), one("d"), one("b")]
    assert full_text_query(words, COMMON, most=1_000) == '"a" OR "c" OR "d" OR "b"'
    assert full_text_query(words, COMMON, most=65) == '"c" OR "d" OR "b"'
    assert full_text_query(words, COMMON, most=20) == '"c" OR "d"'


def test_common_words_alone_are_looked_for_above_passages() -> None:
    """Where even the rarest word is too common, titles and headings say enough."""
    query = full_text_query([one("a"), one("b")], COMMON, most=20)
    assert query == '{title_terms heading_terms} : ("b" OR "a")'


def test_a_way_of_several_terms_needs_them_all() -> None:
    """So it costs no more than its rarest term."""
    assert full_text_query([one("e", "a d")], COMMON, most=20) == '"e" OR ("a" AND "d")'


def test_a_character_costs_what_it_is_part_of() -> None:
    """A character of a script without spaces stands for all terms that begin with it."""
    vocabulary = count([["寄到", "到了"], ["寄出"], ["退货"]], ["zh"])
    assert full_text_query([one("寄*"), one("退货")], vocabulary, most=2) == '"退货"'
    assert full_text_query([one("寄*"), one("退货")], vocabulary, most=3) == '"寄" * OR "退货"'


async def test_scores_are_those_of_the_store(store: SqliteStore) -> None:
    """The formula is that of FTS5 to the last digits, with weights of title, heading and body, and prefixes."""
    passages = [
        stored("desk lamp desk chair", "lamp", "desk chair"),
        stored("lamp light"),
        stored("寄到 到了 desk", heading="lamp"),
        stored("寄出 sofa bed"),
        *(stored(f"other words {number}") for number in range(9)),
    ]
    document = Document(location="a", title="", language="en", digest="1", passages=len(passages), added_at=0.0)
    await store.put_document(document, passages)
    vocabulary = count((f"{one.title_terms} {one.heading_terms} {one.body_terms}".split() for one in passages), ["en"])
    words = [one("desk"), one("lamp", related=("sofa",)), one("寄*")]
    found = await store.match(full_text_query(words, vocabulary), limit=20)
    assert len(found) == 4
    again = scored(words, found, vocabulary)
    assert [item.passage.score for item in again] == pytest.approx([item.passage.score for item in found], rel=1e-9)
