"""What a model says is held against its sources."""

from __future__ import annotations

import pytest

from bot.answer.ground import ground
from bot.events import Passage
from tests.bot.answer.shop import passage

SOURCES = (
    passage(
        "returns.md",
        "Returns",
        "In short",
        "You have **60 days** from delivery.\n\n- The label is free in Germany.\n\n"
        "| From | Label |\n|---|---|\n| Germany | free |\n| Rest of the EU | €7.50 |",
    ),
    passage("returns.md", "Returns", "What cannot be returned", "- helmets whose seal is broken\n- gift cards"),
    passage(
        "bags.md",
        "Mantle bags",
        "",
        "The shop is open on Thursday 10:00–20:00. Mantle bags are not waterproof. A bag holds 1,190 g.",
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "You have 60 days from delivery to return an item [1].",
        "Gift cards cannot be returned. [2]",
        "No, Mantle bags aren't waterproof [3].",
        "Mantle bags are unfortunately not waterproof [3].",
        "On Thursday we are open from 10 am to 8 pm [3].",
        "Returns are **free** from Germany [1]; otherwise the label costs €7.50 [1].",
        "Here is what I found:\n\n- The label is free in Germany [1]\n- Gift cards cannot be returned [2]",
        "A bag holds 1190 g [3].",
        "Sie haben 60 Tage ab Lieferung [1].",
        "退货期为60天[1]。",
        "I'm sorry, I could not find that in our articles.",
        "Hello! How can I help you?",
        "",
    ],
)
def test_what_the_sources_say_passes(text: str) -> None:
    """True sentences, sums of two, translations with the right figures, courtesies and regrets."""
    found = ground(text, SOURCES)
    assert found.supported
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "You have 90 days from delivery [1].",
        "The label costs €7.60 [1].",
        "Gift cards can be returned [2].",
        "Mantle bags are waterproof [3].",
        "You do not have 60 days from delivery [1].",
        "On Sunday the shop is open [3].",
        "We ship to Brazil by Aramex within a week [1].",
        "The moon is made of cheese.",
        "Express shipping costs €12 [1]. You have 60 days from delivery [1].",
        "You have 60 days from delivery [1]. Express costs €12 [1]. The shop is open on Sunday [3].",
        "1. Print the label, free in Germany [1]\n2. Bring it to Aramex within a week [1]",
        "Zebra kompass lila hurtig nordwind schachtel [1].",
        "Sie haben 30 Tage ab Lieferung [1].",
        "退货期为90天[1]。",
        "On Thursday we are open until 9 pm [3].",
    ],
)
def test_what_they_do_not_say_fails(text: str) -> None:
    """A wrong figure, an inverted rule, a name or a subject that no source has; in the first sentence, in most of
    them, or in a step."""
    assert not ground(text, SOURCES).supported


def test_false_citations_go_and_the_text_stays_tidy() -> None:
    """A number that no source has is dropped with its blank; the others stay."""
    found = ground("You have 60 days from delivery [1] [9].", SOURCES)
    assert found.text == "You have 60 days from delivery [1]."
    assert [citation.number for citation in found.citations] == [1]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("[1, 2]", "[1][2]"), ("[1-2]", "[1][2]"), ("【1】", "[1]"), ("[^1]", "[1]"), ("[source 1]", "[1]")],
)
def test_other_ways_to_cite_are_understood(written: str, meant: str) -> None:
    """Models write citations in several ways; one way is shown."""
    assert ground(f"You have 60 days from delivery {written}.", SOURCES).text.endswith(f"{meant}.")


def test_a_wrong_source_is_put_right() -> None:
    """A sentence that another source holds than the one it names gets that one's number."""
    found = ground("You have 60 days from delivery [2].", SOURCES)
    assert found.supported
    assert found.text == "You have 60 days from delivery [1]."


def test_an_answer_without_a_source_gets_one() -> None:
    """What states something and cites nothing is given the number of what holds it."""
    found = ground("You have 60 days from delivery.", SOURCES)
    assert found.text == "You have 60 days from delivery. [1]"
    assert [(c.title, c.location) for c in found.citations] == [("Returns", "returns.md")]


def test_without_sources_only_courtesy_passes() -> None:
    """Facts need a source; a greeting does not."""
    assert not ground("The label costs €7.50.", ()).supported
    assert ground("Thank you, and goodbye!", ()).supported


def test_a_chinese_answer_is_held_against_chinese_sources() -> None:
    """Figures and negation are compared in Chinese as well."""
    source = Passage(
        text="收到后 60 天内可以退货。礼品卡不能退货。", title="退货", location="z.md", score=1, language="zh"
    )
    assert ground("您可以在收到后 60 天内退货[1]。", [source]).supported
    assert ground("礼品卡不能退[1]。", [source]).supported
    assert not ground("您可以在收到后 30 天内退货[1]。", [source]).supported
    assert not ground("礼品卡可以退货[1]。", [source]).supported


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("You have 60 days from delivery [1]. Express shipping costs €12 [1].", "You have 60 days from delivery [1]."),
        (
            "You have 60 days from delivery [1].\n\nAlso:\n\n- Express shipping costs €12\n\n"
            "Gift cards cannot be returned [2].",
            "You have 60 days from delivery [1].\n\nGift cards cannot be returned [2].",
        ),
        (
            "Here is what I found:\n\n- The label is free in Germany [1]\n- Helmets are free [1]\n"
            "- Gift cards cannot be returned [2]",
            "Here is what I found:\n\n- The label is free in Germany [1]\n- Gift cards cannot be returned [2]",
        ),
        ("退货期为60天[1]。加急需要12欧元[1]。", "退货期为60天[1]。"),
    ],
)  # fmt: skip
def test_what_no_source_holds_is_left_out(text: str, left: str) -> None:
    """Where the rest still answers, only the sentence goes, with what only led to it."""
    found = ground(text, SOURCES)
    assert found.supported
    assert found.text == left
    assert [sentence.verdict for sentence in found.sentences].count("not held") == 1


def test_a_source_that_is_named_nowhere_gets_its_number() -> None:
    """Citations are demanded: what a sentence states is cited beside it, unless its source is named anyway."""
    found = ground(
        "You have 60 days from delivery [1]. It is free in Germany.\n\nGift cards cannot be returned.", SOURCES
    )
    assert (
        found.text == "You have 60 days from delivery [1]. It is free in Germany.\n\nGift cards cannot be returned. [2]"
    )


TRANSLATED = "Du bist der Assistent des Ladens und sollst nur aus den Abschnitten antworten, die hier stehen. [1]"


def test_a_source_is_only_translated_into_the_language_to_answer_in() -> None:
    """Of a translation little can be compared, so it has to be asked for."""
    assert ground(TRANSLATED, SOURCES, "de").supported
    assert not ground(TRANSLATED, SOURCES, "en").supported
    assert ground("Sie haben 60 Tage ab Lieferung [1].", SOURCES, "de").supported
    assert ground("You have 60 days from delivery [1].", SOURCES, "de").supported


@pytest.mark.parametrize("heap", ["label " * 40, "the label is free and " * 20, "-".join("you have sixty days" * 3)])
def test_a_heap_of_words_is_no_sentence(heap: str) -> None:
    """A word over and over says nothing that a source could hold, and neither do letters in a row."""
    assert not ground(f"{heap} [1]", SOURCES).supported
