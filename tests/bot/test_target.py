"""Which language is named at the beginning of what is to be translated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.phrases import languages_by_name
from bot.target import target


@pytest.mark.parametrize(
    ("text", "code", "rest"),
    [
        ("to German: Good morning", "de", "Good morning"),
        ("German: hi", "de", "hi"),
        ("to german hi there", "de", "hi there"),
        ("into de: x", "de", "x"),
        ("to Chinese", "zh", ""),
        ("in French\nline\nline", "fr", "line\nline"),
        ("nach Englisch: Hallo", "en", "Hallo"),
        ("al alemán: hola", "de", "hola"),
        ("成德语：早上好", "de", "早上好"),
        ("译成德语早上好", "de", "早上好"),
        ("إلى الألمانية: صباح الخير", "de", "صباح الخير"),
        ("to Ukrainian: hello", "uk", "hello"),
    ],
)
def test_a_language_is_understood_by_its_name(text: str, code: str, rest: str) -> None:
    """In each of the house's languages, in capitals or not, with a colon or without."""
    assert target(text) == (code, rest)


FORMS = {
    "en": (
        "to German: hi", "into German: hi", "in German: hi", "to German please: hi", "to the German language: hi",
        "this to German: hi", "the following into German: hi", "from English to German: hi", "from English into de: hi",
        "TO GERMAN: hi", "to german, please: hi", "to German\nhi", "to Deutsch: hi", "please to German: hi",
        "into german hi", "from english to german hi",
    ),
    "de": (
        "ins Deutsche: hi", "in das Deutsche: hi", "ins Deutsche hi", "auf Deutsch: hi", "auf deutsch hi",
        "nach Deutsch: hi", "in Deutsch: hi", "zu Deutsch: hi", "in die deutsche Sprache: hi",
        "in deutscher Sprache: hi", "auf Deutsch, bitte: hi", "bitte ins Deutsche: hi", "das ins Deutsche: hi",
        "aus dem Englischen ins Deutsche: hi", "vom Englischen ins Deutsche: hi", "von Englisch nach Deutsch: hi",
        "ins Deutsche übersetzen: hi", "INS DEUTSCHE: hi", "Folgendes ins Deutsche: hi", "auf Deutsch\nhi",
    ),
    "es": (
        "al alemán: hi", "a alemán: hi", "en alemán: hi", "al aleman: hi", "al alemán hi", "al idioma alemán: hi",
        "en idioma alemán: hi", "al alemán, por favor: hi", "por favor al alemán: hi", "del inglés al alemán: hi",
        "de inglés a alemán: hi", "desde el inglés al alemán: hi", "esto al alemán: hi", "Al Alemán: hi",
        "lo siguiente al alemán: hi", "al alemán\nhi",
    ),
    "ar": (
        "إلى الألمانية: hi", "الى الالمانية: hi", "إلى اللغة الألمانية: hi", "بالألمانية: hi", "باللغة الألمانية: hi",
        "للألمانية: hi", "إلى الألماني: hi", "بالألماني: hi", "إلى الألمانية hi", "من الإنجليزية إلى الألمانية: hi",
        "من اللغة الإنجليزية إلى اللغة الألمانية: hi", "من فضلك إلى الألمانية: hi", "هذا إلى الألمانية: hi",
        "إلى الألمانية من فضلك: hi", "إلى الألمانية\nhi",
    ),
    "zh": (
        "翻译成德文：hi", "翻译成德语：hi", "译成德语：hi", "译成德文 hi", "翻成德文：hi", "成德语：hi",
        "翻译为德语：hi",
        "译为德语：hi", "翻译到德语：hi", "用德语：hi", "翻譯成德文：hi", "譯成德語：hi", "请翻译成德语：hi",
        "翻译成德语hi", "把这句话翻译成德语：hi", "从英文翻译成德文：hi", "从英语译成德语：hi", "从英语到德语：hi",
        "英译德：hi",
        "转成德语：hi", "将以下内容翻译成德语：hi", "德语：hi", "翻译成德语\nhi",
    ),
}  # fmt: skip


@pytest.mark.parametrize("text", [pytest.param(text, id=f"{code}-{text}") for code in FORMS for text in FORMS[code]])
def test_a_language_is_named_as_people_name_it(text: str) -> None:
    """With every preposition, article and ending, and with where it comes from, in each of the house's languages."""
    assert target(text) == ("de", "hi")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ins Englische: x", "en"), ("ins Französische: x", "fr"), ("ins Franzoesische: x", "fr"),
        ("ins Türkische: x", "tr"), ("auf Chinesisch: x", "zh"), ("al inglés: x", "en"), ("al castellano: x", "es"),
        ("al frances: x", "fr"), ("en español: x", "es"), ("al holandés: x", "nl"), ("إلى الإنجليزية: x", "en"),
        ("إلى الانجليزية: x", "en"), ("بالعربي: x", "ar"), ("للفرنسية: x", "fr"), ("إلى الصينية: x", "zh"),
        ("翻译成英文：x", "en"), ("翻译成汉语：x", "zh"), ("译成简体中文：x", "zh"), ("中译英：x", "en"),
        ("英译中：x", "zh"),
        ("翻譯成英語：x", "en"), ("译成日语：x", "ja"), ("to Mandarin: x", "zh"), ("to Français: x", "fr"),
        ("to Brazilian Portuguese: x", "pt"), ("to 日本語: x", "ja"), ("to español: x", "es"), ("to Farsi: x", "fa"),
    ],
)  # fmt: skip
def test_names_that_languages_have(text: str, code: str) -> None:
    """Inflected, without accents, in another spelling, or by another of its names."""
    assert target(text) == (code, "x")


@pytest.mark.parametrize(
    "text",
    [
        "In englischen Gärten ist es schön", "Deutsche Bahn: Verspätung", "Die deutsche Sprache ist schwer",
        "a quien corresponda: hola", "al cliente: hola", "de nada", "este texto al cliente", "用心：好",
        "从前有座山", "从英文书里抄的", "هذا نص", "إلى من يهمه الأمر: مرحبا", "من فضلك", "please help me", "this is it",
        "bitte", "from Berlin to Paris: a trip", "from English cities: hello", "the following day", "成功：好", "翻译",
        "بالمناسبة: مرحبا", "zu Hause: schön", "español es bonito", "英译", "es: hola",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Words that languages are named with, where none is."""
    assert target(text) == ("", text)


@pytest.mark.parametrize(
    "text",
    ["no: thanks", "Germanic peoples", "Hello there", "", "to whom it may concern: hello", "It is in German: hello"],
)
def test_other_texts_are_what_is_to_be_translated(text: str) -> None:
    """Nothing is taken off a text that names no language; the reader's own is meant then."""
    assert target(text) == ("", text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("to Klingon: hello", "Klingon"), ("ins Klingonische: hallo", "Klingonische"), ("翻译成克林贡语：好", "克林贡语")],
)
def test_a_language_that_nobody_knows_is_named(text: str, name: str) -> None:
    """It is plainly one, so translating into another would be wrong."""
    with pytest.raises(LookupError) as raised:
        target(text)
    assert raised.value.args == (name,)


@given(st.sampled_from(sorted(languages_by_name().items())), st.text("ab ü中", min_size=1).map(str.strip))
def test_every_name_of_ours_is_known(named: tuple[str, str], text: str) -> None:
    """Whatever the phrases call a language, it can be asked for."""
    name, code = named
    assert target(f"to {name}: {text}") == (code, text)
