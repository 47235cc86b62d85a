"""Analysis: what is asked meets what is indexed."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.terms import content_terms
from prompts.knowledge.analyze import asked, indexed, plain
from prompts.knowledge.candidates import full_text_query
from prompts.knowledge.coverage import coverage
from prompts.knowledge.vocabulary import Vocabulary, count

LANGUAGES = ["en", "de", "es", "zh", "ar", ""]
han = st.text(alphabet="退货政策运费电池充电保修发票会员订单送达时间", min_size=2, max_size=12)
word = st.text(alphabet=st.characters(categories=["L", "Nd"], max_codepoint=0x500), min_size=1, max_size=12)
code = st.from_regex(r"[A-Z]{1,3}-[0-9]{2,4}|[0-9]{1,3}(GB|km|kg)|€[0-9]{1,3}\.[0-9]{2}", fullmatch=True)


def present(text: str, language: str) -> frozenset[str]:
    return frozenset(indexed(text, language).split())


def known(text: str, language: str) -> Vocabulary:
    return count([present(text, language)], [language])


@settings(deadline=None)
@given(st.lists(st.one_of(word, han, code), min_size=1, max_size=8), st.sampled_from(LANGUAGES))
def test_a_text_answers_itself(words: list[str], language: str) -> None:
    """Index and query agree: asked in its own words and language, a passage covers all of the question."""
    text = " ".join(words)
    assume(content_terms(text, language))
    questions = asked(text, language, known(text, language))
    assert coverage(questions, present(text, language)) == pytest.approx(1.0)


@settings(deadline=None)
@given(st.one_of(word, code), st.sampled_from(LANGUAGES), st.sampled_from(LANGUAGES))
def test_a_word_is_found_from_another_language(text: str, asked_in: str, written_in: str) -> None:
    """A question's words are stemmed in every way that the knowledge's languages would, so shared words meet."""
    assume(content_terms(text, asked_in) and present(text, written_in))
    found = coverage(asked(text, asked_in, known(text, written_in)), present(text, written_in))
    assert found == pytest.approx(1.0)


@settings(deadline=None)
@given(han)
def test_chinese_runs_are_indexed_as_pairs(run: str) -> None:
    """Every two neighbouring characters are one term."""
    assert indexed(run, "zh").split() == [run[at : at + 2] for at in range(len(run) - 1)]


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(LANGUAGES))
def test_terms_are_safe_for_the_full_text_query(text: str, language: str) -> None:
    """Whatever a visitor writes, the query is a list of quoted terms: no operator can be smuggled in."""
    query = full_text_query(asked(text, language, Vocabulary()), Vocabulary())
    parts = [part for way in query.split(" OR ") for part in way.strip("()").split(" AND ")]
    for part in parts if query else []:
        bare = part.removesuffix(" *")
        assert bare.startswith('"')
        assert bare.endswith('"')
        assert bare[1:-1].isalnum() or not bare[1:-1].isascii()
        assert '"' not in bare[1:-1]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("E-1042", "The display shows E1042."),
        ("e1042", "Error E-1042 means"),
        ("5GB", "a card of 5 GB"),
        ("5 GB", "a 5GB card"),
        ("next-day", "the next day"),
        ("€3.90", "It is 3.90 euros"),
        ("returning", "Returns are free"),
        ("ＢＲＯＯＫ", "the Brook"),
        ("Brook充电", "给 brook 充电"),
        ("运费呢", "运费是多少"),
        ("e 1042", "The display shows E1042."),
        ("E1042", "Error E 1042 means"),
        ("3,90 €", "It is €3.90"),
        ("3.90 EUR", "It is 3,90 €"),
        ("€3.90", "3.90 EUR a month"),
        ("5 gigabytes", "a 5GB card"),
        ("５ＧＢ", "a card of 5 gigabytes"),
        ("a 14-day trial", "a trial of 14 days"),
        ("drift5", "the Drift 5 router"),
        ("Drift 5", "the Drift5 router"),
        ("e1042多少", "错误 E-1042"),
    ],
)
def test_spellings_meet(question: str, text: str) -> None:
    """Codes with and without marks, units with and without a space, full width, endings: all find each other."""
    language = "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"
    assert coverage(asked(question, language, known(text, language)), present(text, language)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("question", "language", "text", "written_in"),
    [
        ("What does it cost?", "en", "The price is 5 euros", "en"),
        ("Wie lange habe ich Garantie?", "de", "The warranty covers 2 years", "en"),
        ("Versandkosten", "de", "Delivery takes a week", "en"),
        ("¿Puedo devolver la bicicleta?", "es", "You may return the bike", "en"),
        ("保修", "zh", "The warranty", "en"),
        ("Is there a warranty?", "en", "保修两年", "zh"),
    ],
)
def test_concepts_lead_to_other_words(question: str, language: str, text: str, written_in: str) -> None:
    """What is said otherwise, or in another language, is found, and counts less than the same word."""
    found = coverage(asked(question, language, known(text, written_in)), present(text, written_in))
    assert 0.3 < found < 1


@pytest.mark.parametrize(
    ("question", "language", "text", "written_in"),
    [
        ("activaton", "en", "The activation takes a minute", "en"),
        ("reciept", "en", "Keep your receipt", "en"),
        ("subscripton", "en", "A subscription runs on", "en"),
        ("Kündigungsfirst", "de", "Die Kündigungsfrist beträgt einen Monat", "de"),
        ("tarjta", "es", "La tarjeta llega en tres días", "es"),
        ("marranty", "en", "The sarranty holds", "en"),
        ("broadband", "en", "a broad band of frequencies", "en"),
        ("air pods", "en", "The AirPods are charged", "en"),
        ("Rahmen", "de", "Auf die Rahmengarantie kommt es an", "de"),
        ("Gewährleistungsdauer", "de", "Die Dauer der Gewährleistung", "de"),
    ],
)
def test_what_was_meant_is_found(question: str, language: str, text: str, written_in: str) -> None:
    """Slips, words parted or joined, and compounds find what somebody wrote, and count less than the word itself."""
    found = coverage(asked(question, language, known(text, written_in)), present(text, written_in))
    assert 0.5 < found < 1


@pytest.mark.parametrize(
    ("question", "text"),
    [("dogecoin", "a doctor"), ("bell", "the bill"), ("cost", "the coast"), ("price", "a prince"), ("12345", "12346")],
)
def test_other_words_are_no_slips(question: str, text: str) -> None:
    """Short words, numbers, known words and distant ones stay what they are."""
    assert coverage(asked(question, "en", known(text, "en")), present(text, "en")) == 0


def test_a_word_that_somebody_wrote_is_not_corrected() -> None:
    """However near and however much more usual another one is."""
    vocabulary = count([["wobbler"], *([["wobblar"]] * 50)], ["en"])
    assert [word.near for word in asked("wobbler", "en", vocabulary)] == [()]
    assert [word.near for word in asked("wobblur", "en", vocabulary)] == [(frozenset(("wobblar",)),)]


def test_amounts_count_as_a_whole_where_somebody_wrote_them() -> None:
    """5 GB is more than a 5 and a GB: a passage on 50 GB covers less of the question."""
    texts = ["The plan has 5 GB", "Plan 5 has 50 GB"]
    vocabulary = count([present(text, "en") for text in texts], ["en"])
    words = asked("plan with 5 gigabytes", "en", vocabulary)
    right, wrong = (coverage(words, present(text, "en")) for text in texts)
    assert right == 1
    assert wrong < 0.8
    assert frozenset(("7gb",)) not in {way for word in asked("7 GB", "en", vocabulary) for way in word.ways}


def test_a_pair_between_two_words_is_no_word() -> None:
    """货运 in 退货运费 stands between two words that are known, so it asks for nothing."""
    vocabulary = Vocabulary(passages=10, frequency={"退货": 2, "运费": 2, "车子": 1}, languages=frozenset(["zh"]))
    ways = [word.ways for word in asked("车子退货运费", "zh", vocabulary)]
    assert (frozenset(["货运"]),) not in ways
    assert (frozenset(["退货"]),) in ways


def test_rare_words_weigh_more_and_unknown_ones_no_more_than_the_rarest() -> None:
    """The weight is that of the formula in `Asked`."""
    vocabulary = Vocabulary(passages=100, frequency={"common": 60, "rare": 1}, languages=frozenset(["en"]))
    weights = {min(word.ways[0]): word.weight for word in asked("common rare unheard", "en", vocabulary)}
    assert weights["common"] < weights["rare"]
    assert weights["unheard"] == weights["rare"]


def test_nothing_is_asked_by_stop_words() -> None:
    """A question without a subject matches nothing, rather than everything."""
    assert asked("What is it and how?", "en", Vocabulary()) == []
    assert asked("", "en", Vocabulary()) == []
    assert full_text_query([], Vocabulary()) == ""


def test_markup_is_not_indexed() -> None:
    """Targets of links, tags and escapes are no words."""
    assert plain("[prices](https://x.example/a_(b)) <br> 2 \\* 3 [y](<z z>)").split() == [
        "[prices]",
        "2",
        "*",
        "3",
        "[y]",
    ]


def test_a_long_message_stays_a_small_query() -> None:
    """At most 48 words, the rarest ones."""
    assert len(asked(" ".join(f"word{number}" for number in range(2_000)), "en", Vocabulary())) == 48
