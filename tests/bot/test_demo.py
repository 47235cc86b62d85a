"""The demo is whole: its knowledge, its questions, its configuration and its website fit together."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config import load
from bot.scoring.facts import holds

DEMO = Path(__file__).resolve().parents[2] / "bot" / "demo"
ARTICLES = sorted((DEMO / "knowledge").glob("*/*.md"))
PAGES = sorted((DEMO / "site").glob("*.html"))
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (DEMO / "questions.jsonl").read_text("utf-8").splitlines()
]
TEXTS = {article.name: article.read_text("utf-8") for article in ARTICLES}
WIDGET = "/web/frontdesk.js"


def test_knowledge_is_large_enough() -> None:
    """At least 32 English and 14 Chinese articles, whose names differ, so that a name means one article."""
    languages = Counter(article.parent.name for article in ARTICLES)
    assert languages["en"] >= 32
    assert languages["zh"] >= 14
    assert len(TEXTS) == len(ARTICLES)


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.stem)
def test_article_is_well_formed(article: Path) -> None:
    """Front matter names title, language (its folder's) and a day; the title stands above the text; 150–450 words."""
    _, head, body = article.read_text("utf-8").split("---\n", 2)
    matter = yaml.safe_load(head)
    assert set(matter) == {"title", "language", "updated"}
    assert matter["language"] == article.parent.name
    assert isinstance(matter["updated"], date)
    assert body.startswith(f"# {matter['title']}\n")
    assert len(body.split()) >= 150 or len(re.findall(r"[\u4e00-\u9fff]", body)) >= 250
    assert len(body.split()) <= 450


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.stem)
def test_tables_are_rectangular(article: Path) -> None:
    """Each row of a table has as many cells as its head, or Markdown would drop what is too much."""
    for block in re.findall(r"(?:^\|.*\n)+", article.read_text("utf-8"), re.MULTILINE):
        assert len({row.count("|") for row in block.splitlines()}) == 1, block


def test_chinese_is_set_in_its_own_punctuation() -> None:
    """No half-width comma, colon, question mark or bracket touches a Chinese character."""
    for article in ARTICLES:
        if article.parent.name == "zh":
            body = article.read_text("utf-8").split("---\n", 2)[2]
            assert not re.search(r'[\u4e00-\u9fff][,:;?!()"]|[,:;?!()"][\u4e00-\u9fff]', body), article.name


def test_questions_are_many_and_distinct() -> None:
    """At least 100 questions, 25 of them Chinese, about 20 to decline, every kind, no id or question twice."""
    kinds = Counter(question["kind"] for question in QUESTIONS)
    languages = Counter(question["lang"] for question in QUESTIONS)
    assert len(QUESTIONS) >= 100
    assert languages["zh"] >= 25
    assert min(languages["de"], languages["es"]) >= 5
    assert set(kinds) == {
        *("direct", "paraphrase", "table", "steps", "exception", "near_duplicate", "follow_up", "yes_no"),
        *("unanswerable", "off_topic", "greeting", "thanks", "person"),
    }
    assert 18 <= sum(question["declined"] for question in QUESTIONS) <= 30
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)
    asked = Counter((question["question"], json.dumps(question.get("history"))) for question in QUESTIONS)
    assert max(asked.values()) == 1


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_question_can_be_answered_from_its_sources(question: dict[str, Any]) -> None:
    """Sources exist, and each fact asked for stands in one of them; what is to be declined names neither."""
    assert question.keys() - {"history"} == {
        *("id", "question", "lang", "kind", "sources", "must", "must_not", "declined"),
    }
    assert set(question["sources"]) <= TEXTS.keys()
    assert question["declined"] == (question["kind"] in ("unanswerable", "off_topic"))
    assert bool(question["sources"]) == bool(question["must"])
    assert not (question["declined"] and question["sources"])
    for facts in question["must"]:
        for fact in facts:
            assert any(holds(TEXTS[name], fact) for name in question["sources"]), fact
    assert ("history" in question) == (question["kind"] == "follow_up")
    roles = [said["role"] for said in question.get("history", ())]
    assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_configuration_loads_and_is_kind_to_every_language() -> None:
    """The demo's own file is valid, and greets and suggests in all languages of the widget."""
    config = load(DEMO / "frontdesk.toml", environ={})
    languages = {"en", "zh", "de", "es", "ar"}
    assert config.site.name == "Otterhaul"
    assert config.web.greeting.keys() == languages
    assert config.web.suggestions.keys() == languages
    assert all(len(questions) >= 3 for questions in config.web.suggestions.values())


class _Page(HTMLParser):
    """What a page refers to, the ids it has, and what a strict content security policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.ids: list[str] = []
        self.refused: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.references += [value for key in ("href", "src", "srcset") if (value := attributes.get(key))]
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.refused += [f"{tag} {key}" for key in attributes if key == "style" or key.startswith("on")]
        if tag == "style" or (tag == "script" and not attributes.get("src")):
            self.refused.append(tag)
        if tag == "script":
            self.scripts.append(attributes)


def test_site_has_its_pages() -> None:
    """The front page and at least two more."""
    assert {page.name for page in PAGES} >= {"index.html", "bikes.html", "help.html"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_local_and_strict(page: Path) -> None:
    """Every reference leads to a file (and an id) of the site; the only script is the widget; nothing is inline."""
    parsed = _Page(page.read_text("utf-8"))
    assert parsed.scripts == [{"src": WIDGET, "async": None}]
    assert parsed.refused == []
    assert len(parsed.ids) == len(set(parsed.ids))
    for reference in parsed.references:
        if reference == WIDGET or reference.startswith("mailto:"):
            continue
        name, _, fragment = reference.partition("#")
        file = (DEMO / "site" / name) if name else page
        assert file.is_file(), reference
        assert not fragment or f'id="{fragment}"' in file.read_text("utf-8"), reference


def test_style_and_drawings_are_local() -> None:
    """The style sheet and the drawings fetch nothing but the site's own files, and carry no style of their own."""
    style = (DEMO / "site" / "style.css").read_text("utf-8")
    assert "@import" not in style
    for reference in re.findall(r'url\("?([^")]+)', style):
        assert (DEMO / "site" / reference).is_file(), reference
    for drawing in (DEMO / "site").glob("*.svg"):
        text = drawing.read_text("utf-8")
        assert not re.search(r"<style|<script|style=|<image|href=", text), drawing.name
        assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]


def test_prices_on_the_site_stand_in_the_knowledge() -> None:
    """Every amount in euros that a page shows is one that an article states."""
    known = set(re.findall(r"€[\d,.]*\d", "\n".join(TEXTS.values())))
    for page in PAGES:
        shown = set(re.findall(r"€[\d,.]*\d", page.read_text("utf-8")))
        assert shown <= known, shown - known
