"""What Telegram shows of the bot: in every language, within Telegram's limits, and only what is so."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.commands import NAMES
from adapters.split import utf16
from adapters.telegram.profile import FALLBACK, LANGUAGES, SCOPES, calls, commands, description, short_description
from bot.phrases import phrase_languages
from bot.target import target

_LIMITS = {"setMyDescription": ("description", 512), "setMyShortDescription": ("short_description", 120)}


def test_it_speaks_the_languages_of_the_house() -> None:
    """No language that the house speaks by itself is missing, and none is more."""
    assert set(LANGUAGES) == phrase_languages()
    assert FALLBACK in LANGUAGES


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("model", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_commands_are_telegram_s_and_ours(language: str, group: bool, model: bool) -> None:
    """Each is one that is understood, in a form that Telegram takes, with a description of its own."""
    shown = commands(language, group=group, model=model)
    for one in shown:
        assert re.fullmatch(r"[a-z0-9_]{1,32}", one["command"])
        assert NAMES[one["command"]] == one["command"]
        assert 1 <= utf16(one["description"]) <= 256
    assert len({one["description"] for one in shown}) == len(shown) <= 100
    assert [one["command"] for one in shown] == [one["command"] for one in commands("en", group=group, model=model)]


def test_commands_fit_where_they_are_offered() -> None:
    """To ask needs no command where nobody else is; what needs a model is offered where there is one."""
    offered = {
        (group, model): {one["command"] for one in commands("en", group=group, model=model)}
        for group in (False, True)
        for model in (False, True)
    }
    every = set(NAMES.values()) - {"start"}
    assert offered[True, True] == every
    assert offered[False, True] == every - {"ask"}
    assert offered[True, False] == every - {"translate", "write"}
    assert offered[False, False] == every - {"ask", "translate", "write"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_of_a_translation_is_one(language: str) -> None:
    """What the description shows is understood when somebody types it."""
    [shown] = [
        one["description"] for one in commands(language, group=False, model=True) if one["command"] == "translate"
    ]
    code, text = target(shown.partition("/translate")[2].strip())
    assert code
    assert text


@given(name=st.text(max_size=300), about=st.text(max_size=700), spoken=st.sampled_from([*LANGUAGES, "fr"]))
def test_everything_is_within_the_limits(name: str, about: str, spoken: str) -> None:
    """Whatever the site is called and says of itself; and each thing is said once for each language and scope."""
    made = list(calls(name, about, spoken=spoken, model=True))
    for method, arguments in made:
        if method in _LIMITS:
            field, limit = _LIMITS[method]
            assert 0 < utf16(arguments[field]) <= limit
    keys = [(method, str(told.get("scope")), told.get("language_code")) for method, told in made]
    assert len(set(keys)) == len(keys)
    for method, times in {"setMyCommands": 2, "setMyDescription": 1, "setMyShortDescription": 1}.items():
        languages = [told.get("language_code", FALLBACK) for called, told in made if called == method]
        assert sorted(languages) == sorted([*LANGUAGES] * times)


def test_english_is_for_everybody_else() -> None:
    """It is set without a language, which Telegram shows where there is none of one's own."""
    assert "en" not in [told.get("language_code") for _, told in calls("Door", "", spoken="en", model=True)]
    scopes = {told["scope"]["type"] for method, told in calls("Door", "", spoken="en", model=True) if "scope" in told}
    assert scopes == set(SCOPES)


def test_the_site_s_own_words_are_shown_where_they_are_understood() -> None:
    """In the language that they are written in, whole or not at all, and never without that this is a program."""
    about = "Wir verkaufen Bücher."
    told = {
        arguments.get("language_code", FALLBACK): arguments["description"]
        for method, arguments in calls("Grüne Tür", about, spoken="de", model=False)
        if method == "setMyDescription"
    }
    assert [language for language, text in told.items() if about in text] == ["de"]
    assert told["de"].startswith(about)
    assert "kein Mensch" in told["de"]
    assert description("de", "Grüne Tür", "x" * 500) == description("de", "Grüne Tür")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_is_the_bot_s(language: str) -> None:
    """The site's name, the way to a person and to help, and nothing left to fill in."""
    text, short = description(language, "Green Door"), short_description(language, "Green Door")
    assert "/human" in text
    assert "/help" in text
    for shown in (text, short):
        assert "Green Door" in shown
        assert "$" not in shown


def test_a_long_name_loses_no_half_character() -> None:
    """It is cut where a character ends, and stays on one line."""
    family = "👨\u200d👩\u200d👧"
    for language in LANGUAGES:
        shown = short_description(language, family * 40)
        assert utf16(shown) <= 120
        assert shown.replace(family, "").count("\u200d") == 0
    assert "\n" not in short_description("en", "Green\n\nDoor")
