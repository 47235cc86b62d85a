"""Languages: by message, steadied by the conversation, the same every time."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot
from bot.config import LanguageConfig
from bot.language import Languages, normal_code

LANGUAGES = Languages(LanguageConfig())

CLEAR = [
    ("Where is my order?", "en"),
    ("Is it waterproof?", "en"),
    ("Can I send it back without the box", "en"),
    ("Wie lange dauert der Versand?", "de"),
    ("Habt ihr auch samstags offen?", "de"),
    ("kaputt angekommen, was nun", "de"),
    ("¿Cuánto cuesta?", "es"),
    ("cuanto cuesta el envio", "es"),
    ("Combien ça coûte ?", "fr"),
    ("Je voudrais annuler ma commande", "fr"),
    ("Quanto costa la spedizione?", "it"),
    ("Quanto custa o frete?", "pt"),
    ("Hoeveel kost verzending?", "nl"),
    ("Vad kostar frakten?", "sv"),
    ("Ile kosztuje wysyłka?", "pl"),
    ("Kargo ücreti ne kadar?", "tr"),
    ("сколько стоит доставка?", "ru"),
    ("Дякую, скільки коштує доставка?", "uk"),
    ("كم سعر الشحن؟", "ar"),
    ("سلام، قیمت چند است؟", "fa"),
    ("多少钱", "zh"),
    ("请问怎么退货？", "zh"),
    ("運費多少", "zh"),
    ("送料はいくらですか", "ja"),
    ("배송비는 얼마예요?", "ko"),
    ("ποσο κοστίζει", "el"),
    ("ค่าส่งเท่าไหร่", "th"),
    ("כמה עולה המשלוח", "he"),
]


@pytest.mark.parametrize(("text", "language"), CLEAR)
@pytest.mark.parametrize("prior", ["", "en", "zh"])
def test_a_clear_message_decides_itself(text: str, language: str, prior: str) -> None:
    """A sentence of a language is that language, whatever the conversation was in."""
    assert LANGUAGES.detect(text, prior=prior) == language


@pytest.mark.parametrize("prior", ["de", "zh", "es", "ar"])
@pytest.mark.parametrize(
    "text",
    ["ok", "DHL?", "E-1042", "", "12345", "19,90 €", "👍", "https://example.com/en/where-is-my-order", "me@example.org",
     "```where is my order when will it arrive```", "AB_CDE/foo", "x", "!!!"],
)  # fmt: skip
def test_text_that_tells_nothing_keeps_the_conversation(text: str, prior: str) -> None:
    """Codes, numbers, links, code and a bare "ok" say nothing about a language."""
    assert LANGUAGES.detect(text, prior=prior) == prior


@pytest.mark.parametrize(
    ("text", "prior", "language"),
    [
        ("iPhone 15 多少钱？", "", "zh"),
        ("Kindle Paperwhite 多少钱", "en", "zh"),
        ("What does 你好 mean?", "", "en"),
        ("Do you sell 乌龙茶?", "zh", "zh"),
        ("Apple Watch Series 9", "zh", "zh"),
        ("Danke!", "en", "en"),
        ("und nach Österreich?", "de", "de"),
        ("返品", "ja", "ja"),
        ("返品", "zh", "zh"),
    ],
)
def test_mixed_and_short_messages(text: str, prior: str, language: str) -> None:
    """Names in Latin letters do not turn a Chinese message; a word or two do not turn a conversation."""
    assert LANGUAGES.detect(text, prior=prior) == language


def test_the_hint_counts_less_than_the_conversation_and_more_than_the_default() -> None:
    """Without a conversation the channel's hint decides what a text leaves open; a clear text overrules it."""
    assert LANGUAGES.detect("ok", hint="de-AT") == "de"
    assert LANGUAGES.detect("ok", prior="es", hint="de-AT") == "es"
    assert LANGUAGES.detect("ok") == "en"
    assert LANGUAGES.detect("How much is the delivery?", hint="de") == "en"


def test_a_fixed_language_is_always_the_answer() -> None:
    """`language.fixed` overrules text, conversation and hint."""
    fixed = Languages(LanguageConfig(fixed="de"))
    assert {fixed.detect(text, prior="zh", hint="es") for text, _ in CLEAR} == {"de"}


@pytest.mark.parametrize(
    ("tag", "code"),
    [("zh-CN", "zh"), ("zh_tw", "zh"), ("EN", "en"), ("nb-NO", "no"), ("", ""), ("*", ""), ("x1", "")],
)
def test_language_tags_are_normalised(tag: str, code: str) -> None:
    """Regions and old codes do not multiply languages; nonsense is no language."""
    assert normal_code(tag) == code


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "en", "de", "zh", "ar"]))
def test_detection_is_a_function(text: str, prior: str) -> None:
    """The same text and conversation have the same language, from a fresh instance too; it is always a code."""
    first = LANGUAGES.detect(text, prior=prior)
    assert first == LANGUAGES.detect(text, prior=prior)
    assert normal_code(first) == first != ""


def test_many_threads_agree_with_one() -> None:
    """Detection shares no state between threads, also while the profiles load."""
    fresh = Languages(LanguageConfig())
    texts = [text for text, _ in CLEAR] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fresh.detect, texts))
    assert together == [LANGUAGES.detect(text) for text in texts]


def test_importing_loads_no_profiles() -> None:
    """langdetect is loaded by the first text that needs it."""
    code = "import sys, bot.language; print('langdetect' in sys.modules, 'snowballstemmer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_words_alone_decide_as_words_and_letters_together_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sparing the letter statistics where grammar words leave no doubt changes no verdict."""
    lines = (Path(bot.__file__).parent / "demo" / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    languages = Languages(LanguageConfig())
    quick = [languages.detect(question) for question in questions]
    monkeypatch.setattr("bot.language.CERTAIN_WORDS", float("inf"))
    assert quick == [languages.detect(question) for question in questions]


@pytest.mark.parametrize("text", ["overdraft interest for Plus?", "door code?", "locker hire", "come in the sea?"])
def test_a_short_question_gets_no_language_that_nothing_speaks_for(text: str) -> None:
    """Letters alone make no Danish or Dutch of a few English words, nor do words that English has, too."""
    assert LANGUAGES.detect(text) == "en"


def test_the_languages_of_the_knowledge_are_expected() -> None:
    """Letters alone say that a word is in the language of the knowledge, and not that it is in any other."""
    assert LANGUAGES.detect("Versandkosten?") == "en"
    assert Languages(LanguageConfig(), known=lambda: {"de"}).detect("Versandkosten?") == "de"


@pytest.mark.parametrize(
    "text", ["A10的滤网多少钱？换完怎么清零？", "5号纸箱几块钱一个", "p203是什么意思", "3月3号才签收"]
)
def test_a_number_takes_no_script_with_it_that_writes_no_spaces(text: str) -> None:
    """A code ends where Chinese characters begin, so that these still say which language it is."""
    assert LANGUAGES.detect(text) == "zh"
