"""Words of everyday life that stand for one another."""

from __future__ import annotations

from collections import Counter

from bot.answer.feature import BY_CLASS, Feature
from bot.answer.lexicon import spans
from bot.answer.meaning import meaning
from bot.answer.question import understand
from bot.terms import terms
from bot.thesaurus import groups, spoken


def test_every_line_is_well_formed() -> None:
    """Each group has English phrases, none twice, a name of its own, and at least two ways to say it."""
    names = Counter(group.name for group in groups())
    assert max(names.values()) == 1
    for group in groups():
        for language, phrases in group.phrases.items():
            assert len(set(phrases)) == len(phrases), (group.name, language)
        assert sum(map(len, (*group.phrases.values(), *group.wider.values()))) > 1, group.name


def test_the_longest_phrase_is_found_with_its_other_ways() -> None:
    """ "Money back" is one thing, and not money."""
    found = terms("can I get my money back", "en")
    (phrase,) = [phrase for phrase in spoken(found, "en", {"en"}) if phrase.begin <= found.index("money") < phrase.end]
    assert found[phrase.begin : phrase.end] == ["money", "back"]
    assert frozenset({"refund"}) in phrase.ways
    assert frozenset({"money", "back"}) not in phrase.ways


def test_ways_are_those_of_the_languages_that_are_asked_for() -> None:
    """A knowledge base in German is searched for German words."""
    (phrase,) = spoken(terms("refund", "en"), "en", {"de"})
    assert frozenset(terms("Rückerstattung", "de")) in phrase.ways
    assert frozenset({"reimburs"}) not in phrase.ways


def test_a_kind_is_found_by_what_it_is_a_kind_of_and_not_the_other_way_round() -> None:
    """Who lost a scarf finds what is said of belongings; who asks for belongings is told nothing of scarves."""
    (scarf,) = spoken(terms("scarf", "en"), "en", {"en"})
    assert frozenset(terms("belongings", "en")) in scarf.ways
    assert not any(frozenset({"scarf"}) in phrase.ways for phrase in spoken(terms("belongings", "en"), "en", {"en"}))


def test_kinds_are_known_in_each_language_and_brothers_do_not_stand_for_one_another() -> None:
    """A question about a sofa is one about furniture, in German too, and never one about a wardrobe."""
    for language, kind, wider, brother in (("en", "sofa", "furniture", "wardrobe"), ("de", "Sofa", "Möbel", "Schrank")):
        (phrase,) = spoken(terms(kind, language), language, {language})
        assert frozenset(terms(wider, language)) in phrase.ways
        assert frozenset(terms(brother, language)) not in phrase.ways


def test_words_that_others_are_kinds_of_need_not_mean_the_same() -> None:
    """A canoe is sports equipment and a boat; what is said of boats is not said of all equipment."""
    ((_, _, canoe),) = spans(terms("canoe", "en"), "en")
    (_, _, boat), *_ = spans(terms("boat", "en"), "en")
    (_, _, equipment), *_ = spans(terms("sports equipment", "en"), "en")
    assert canoe.wider & boat.classes
    assert canoe.wider & equipment.classes
    assert not boat.classes & equipment.classes


def test_a_word_that_stands_for_another_counts_less_than_the_word_itself() -> None:
    """In answers, too: everyday words are looser than synonyms."""
    (_, _, entry), *_ = spans(terms("telly", "en"), "en")
    telly = Feature(terms=frozenset({"telli"}), classes=entry.classes)
    assert 0.5 < telly.match(meaning("The television has a box.", "en")) < BY_CLASS
    assert telly.match(meaning("The telly has a box.", "en")) == 1.0


def test_a_phrase_is_also_spoken_of_where_each_of_its_words_is() -> None:
    """Who wants to "rent a bike" is answered by bicycles that are for hire, not by bicycles alone."""
    (rent,) = understand("rent a bike", "en", {"en"}, []).features
    assert rent.match(meaning("We hire bicycles out.", "en")) > rent.match(meaning("Bicycles are sold here.", "en"))
