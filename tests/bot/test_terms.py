"""Terms: one analysis for indexing, searching and comparing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terms import STOP_WORDS, content_terms, terms


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("shipping", "Shipped", "en"),
        ("Envíos", "envio", "es"),
        ("Größen", "groesse", "de"),
        ("الإرجاع", "إرجاع", "ar"),
        ("E-1042", "e1042", "en"),
        ("ＶＩＰ", "vip", "en"),
        ("customer's", "customers", "en"),
        ("доставка", "доставки", "ru"),
    ],
)
def test_forms_of_one_word_meet(one: str, other: str, language: str) -> None:
    """Inflection, accents, case, width and marks inside do not part what is one word."""
    assert set(terms(one, language)) & set(terms(other, language))


def test_a_token_with_marks_gives_itself_and_its_parts() -> None:
    """An order number is found whole and by its digits."""
    assert terms("E-1042") == ["e1042", "e", "1042"]


def test_chinese_runs_become_pairs_and_lose_stop_words() -> None:
    """A word of two characters is found inside a longer run; grammar is no subject."""
    assert "退货" in terms("你们的退货政策")
    assert content_terms("你们的退货政策是什么", "zh") == ["退货", "货政", "政策"]


def test_words_that_contain_a_stop_word_stay_whole() -> None:
    """A stop word inside a kept word cuts nothing."""
    assert content_terms("有效期", "zh") == ["有效", "效期"]


def test_question_words_are_no_content() -> None:
    """What is asked about remains; how it is asked does not."""
    assert content_terms("How much does shipping to Norway cost?", "en") == terms("shipping norway cost", "en")


@given(st.text(), st.sampled_from(["", *STOP_WORDS, "xx", "ru", "tr"]))
def test_terms_are_clean_and_stable(text: str, language: str) -> None:
    """Every term is letters and digits (safe in a full-text query), not empty, and the same each time."""
    found = terms(text, language)
    assert found == terms(text, language)
    for term in found:
        assert term
        assert not set(term) & set(" \"'()*:^-.,\n\t")
