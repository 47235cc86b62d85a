"""Words that stand for one another: listed by the operator, or said by the articles themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import KnowledgeConfig, load
from bot.errors import ConfigError
from prompts.knowledge import Knowledge
from prompts.knowledge.aliases import aliases
from prompts.knowledge.synonyms import read_synonyms
from storage.sqlite import SqliteStore

ARTICLES = {
    "dongle": "---\nlanguage: en\n---\n# The wobbler\n\nA wobbler is lent for 5 euros.\n",
    "rules": "---\nlanguage: en\n---\n# Rules\n\nThe Zonal Quota Decree (ZQD) ends at 80 GB.\n",
    "zh": "---\nlanguage: zh\n---\n# 收费\n\n摆动器每月收五欧元。\n",
}


@pytest.fixture
def articles(project: Path) -> Path:
    for name, text in ARTICLES.items():
        (project / f"{name}.md").write_text(text, "utf-8")
    return project


async def locations(store: SqliteStore, project: Path, question: str, *groups: tuple[str, ...]) -> list[str]:
    knowledge = Knowledge(store, KnowledgeConfig(synonyms=groups), root=project)
    await knowledge.add([str(project)])
    return [passage.location for passage in await knowledge.search(question, language="en")]


@pytest.mark.parametrize(
    ("question", "group"),
    [
        ("Do you lend gizmos?", ("gizmo", "wobbler")),
        ("Do you lend a thing to shake?", ("thing to shake", "wobbler")),
        ("gizmo!", ("gizmo", "the wobbler")),
        ("gizmo", ("Gizmo", "wobblers", "something else")),
    ],
)
async def test_one_of_a_group_finds_another(
    store: SqliteStore, articles: Path, question: str, group: tuple[str, ...]
) -> None:
    """Words and phrases, in any form; without the group there is nothing to find."""
    assert (await locations(store, articles, question, group))[:1] == ["dongle.md"]
    assert "dongle.md" not in await locations(store, articles, question.replace("lend", "have"))


async def test_groups_lead_to_other_languages(store: SqliteStore, articles: Path) -> None:
    """A group may hold words of any language."""
    assert (await locations(store, articles, "gizmo", ("gizmo", "摆动器")))[:1] == ["zh.md"]


async def test_another_word_counts_less_than_the_word_itself(store: SqliteStore, articles: Path) -> None:
    """The score tells them apart."""
    knowledge = Knowledge(store, KnowledgeConfig(synonyms=(("gizmo", "wobbler"),)), root=articles)
    await knowledge.add([str(articles)])
    said, meant = [(await knowledge.search(word, language="en"))[0].score for word in ("wobbler", "gizmo")]
    assert 0.5 < meant < said == 1


async def test_articles_say_what_stands_for_what(store: SqliteStore, articles: Path) -> None:
    """An abbreviation finds an article that writes it out, in whichever article it is explained."""
    (articles / "more.md").write_text("---\nlanguage: en\n---\n# More\n\nBeyond the Zonal Quota Decree all is slow.\n")
    assert sorted(await locations(store, articles, "ZQD"))[:2] == ["more.md", "rules.md"]
    (articles / "rules.md").unlink()
    assert await locations(store, articles, "ZQD") == []


async def test_visitors_files_teach_nothing(store: SqliteStore, articles: Path) -> None:
    """What somebody attached changes what nobody else finds."""
    knowledge = Knowledge(store, KnowledgeConfig(), root=articles)
    await knowledge.add([str(articles)])
    await knowledge.add_bytes("a.txt", b"The wobbler, also called gizmo, is mine.", location="m/a.txt", scope="eve")
    assert await knowledge.search("gizmo", language="en") == []


async def test_the_file_beside_the_project_is_read(store: SqliteStore, articles: Path) -> None:
    """One group a line, with remarks; commas of any script part them."""
    (articles / "synonyms.txt").write_text("\ufeff# ours\n\ngizmo, wobbler  # both are said\n小玩意，摆动器\n", "utf-8")
    assert read_synonyms(articles / "synonyms.txt") == [["gizmo", "wobbler"], ["小玩意", "摆动器"]]
    assert "dongle.md" in await locations(store, articles, "gizmo")


@pytest.mark.parametrize("line", ["handset", "handset,", "a, --", ",".join(f"w{number}" for number in range(60))])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """With its number, and how it should look."""
    file = tmp_path / "synonyms.txt"
    file.write_text(f"one, two\n{line}\n")
    with pytest.raises(ConfigError, match=r"Line 2 of .*synonyms.txt.*handset, phone, mobile"):
        read_synonyms(file)


def test_what_is_no_text_is_named(tmp_path: Path) -> None:
    """Its encoding is the operator's to put right; a missing file is none."""
    file = tmp_path / "synonyms.txt"
    assert read_synonyms(file) == []
    file.write_bytes(b"caf\xe9, bar\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_synonyms(file)
    file.write_text("a, b\n" * 20_000)
    with pytest.raises(ConfigError, match="20000 lines"):
        read_synonyms(file)


def test_a_group_of_one_is_a_mistake() -> None:
    """In the configuration, too."""
    load(environ={}, overrides={"knowledge": {"synonyms": [["handset", "phone"]]}})
    for groups in ([["handset"]], [["handset", " "]], [[]]):
        with pytest.raises(ConfigError, match="two or more words"):
            load(environ={}, overrides={"knowledge": {"synonyms": groups}})


@pytest.mark.parametrize(
    ("text", "language", "pair"),
    [
        ("Our Fair Use Policy (FUP) applies.", "en", ("Fair Use Policy", "FUP")),
        ("The optical network terminal (ONT) blinks.", "en", ("optical network terminal", "ONT")),
        ("Your hub, also called the router, blinks.", "en", ("hub", "router")),
        ("The mesh pod (also known as satellite) is small.", "en", ("mesh pod", "satellite")),
        ("Die Allgemeinen Geschäftsbedingungen (AGB) gelten.", "de", ("Allgemeinen Geschäftsbedingungen", "AGB")),
        ("Der Anschlusskasten, auch Übergabepunkt genannt, hängt.", "de", ("Anschlusskasten", "Übergabepunkt")),
        ("La tarjeta prepago, también llamada recargable, cuesta.", "es", ("tarjeta prepago", "recargable")),
        ("净水器又称净水机，需要滤芯。", "zh", ("净水器", "净水机")),
        ("黑卡年费会员（以下简称“黑卡会员”）可以退货。", "zh", ("黑卡年费会员", "黑卡会员")),
    ],
)
def test_two_names_for_one_thing(text: str, language: str, pair: tuple[str, str]) -> None:
    """In the ways that each language has to say so."""
    assert aliases(text, language) == [pair]


@pytest.mark.parametrize(
    "text",
    ["A battery (LED) is lit.", "Call us (24/7).", "It is red (not blue).", "A SIM (see below).", "(ABC)", "又称"],
)
def test_what_stands_in_brackets_is_no_name(text: str) -> None:
    """An abbreviation has the letters of what it stands for."""
    assert aliases(text, "en") == []


@given(st.text(max_size=400))
def test_no_text_is_an_error(text: str) -> None:
    """Articles hold anything; what is found is two different names."""
    for one, other in aliases(text, "en"):
        assert one.casefold() != other.casefold()
