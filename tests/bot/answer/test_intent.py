"""Small talk is told from questions, in five languages."""

from __future__ import annotations

import pytest

from bot.answer.intent import intent


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", "greeting"), ("Hello there!", "greeting"), ("你好", "greeting"), ("Guten Tag", "greeting"),
        ("¡Hola, buenos días!", "greeting"), ("مرحبا", "greeting"), ("hello 👋", "greeting"),
        ("thanks!", "thanks"), ("ok, thank you very much", "thanks"), ("好的，谢谢！", "thanks"),
        ("Vielen Dank", "thanks"), ("muchas gracias", "thanks"), ("شكرا جزيلا", "thanks"), ("ok", "thanks"),
        ("bye", "goodbye"), ("Thanks, goodbye!", "goodbye"), ("再见", "goodbye"), ("Danke, tschüss", "goodbye"),
        ("hasta luego", "goodbye"), ("مع السلامة", "goodbye"),
        ("I want to talk to a human", "human"), ("agent please", "human"), ("转人工", "human"),
        ("Kann ich mit einem Mitarbeiter sprechen?", "human"), ("quiero hablar con una persona", "human"),
        ("أريد التحدث مع موظف", "human"), ("I don't want a bot, give me a real person", "human"),
        ("Are you a robot?", "identity"), ("who are you", "identity"), ("你是机器人吗", "identity"),
        ("Bist du ein Mensch?", "identity"), ("¿Eres un robot?", "identity"), ("هل أنت روبوت", "identity"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh"])
def test_small_talk_is_known(text: str, kind: str, language: str) -> None:
    """People greet, thank and part in any language, whatever the conversation's is."""
    assert intent(text, language) == kind


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how much is shipping?",
        "你好，退货要多少钱",
        "Hallo, was kostet der Versand?",
        "Hola, ¿cuánto cuesta el envío?",
        "مرحبا، كم سعر الشحن؟",
        "Thanks, and what about Norway?",
        "perfect, and how much is it",
        "Good morning, are you open today?",
        "When can I talk to a person?",
        "What are the hours of your customer service?",
        "客服的工作时间是什么",
        "Is the robot lawn mower in stock?",
        "Do you sell thank-you cards?",
        "where are you located",
        "no",
        "?",
        "",
    ],
)
def test_a_question_stays_a_question(text: str) -> None:
    """A greeting before a question, or a word of small talk inside one, changes nothing."""
    assert intent(text, "en") == "question"


def test_a_long_message_is_about_something() -> None:
    """Whatever courtesy it is full of, a long message is not small talk; hostile ones cost no time."""
    assert intent("hello good morning " * 5_000 + "x", "en") == "question"
    assert intent("hi " * 50 + "x", "en") == "question"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("有人没", "greeting"),
        ("懂了懂了", "thanks"),
        ("好嘞 谢啦么么哒", "thanks"),
        ("那先这样 拜拜啦", "goodbye"),
        ("懂了，那运费多少", "question"),
        ("走了多久才到", "question"),
    ],
)
def test_chinese_small_talk_has_its_particles(text: str, kind: str) -> None:
    """拜拜啦 is 拜拜; with anything else beside it, it is a question."""
    assert intent(text, "zh") == kind
