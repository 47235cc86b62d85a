"""The Quoter over a small shop: tables, steps, exceptions, products, dates, declines."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from bot.answer.quote import Answer, Quoter
from bot.config import Site
from bot.events import Passage
from tests.bot.answer.shop import CHINESE, ENGLISH, RETURNS, SITE, WORKSHOP, passage

QUOTER = Quoter(SITE)


def ask(question: str, passages: Sequence[Passage] = ENGLISH, language: str = "en") -> Answer:
    return QUOTER.answer(question, passages, language)


def plain(answer: Answer) -> str:
    return answer.text.replace("**", "")


@pytest.mark.parametrize(
    ("question", "held", "left_out"),
    [
        ("How much is a parcel to Iceland?", "£18.30", "£11.90"),
        ("How long does a parcel to Wales take?", "3 days", "9 days"),
        ("What does the Moth cost?", "£34", "£89"),
        ("how heavy is the heron", "1.9 kg", "210 g"),
        ("When are you open on Saturday?", "10:00–14:00", "9:00–17:00"),
        ("Which colours does the Moth come in?", "brass, black", "copper"),
    ],
)
def test_a_table_is_read_by_row_and_column(question: str, held: str, left_out: str) -> None:
    """The cell that is asked for is told, with its row's name; other rows are not."""
    answer = ask(question)
    assert answer.kind == "quote"
    assert held in plain(answer)
    assert left_out not in plain(answer)


def test_a_measure_finds_its_range() -> None:
    """A height between two bounds picks the row that states them, in another unit too."""
    assert "Medium" in ask("Which glass fits a lantern of 0.25 m height?").text
    assert "Large" in ask("spare glass for 40 cm").text


def test_steps_are_told_whole_and_in_order() -> None:
    """Who asks how to do something gets the numbered list, not a sentence of it."""
    answer = ask("How do I change the wick?")
    assert re.findall(r"^(\d)\.", answer.text, re.MULTILINE) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("question", "exception"),
    [
        ("How long can I send something back?", "candles that were lit stay with you"),
        ("Do glass lanterns travel as letters?", "except the Moth"),
        ("Are you open on Saturday?", "last Saturday of a month"),
    ],
)
def test_a_rule_comes_with_its_exception(question: str, exception: str) -> None:
    """What limits a rule beside it is told with it."""
    assert exception in plain(ask(question))


def test_an_item_is_told_with_what_stands_above_it() -> None:
    """An item of "What cannot come back" would say the opposite alone."""
    text = plain(ask("Can I send back a lantern that is engraved?"))
    assert "engraved" in text
    assert "cannot come back" in text


def test_the_rule_in_force_is_told_unless_the_old_one_is_asked_for() -> None:
    """A heading that limits a rule to a time is held against the dates of the question."""
    assert "45 days" in ask("How long can I send something back?").text
    assert "10 days" not in ask("How long can I send something back?").text
    old = ask("I ordered on 3 January 2019. How long can I send it back?").text
    assert "10 days" in old
    assert "45 days" not in old


def test_a_question_that_an_article_asks_gets_its_answer() -> None:
    """A bold question in an article is what its answer is found by."""
    answer = ask("Can the Heron stay in the rain?")
    assert "Water would reach the burner" in answer.text
    assert "brass" not in answer.text


def test_one_product_is_not_answered_with_another() -> None:
    """What is true of the Heron says nothing of the Moth."""
    assert "30 hours" not in ask("How long does the Moth burn?").text
    assert "6 hours" in ask("How long does the Moth burn?").text


def test_two_questions_are_both_answered() -> None:
    """A message with two questions gets both answers, each with its source."""
    answer = ask("What does the Moth cost? And how much is a parcel to Ireland?")
    assert "£34" in answer.text
    assert "£11.90" in answer.text
    assert {citation.location for citation in answer.citations} == {"moth.md", "shipping.md"}


@pytest.mark.parametrize(
    "question",
    [
        "Who painted the Mona Lisa?",
        "Do you sell umbrellas?",
        "What is the wingspan of an albatross?",
        "Can I charter a helicopter to the shop?",
        "asdf qwer zxcv",
        "?",
        "",
    ],
)
def test_what_is_not_known_is_declined_with_a_person_to_ask(question: str) -> None:
    """A subject that the knowledge never mentions is not answered with something near it."""
    answer = ask(question)
    assert answer.kind == "decline"
    assert SITE.contact in answer.text
    assert answer.citations == ()


def test_without_knowledge_everything_is_declined() -> None:
    """No passages, or empty ones, are no answer; without a contact the shop's own details are named."""
    assert QUOTER.answer("How much is the Moth?", [], "en").kind == "decline"
    assert QUOTER.answer("How much is the Moth?", [passage("x", "Moth", "", "")], "en").kind == "decline"
    assert "Foxglove" in Quoter(Site(name="Foxglove")).answer("?", [], "en").text


@pytest.mark.parametrize(
    ("question", "held", "left_out"),
    [
        ("寄包裹到冰岛多少钱？", "18.30 镑", "5.40 镑"),
        ("包裹到威尔士要几天", "3 天", "9 天"),
        ("多久之内可以退货？", "45 天", "灯芯"),
        ("点过的蜡烛能退吗", "不能退", "灯芯"),
        ("怎么换灯芯？", "4 毫米", "45 天"),
    ],
)
def test_chinese_questions_find_chinese_answers(question: str, held: str, left_out: str) -> None:
    """Without spaces between words, tables, rules and steps are found as well."""
    answer = ask(question, CHINESE, "zh")
    assert held in plain(answer)
    assert left_out not in plain(answer)


def test_chinese_declines_in_chinese() -> None:
    """What nobody wrote is declined in the visitor's language."""
    answer = ask("你们卖大象吗？", CHINESE, "zh")
    assert answer.kind == "decline"
    assert "抱歉" in answer.text


@pytest.mark.parametrize(
    ("question", "language", "lead"),
    [
        ("Was kostet ein Paket nach Island?", "de", "Englisch"),
        ("¿Cuánto cuesta un paquete a Islandia?", "es", "inglés"),
        ("寄包裹到冰岛多少钱？", "zh", "英文"),
    ],
)
def test_a_quote_in_another_language_says_so(question: str, language: str, lead: str) -> None:
    """Names and common words meet across languages; the quote stays as it is, the words around it are the visitor's."""
    answer = ask(question, ENGLISH, language)
    assert "£18.30" in answer.text
    assert lead in answer.text.splitlines()[0]


def test_the_visitors_language_is_preferred() -> None:
    """Where both languages have the answer, the visitor's is quoted."""
    answer = ask("寄包裹到冰岛多少钱？", (*ENGLISH, *CHINESE), "zh")
    assert [citation.location for citation in answer.citations] == ["zh/yunfei.md"]


def test_yes_and_no_only_where_the_text_decides() -> None:
    """A verdict needs the whole question in one sentence without an if; else the text speaks for itself."""
    pets = passage("pets.md", "Pets", "", "Dogs may visit the workshop. Cats may not visit the workshop.")
    assert ask("May dogs visit the workshop?", [pets]).text.startswith("Yes.")
    assert not ask("May children solder?", [WORKSHOP]).text.startswith(("Yes", "No."))
    assert not ask("Can I send it back after 50 days?", [RETURNS]).text.startswith(("Yes", "No."))


def test_a_source_cannot_forge_citations_links_or_pictures() -> None:
    """What stands in a source is quoted as text: no pictures, no HTML, no links but to the web, no false numbers."""
    forged = passage(
        "forged.md",
        "Lamp oil",
        "",
        "Lamp oil costs £7 [9]. ![x](https://spy.example/a.png) <img src=x onerror=alert(1)> "
        "See [here](javascript:alert(1)) or [there](https://foxglove.example/oil).",
    )
    text = ask("What does lamp oil cost?", [forged]).text
    assert "£7" in text
    assert "spy.example" not in text
    assert "<img" not in text
    assert "javascript:" not in text
    assert "[there](https://foxglove.example/oil)" in text
    assert re.findall(r"\[(\d+)\](?!\()", text) == ["1"]


def test_answers_are_short() -> None:
    """Half of the answers have at most 350 characters."""
    questions = [
        "How much is a parcel to Iceland?", "What does the Moth cost?", "How do I change the wick?",
        "How long can I send something back?", "When are you open?", "What does the workshop cost?",
        "Can the Heron stay in the rain?", "What cannot be sent back?", "Which glass fits a lantern of 25 cm?",
    ]  # fmt: skip
    lengths = sorted(len(ask(question).text) for question in questions)
    assert lengths[len(lengths) // 2] <= 350


@pytest.mark.parametrize("language", ["en", "zh", "de", "es", "ar", "fr"])
@pytest.mark.parametrize("kind", ["greeting", "thanks", "goodbye", "identity", "human"])
def test_small_talk_in_every_language(kind: str, language: str) -> None:
    """Each kind has its phrase; who wants a person is told where; the shop is named where it matters."""
    answer = QUOTER.small_talk(kind, language)  # type: ignore[arg-type]  # parametrize gives plain strings
    assert answer.kind == ("human" if kind == "human" else "small_talk")
    assert "$" not in answer.text
    if kind in ("human", "identity"):
        assert SITE.contact in answer.text
    if kind in ("greeting", "identity"):
        assert SITE.name in answer.text
