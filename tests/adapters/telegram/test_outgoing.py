"""What messages hold is what Telegram takes, whatever people are called and whatever they write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.telegram import keyboards
from adapters.telegram.cards import card, named, noticed
from adapters.telegram.markdown import render
from adapters.telegram.outgoing import Outgoing, beginning, body, entities
from adapters.telegram.words import said
from bot.config import load
from bot.events import Address, Case, Post, Reply
from tests.fakes.telegram import limits, texts

LANGUAGES = ("en", "zh", "de", "es", "ar")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
MARKS = st.lists(
    st.sampled_from(("*", "_", "`", "[x](y)", "@ana_b", "\n", "- ", "> ", "|", "👩‍👩‍👧", "语", "שלום", "a ", "# ")),
    max_size=40,
)
TEXT = WORDS | MARKS.map("".join)


@given(TEXT)
def test_a_beginning_is_never_the_whole(text):
    """It is short, ends with dots, and is not blank: where it is left behind nobody takes it for the answer."""
    begun = beginning(text)
    assert begun.endswith("…") and texts.units(begun) <= 260
    assert begun == "…" or len(begun.removesuffix(" …")) * 2 <= len(" ".join(text.split()))
    texts.checked(begun, ())


@given(
    TEXT, TEXT, TEXT, TEXT, st.sampled_from(("waiting", "taken", "resolved", "returned")), st.sampled_from(LANGUAGES)
)
@settings(deadline=None)
def test_a_card_is_one_message(name, agent, reason, told, state, language):
    """However long what was said is; nobody's name or words are read as marks."""
    desk = Address(channel="telegram", conversation="-100", thread="c1")
    case = Case(
        id="c1", visitor=desk, desk=desk, state=state, opened_at=1.0, name=name, agent_name=agent, reason=reason,
        language="de",
    )  # fmt: skip
    shown = card(Post(id="case-c1", address=desk, kind="case", text=told * 20, case=case), language)
    texts.checked(shown.text, entities(shown))
    if name.strip() and name.isascii() and name.isalnum():
        assert name[:50] in shown.text


@given(TEXT, TEXT)
@settings(deadline=None)
def test_words_and_notices_are_taken(name, text):
    for markdown in (named(name, text), noticed(text)):
        for shown in render(markdown):
            texts.checked(shown.text, entities(shown))


@pytest.mark.parametrize(("reason", "thumbs"), [("stop", True), ("declined", True), ("remark", False)])
def test_opinions_are_asked_for_of_answers(reason, thumbs):
    """Not of what the bot says of itself and of what is set. The way to a person is below all of it."""
    address = Address(channel="telegram", account="1", conversation="7")
    reply = Reply(message_id="1:7:2", attempt=1, address=address, text="So.", seq=0, final=True, finish_reason=reason)
    outgoing = Outgoing(load(environ={}, overrides={"handover": {"channel": "telegram", "conversation": "-100"}}))
    shown = outgoing.finished(reply, group=False, desk=False, business=False)
    data = [button["callback_data"] for row in shown.keyboard["inline_keyboard"] for button in row]
    assert data == ([keyboards.GOOD, keyboards.BAD] if thumbs else []) + [keyboards.HUMAN]
    assert bool(shown.note) == thumbs


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
def test_buttons_are_taken_in_every_language(language):
    """Their labels fit on a phone, and what they say when they are pressed fits into 64 bytes."""
    shown = [keyboards.running(language)]
    shown += [
        keyboards.answered(language, human=human, chosen=chosen) for human in (True, False) for chosen in (-1, 0, 1)
    ]
    shown += [keyboards.case(state, language) for state in ("waiting", "taken", "resolved", "returned")]
    for keyboard in shown:
        limits.markup(keyboard)
        for row in keyboard["inline_keyboard"]:
            assert sum(len(button["text"]) for button in row) <= 40
    assert keyboards.case("resolved", language) == keyboards.NONE


def test_every_word_is_there_in_every_language():
    from adapters.telegram.words import _TEXTS

    assert set(_TEXTS) == set(LANGUAGES)
    assert len({frozenset(words) for words in _TEXTS.values()}) == 1
    assert said("case", "de", name="Vera") == "Vera möchte mit einem Menschen sprechen"
    with pytest.raises(KeyError):
        said("case", "de")


def test_a_digest_names_what_is_shown():
    """The same text with other buttons is something else; a plain one has no entities."""
    [shown] = render("**Yes.**")
    plain = body(shown, keyboards.NONE, plain=True)
    assert "entities" not in plain.arguments and "entities" in body(shown, keyboards.NONE).arguments
    digests = {
        body(shown, keyboard).digest for keyboard in (keyboards.NONE, keyboards.running("en"), keyboards.running("de"))
    }
    assert len(digests) == 3 and body(shown, keyboards.NONE).digest in digests
