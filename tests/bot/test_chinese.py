"""Chinese by a dictionary: its words, their sounds and their meanings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chinese import words
from bot.glosses import glosses, glosses_of
from bot.homophones import Written, corrected

HAN = st.text(alphabet="退货政策运费电池充电保修发票会员订单送达时间抽吸烟的了吗", min_size=1, max_size=20)


def written(*texts: str) -> Written:
    pairs = {text[at : at + 2] for text in texts for at in range(len(text) - 1)}
    return Written(pairs, lambda: set("".join(texts)))


@settings(deadline=None)
@given(st.text(max_size=40) | HAN)
def test_words_are_all_of_a_text_in_order(text: str) -> None:
    """Nothing is lost or moved by taking a text apart, but for white space."""
    assert "".join("".join(word.text for word in words(text)).split()) == "".join(text.split())


def test_words_end_where_the_dictionary_says() -> None:
    """净水器 is one word, and so is what stands around it."""
    assert [word.text for word in words("净水器的发票")] == ["净水器", "的", "发票"]


def test_words_of_one_meaning_share_it() -> None:
    """抽烟 and 吸烟 are both "to smoke"; a bath towel is no invoice."""
    smoking, also = words("抽烟")[0], words("吸烟")[0]
    assert glosses(smoking) & glosses(also)
    assert not glosses_of("浴巾") & glosses_of("发票")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fa票怎么开", "发票怎么开"),
        ("普通发漂", "普通发票"),
        ("律芯多久换", "滤芯多久换"),
        ("空器净化", "空气净化"),
        ("什么时后发货", "什么时候发货"),
    ],
)
def test_slips_of_an_input_method_are_put_right(typed: str, meant: str) -> None:
    """What sounds the same as what the texts hold, and is no word, was meant as that."""
    assert corrected(typed, written("普通发票怎么开", "滤芯多久换", "空气净化器", "什么时候发货")) == meant


@settings(deadline=None)
@given(HAN)
def test_what_is_written_stays(text: str) -> None:
    """A text that the texts hold is changed by nothing."""
    assert corrected(text, written(text)) == text


@pytest.mark.parametrize("text", ["能办婚礼吗", "有健身房吗", "W500 多少钱一支", "I can pay", "wifi密码"])
def test_words_of_the_dictionary_and_of_other_languages_stay(text: str) -> None:
    """What nobody wrote is mostly about something else."""
    assert corrected(text, written("滤芯多少前一天", "分里", "密码")) == text
