"""A follow-up is completed from the conversation; a complete question and a new topic come back unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.events import Turn
from prompts.followup import standalone, subject


def talk(*texts: str, language: str = "en") -> list[Turn]:
    """Turns that alternate, the visitor's first."""
    return [
        Turn(role="assistant" if index % 2 else "user", text=text, language=language, at=index)
        for index, text in enumerate(texts)
    ]


SHIPPING = talk("How long does standard shipping take?", "Standard shipping takes 3 days.")
GERMANY = talk("What does a standard parcel to Germany cost?", "It costs 7.95 euros.")
LAMP = talk("Do you sell the Aurora lamp?", "Yes, the Aurora lamp is in stock.")
RETURNS = talk("Can I return a lamp that I ordered online?", "Yes, within 30 days.")
MEMBERSHIP = talk("What is the monthly fee for the gym membership?", "It is 39 euros a month.")
ERROR = talk("My washing machine shows error E18, what should I do?", "Clean the filter of the pump.")
DOGS = talk("Are dogs allowed in the hotel rooms?", "Yes, for 15 euros a night.")


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        (GERMANY, "and to Poland?", "What does a standard parcel to Poland cost?"),
        (GERMANY, "what about Poland?", "What does a standard parcel to Poland cost?"),
        (GERMANY, "And to the United States?", "What does a standard parcel to the United States cost?"),
        (SHIPPING, "what about express?", "How long does express shipping take?"),
        (SHIPPING, "What about overnight delivery?", "How long does overnight delivery take?"),
        (SHIPPING, "and express shipping?", "How long does express shipping take?"),
        (SHIPPING, "and for abroad?", "How long does standard shipping take, for abroad?"),
        (SHIPPING, "for abroad?", "How long does standard shipping take, for abroad?"),
        (SHIPPING, "How much is that?", "How much is that (standard shipping)?"),
        (SHIPPING, "and if I order on Sunday?", "and if I order on Sunday (standard shipping)?"),
        (SHIPPING, "How long?", "How long (standard shipping)?"),
        (SHIPPING, "And the price?", "And the price (standard shipping)?"),
        (LAMP, "And the Nova?", "Do you sell the Nova lamp?"),
        (LAMP, "and in blue?", "Do you sell the Aurora lamp, in blue?"),
        (LAMP, "how much is it", "how much is it (Aurora lamp)?"),
        (LAMP, "what sizes are there?", "what sizes are there (Aurora lamp)?"),
        (LAMP, "Can you ship it to Norway?", "Can you ship it to Norway (Aurora lamp)?"),
        (LAMP, "Is it possible to return it?", "Is it possible to return it (Aurora lamp)?"),
        (LAMP, "Tell me more about it.", "Tell me more about it (Aurora lamp)?"),
        (LAMP, "How do I clean that lamp?", "How do I clean that lamp (Aurora)?"),
        (LAMP, "which one is cheaper?", "which one is cheaper (Aurora lamp)?"),
        (RETURNS, "how long do I have?", "how long do I have (return lamp ordered online)?"),
        (RETURNS, "what if I lost the box?", "what if I lost the box (return lamp ordered online)?"),
        (RETURNS, "And without a receipt?", "Can I return a lamp that I ordered online, without a receipt?"),
        (MEMBERSHIP, "what about the yearly one?", "What is the yearly fee for the gym membership?"),
        (MEMBERSHIP, "And for students?", "What is the monthly fee for students?"),
        (MEMBERSHIP, "can I cancel it anytime?", "can I cancel it anytime (monthly gym membership)?"),
        (ERROR, "and E20?", "My washing machine shows error E20, what should I do?"),
        (ERROR, "And if that doesn't help?", "And if that doesn't help (washing machine shows error E18)?"),
        (DOGS, "what about in the restaurant?", "Are dogs allowed in the restaurant?"),
        (DOGS, "Can they stay alone in the room?", "Can they stay alone in the room (dogs hotel rooms)?"),
    ],
)
def test_english_follow_ups(before: list[Turn], question: str, expected: str) -> None:
    """A fragment takes its place in the question before; a question that points back gets the subject."""
    assert standalone(question, before, "en") == expected


@pytest.mark.parametrize(
    "question",
    [
        "How do I pay?",
        "What are your opening hours?",
        "Do you ship to Norway?",
        "My order has not arrived, where is it?",
        "I bought a lamp last week. Can I return it?",
        "How long does it take to get a refund?",
        "Is it possible to return a sale item?",
        "Is it true that you sell lamps?",
        "The lamp that I ordered is broken",
        "Do you repair lamps that others sold?",
        "If my dryer breaks, will you repair it or replace it?",
        "Can I bring a friend and does she have to pay?",
        "What about returns of items bought in a sale last year?",
        "And how do I return an item?",
        "Are you open this weekend?",
        "Are these days holidays?",
        "Is this website secure?",
        "Is there parking at the shop?",
        "What payment methods are there?",
        "What does shipping cost?",
        "what do your lamps cost?",
        "What is the price of the Nova?",
        "Can I pick up my order on the same day?",
        "Who are you?",
        "How are you?",
        "Can you help me?",
        "returns",
        "opening hours",
        "hello",
        "Hi there!",
        "Thanks a lot, that helped!",
        "yes please",
        "ok",
        "???",
        "",
    ],
)
@pytest.mark.parametrize("before", [SHIPPING, LAMP, RETURNS, MEMBERSHIP, DOGS])
def test_complete_english_questions_are_not_polluted(before: list[Turn], question: str) -> None:
    """Whatever was talked about, a question that stands alone, a change of topic and small talk stay as they are."""
    assert standalone(question, before, "en") == question


BEIJING = talk("标准配送到北京需要多久？", "3 天。", language="zh")
LIGHT = talk("你们卖极光台灯吗？", "卖的，极光台灯有货。", language="zh")
GYM = talk("健身房会员一个月多少钱？", "39 欧元。", language="zh")
MACHINE = talk("洗衣机显示 E18 错误怎么办？", "请清洁排水泵。", language="zh")


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        (BEIJING, "那国外呢？", "标准配送到北京需要多久，国外？"),
        (BEIJING, "那上海呢", "标准配送到上海需要多久？"),
        (BEIJING, "加急呢？", "加急配送到北京需要多久？"),
        (BEIJING, "那要是偏远地区呢？", "标准配送到北京需要多久，偏远地区？"),
        (BEIJING, "那多少钱？", "那多少钱（标准配送到北京）？"),
        (BEIJING, "那边也送吗？", "那边也送吗（标准配送到北京）？"),
        (LIGHT, "多少钱？", "多少钱（卖极光台灯）？"),
        (LIGHT, "它有多重？", "它有多重（卖极光台灯）？"),
        (LIGHT, "价格是多少？", "价格是多少（卖极光台灯）？"),
        (LIGHT, "有蓝色的吗？", "有蓝色的吗（卖极光台灯）？"),
        (LIGHT, "这款保修多久？", "这款保修多久（卖极光台灯）？"),
        (LIGHT, "怎么用？", "怎么用（卖极光台灯）？"),
        (GYM, "学生呢？", "健身房会员一个月多少钱，学生？"),
        (MACHINE, "那 E20 呢？", "洗衣机显示 E20 错误怎么办？"),
        (MACHINE, "还是不行怎么办？", "还是不行怎么办（洗衣机显示 E18 错误）？"),
        (talk("专业版多少钱？", "99 欧元。", language="zh"), "标准版呢？", "标准版多少钱？"),
        (talk("大床房可以加床吗？", "可以。", language="zh"), "套房也行吗？", "套房可以加床吗？"),
        (talk("签一年的合约多少钱？", "99 元。", language="zh"), "那两年呢", "签两年的合约多少钱？"),
        (MACHINE, "烘干机也显示一样的，是一回事吗？", "烘干机也显示一样的，是一回事吗（E18）？"),
    ],
)
def test_chinese_follow_ups(before: list[Turn], question: str, expected: str) -> None:
    """Fragments with 呢, pronouns, bare questions and what means nothing alone are completed."""
    assert standalone(question, before, "zh") == expected


@pytest.mark.parametrize(
    "question",
    [
        *("怎么付款？", "你们几点营业？", "可以寄到日本吗？", "我的订单还没到，它在哪里？", "退货政策是什么？"),
        *("那运费是多少？", "有礼品卡吗？", "怎么联系客服？", "这个月有活动吗？", "保修期多长？"),
        *("我买的灯坏了，它能修吗？", "你们的价格贵吗？", "忘记密码怎么办", "转人工", "怎么退货呢？"),
        *("包邮吗？", "停车场在哪里？", "门打不开怎么办？", "这个网站安全吗？", "哪位教练教瑜伽？"),
        *("你是谁？", "谢谢", "好的，谢谢！", "你好", "营业时间"),
    ],
)
@pytest.mark.parametrize("before", [BEIJING, LIGHT, GYM, MACHINE])
def test_complete_chinese_questions_are_not_polluted(before: list[Turn], question: str) -> None:
    """A question that stands alone, a change of topic and small talk stay as they are."""
    assert standalone(question, before, "zh") == question


@pytest.mark.parametrize(
    ("language", "before", "question", "expected"),
    [
        (
            "de",
            "Wie lange dauert der Versand nach Polen?",
            "und nach Österreich?",
            "Wie lange dauert der Versand nach Österreich?",
        ),
        ("de", "Wie lange dauert der Versand nach Polen?", "Was kostet das?", "Was kostet das (Versand Polen)?"),
        ("de", "Wie lange dauert der Versand nach Polen?", "Was kostet das Rad?", "Was kostet das Rad?"),
        ("de", "Wie lange dauert der Versand nach Polen?", "Gibt es Gutscheine?", "Gibt es Gutscheine?"),
        ("de", "Wie lange dauert der Versand nach Polen?", "Danke!", "Danke!"),
        ("es", "¿Cuánto tarda el envío a España?", "¿y a Portugal?", "¿Cuánto tarda el envío a Portugal?"),
        ("es", "¿Cuánto tarda el envío a España?", "¿Cuánto cuesta eso?", "¿Cuánto cuesta eso (envío España)?"),
        ("es", "¿Cuánto tarda el envío a España?", "¿Cómo puedo pagar?", "¿Cómo puedo pagar?"),
        ("fr", "Combien coûte la livraison ?", "et pour la Suisse ?", "et pour la Suisse ?"),
    ],
)
def test_other_languages(language: str, before: str, question: str, expected: str) -> None:
    """German and Spanish where it is plain; a language without rules is left alone."""
    assert standalone(question, talk(before, "…", language=language), language) == expected


def test_a_chain_is_followed_over_several_turns() -> None:
    """Each follow-up is completed from the one before, thanks and greetings in between do not count."""
    chain = talk(
        *("How long does standard shipping take to Germany?", "3 days."),
        *("and to France?", "4 days."),
        *("and how much is that?", "5 euros."),
        *("thanks!", "You're welcome."),
    )
    assert standalone("what about express?", chain[:4], "en") == "How long does express shipping take to France?"
    assert standalone("what does it cost?", chain, "en") == "what does it cost (standard shipping France)?"
    chinese = talk("寄到德国要多久？", "5 天。", "那法国呢？", "6 天。", language="zh")
    assert standalone("那日本呢？", chinese, "zh") == "寄到日本要多久？"
    assert standalone("多少钱？", chinese, "zh") == "多少钱（寄 法国）？"


def test_a_change_of_topic_is_followed() -> None:
    """After a complete question, follow-ups are about that one and about nothing before it."""
    changed = talk(
        *("Do you sell the Aurora lamp?", "Yes."),
        *("how much is it?", "40 euros."),
        *("What is your return policy?", "30 days."),
    )
    assert standalone("does that include gifts?", changed, "en") == "does that include gifts (return policy)?"
    chinese = talk("极光台灯多少钱？", "40 欧元。", "退货政策是什么？", "30 天。", language="zh")
    assert standalone("包括这个吗？", chinese, "zh") == "包括这个吗（退货政策）？"


def test_what_the_answer_named_is_taken_too() -> None:
    """ "Which …?" is about what the answer chose; "the second one" is an item of its list."""
    brightest = talk("Which lamp is the brightest?", "The Aurora Max is the brightest lamp [1].")
    assert standalone("How much is it?", brightest, "en") == "How much is it (lamp brightest Aurora Max)?"
    listed = talk("What lamps do you have?", "We have:\n- **Aurora**: for desks\n- **Nova**: for floors")
    assert standalone("How much is the second one?", listed, "en") == "How much is the second one (lamps Nova)?"
    assert standalone("How much is the last one?", listed, "en") == "How much is the last one (lamps Nova)?"
    chinese = talk("哪款灯最亮？", "最亮的是 **极光 Max**。", language="zh")
    assert "极光 Max" in standalone("它多少钱？", chinese, "zh")
    items = talk("有哪些台灯？", "有两款：\n1. 极光：桌面用\n2. 夜光：床头用", language="zh")
    assert standalone("第二款多少钱？", items, "zh") == "第二款多少钱（台灯 夜光）？"
    assert standalone("What does the fifth one cost?", listed, "en") == "What does the fifth one cost (lamps)?"


def test_languages_may_change_in_between() -> None:
    """A Chinese follow-up to an English question is completed as well as it goes, and the other way round."""
    assert standalone("多少钱？", LAMP, "zh") == "多少钱（Aurora lamp）？"
    assert standalone("how much is it?", GYM, "en").startswith("how much is it")


def test_without_a_conversation_nothing_changes() -> None:
    """The first message, one after mere greetings, and a long one are what they are."""
    assert standalone("how much is it?", [], "en") == "how much is it?"
    assert standalone("how much is it?", talk("hello", "Hi!"), "en") == "how much is it?"
    long = "how much is that? " + "I would like to know everything about it. " * 9
    assert standalone(long, LAMP, "en") == long


def test_of_a_long_message_only_its_question_is_the_topic() -> None:
    """The subject of a follow-up stays short, however much was written before."""
    story = "I have been a customer for years. " * 9 + "Yesterday my parcel came. Can I return the Aurora lamp?"
    assert (
        standalone("how long do I have?", talk(story, "30 days."), "en") == "how long do I have (return Aurora lamp)?"
    )


@settings(deadline=None)
@given(
    st.text(max_size=80), st.lists(st.text(max_size=80), max_size=5), st.sampled_from(["en", "zh", "de", "es", "xx"])
)
def test_any_text_is_survived(question: str, before: list[str], language: str) -> None:
    """Nothing breaks it, a question does not vanish, and it does not grow without bounds."""
    result = standalone(question, talk(*before), language)
    assert bool(result) == bool(question)
    assert len(result) <= len(question) + 500


def test_the_demos_questions_are_understood() -> None:
    """Of the demo's questions nearly none that stands alone is changed, and nearly every follow-up is completed."""
    lines = (Path(__file__).parents[2] / "bot" / "demo" / "questions.jsonl").read_text("utf-8").splitlines()
    right: dict[bool, list[bool]] = {True: [], False: []}
    for line in map(json.loads, lines):
        history = [
            Turn(role=it["role"], text=it["text"], language=line["lang"], at=0) for it in line.get("history", [])
        ]
        before = LIGHT if line["lang"] == "zh" else LAMP
        changed = standalone(line["question"], history or before, line["lang"]) != line["question"]
        right[bool(history)].append(changed == bool(history))
    for answers, bar in ((right[True], 0.9), (right[False], 0.97)):
        assert sum(answers) >= bar * len(answers) > 0


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        (("Which zone is Brazil in?", "Brazil is in Zone 3."), "how much if I'm a student", "Brazil"),
        (("Can my son get a card?", "Yes. Pebble is for children."), "great, how much?", "Pebble"),
        (("When is the club open on Saturday?", "From 9 to 1."), "what about sundays", "open on sundays"),
        (("Wie teuer ist der Tarif M?", "10 Euro."), "wie viel wenn ich Student bin?", "Tarif"),
    ],
)
def test_what_is_asked_of_nothing_is_asked_of_the_subject(
    before: tuple[str, str], question: str, expected: str
) -> None:
    """An amount on a condition, one after praise, and what an answer spoke of by its name."""
    language = "de" if question.startswith("wie") else "en"
    assert expected in standalone(question, talk(*before, language=language), language)


def test_what_may_be_new_or_not_goes_with_what_was_talked_about() -> None:
    """The words of the subject that a question does not say, and none after a greeting or at the beginning."""
    before = talk("What does a day pass cost in Zone 3?", "It costs 7 euros.")
    assert "Zone" in subject("Is there something for a whole week?", before, "en").split()
    assert subject("Is there something for a whole week?", [], "en") == ""
    assert subject("thanks!", before, "en") == ""
    assert "pass" not in subject("Is there a week pass?", before, "en").split()
