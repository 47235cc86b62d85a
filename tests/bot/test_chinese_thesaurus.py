"""Chinese words of everyday life, and Chinese written in traditional characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.answer.feature import BY_CLASS, BY_KIND
from bot.answer.lexicon import dense_spans, spans
from bot.answer.meaning import meaning
from bot.answer.question import understand
from bot.chinese import simplified
from bot.terms import content_runs, terms
from bot.thesaurus import groups, meant_by, spoken_in_chinese
from prompts.knowledge.analyze import asked, stored_terms
from prompts.knowledge.coverage import Covering
from prompts.knowledge.vocabulary import count

CHINESE = [group for group in groups() if "zh" in group.phrases]
HAN = st.text(alphabet="發票優惠過期電話號碼乾隆烘乾機退货时间的了吗 aＡ5元", max_size=20)


def test_every_chinese_line_says_something() -> None:
    """No phrase is made of stop words alone, which no question would be about, and none stands twice in a line."""
    assert CHINESE
    for group in CHINESE:
        listed = [*group.phrases["zh"], *group.wider.get("zh", ())]
        assert len(set(listed)) == len(listed) > 1, group.name
        assert all(content_runs(phrase) for phrase in listed), group.name


@pytest.mark.parametrize(("said", "written"), [("换手机号", "变更预留手机"), ("啥价", "费用"), ("不见了", "遗失")])
def test_spoken_words_meet_written_ones(said: str, written: str) -> None:
    """In answers for less than a synonym, and in search."""
    found = understand(said, "zh", {"zh"}, []).features
    assert 0.5 < max(feature.match(meaning(written, "zh")) for feature in found) <= BY_CLASS
    vocabulary = count([stored_terms(written, "zh").split(), ["其他"]], ["zh"])
    assert Covering(asked(said, "zh", vocabulary)).of(frozenset(stored_terms(written, "zh").split())) > 0.5


def test_a_kind_is_found_by_the_word_for_all_of_them_only() -> None:
    """Who lost an umbrella finds belongings; an umbrella is no wallet."""
    ways = spoken_in_chinese("雨伞", {"zh"})
    assert frozenset({"物品"}) in ways
    assert frozenset({"钱包"}) not in ways
    (umbrella,) = understand("雨伞", "zh", {"zh"}, []).features
    assert umbrella.match(meaning("物品", "zh")) == BY_KIND
    assert umbrella.match(meaning("钱包", "zh")) == 0.0


def test_english_words_of_a_line_let_languages_meet_and_do_nothing_to_english() -> None:
    """ "Roaming" finds 国外用; English phrases are found as the English list has them."""
    assert frozenset(terms("roaming", "en")) in meant_by("国外用")
    (roaming,) = understand("roaming", "en", {"en", "zh"}, []).features
    assert roaming.match(meaning("国外用", "zh")) > 0.5
    assert not any("zh" in name for _, _, entry in spans(terms("roaming", "en"), "en") for name in entry.classes)


@pytest.mark.parametrize(("text", "phrase"), [("实现金额", "现金"), ("平邮", "邮"), ("输出国产", "出国")])
def test_no_word_is_cut_for_a_phrase(text: str, phrase: str) -> None:
    """A phrase of two characters is found where words end, and none is found beyond the end of the text."""
    assert [text[begin:end] for begin, end, entry in dense_spans(text) if entry.everyday].count(phrase) == 0
    assert all(end <= len(text) for _, end, _ in dense_spans(text, shortest=1))


@settings(deadline=None)
@given(st.text(max_size=30) | HAN)
def test_simple_characters_take_as_much_room(text: str) -> None:
    """Places in the one text are places in the other; what is simple already stays."""
    simple = simplified(text)
    assert len(simple) == len(text)
    assert simplified(simple) == simple


@pytest.mark.parametrize(
    ("traditional", "simple"),
    [("優惠券過期了怎麼辦", "优惠券过期了怎么办"), ("烘乾機", "烘干机"), ("乾隆", "乾隆"), ("誰ですか", "誰ですか")],
)
def test_traditional_characters_are_read_as_simple_ones(traditional: str, simple: str) -> None:
    """Word by word, as one of them may stand for itself; Japanese stays."""
    assert simplified(traditional) == simple


def test_both_ways_of_writing_find_each_other() -> None:
    """In answers and in search, whichever of the two the passage is written in."""
    one, other = meaning("優惠券有效期為30天", "zh"), meaning("优惠券有效期为30天", "zh")
    assert one == other
    assert stored_terms("優惠券過期", "zh") == stored_terms("优惠券过期", "zh")
    vocabulary = count([stored_terms("优惠券过期", "zh").split()], ["zh"])
    assert asked("優惠券過期", "zh", vocabulary) == asked("优惠券过期", "zh", vocabulary)
