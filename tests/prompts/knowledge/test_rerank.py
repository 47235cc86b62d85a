"""A cross-encoder over the best passages: an order of its own, or none at all."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from bot.config import KnowledgeConfig, Rerank
from bot.errors import ConfigError
from bot.events import Passage
from prompts.knowledge import Knowledge, Reranker, find_reranker
from prompts.knowledge.rerank import CrossEncoderReranker
from storage.sqlite import SqliteStore

real = pytest.mark.skipif(not importlib.util.find_spec("sentence_transformers"), reason="needs the semantic extra")
WORDS = "lamp desk chair sofa bed red green blue return parcel fee".split()  # noqa: SIM905


class Fixed:
    """Prefers passages that hold `best`; says nothing while it is not `able`."""

    def __init__(self, best: str, *, candidates: int = 20) -> None:
        self.best, self.candidates, self.able = best, candidates, True
        self.seen: list[list[str]] = []
        self.closed = False

    def start(self) -> None: ...

    async def load(self) -> bool:
        return True

    async def scores(self, question: str, passages: Sequence[Passage], language: str) -> list[float]:
        self.seen.append([passage.location for passage in passages])
        return [float(self.best in passage.text) for passage in passages[: self.candidates]] if self.able else []

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def lamps(project: Path) -> Path:
    for number, word in enumerate(("red", "green", "blue", "old")):
        head = "---\nlanguage: en\n" + ("valid_until: 2020-01-01\n" if word == "old" else "") + "---\n"
        text = f"{'lamp ' * (4 - number)}{word} is here with a story of its own about the {word} thing"
        (project / f"{word}.md").write_text(f"{head}# {word}\n\nThe {text}.\n")
    return project


async def order(store: SqliteStore, project: Path, reranker: Reranker | None, limit: int = 4) -> list[str]:
    knowledge = Knowledge(store, KnowledgeConfig(), root=project, reranker=reranker, today=lambda: date(2026, 1, 1))
    await knowledge.add([str(project)])
    found = await knowledge.search("lamp", language="en", limit=limit)
    knowledge.close()
    return [passage.location.removesuffix(".md") for passage in found]


async def test_its_order_counts(store: SqliteStore, lamps: Path) -> None:
    """What it prefers comes first, even from behind the limit; what it says nothing of keeps its order."""
    before = await order(store, lamps, None)
    assert await order(store, lamps, Fixed("blue")) == ["blue", *(word for word in before if word != "blue")]
    assert await order(store, lamps, Fixed("blue"), limit=1) == ["blue"]
    few = Fixed(before[1], candidates=2)
    assert await order(store, lamps, few) == [before[1], before[0], *before[2:]]


async def test_what_holds_now_still_comes_first(store: SqliteStore, lamps: Path) -> None:
    """A model does not know what day it is."""
    assert (await order(store, lamps, Fixed("old")))[0] != "old"


async def test_without_an_answer_of_its_the_order_stays(store: SqliteStore, lamps: Path) -> None:
    """It is asked once for a search, and closed with the knowledge."""
    mute = Fixed("blue")
    mute.able = False
    assert await order(store, lamps, mute) == await order(store, lamps, None)
    assert len(mute.seen) == 1
    assert mute.closed


async def test_its_share_is_explained(store: SqliteStore, lamps: Path) -> None:
    """Who asks why reads its score beside the others."""
    knowledge = Knowledge(store, KnowledgeConfig(), root=lamps, reranker=Fixed("blue"))
    await knowledge.add([str(lamps)])
    (_, why), *_ = await knowledge.explained("lamp", language="en")
    assert why.shares["rerank"] == 1.0


def test_what_is_not_there_is_told() -> None:
    """A folder that is missing; and no model is none."""
    assert find_reranker(Rerank()) is None
    with pytest.raises(ConfigError, match=r"no model folder .*knowledge\.rerank\.model"):
        find_reranker(Rerank(model="/nowhere/model"))


def test_without_the_extra_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a model wants it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"frontdesk\[semantic\]"):
        find_reranker(Rerank(model="some/model"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of a few hundred numbers, by chance."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-cross-encoder")
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    tokenizer = Tokenizer(
        WordLevel({word: at for at, word in enumerate((*marks.values(), *WORDS))}, marks["unk_token"])
    )
    tokenizer.pre_tokenizer = Whitespace()
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=2 + len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, num_labels=1, initializer_range=1.0,
    )  # fmt: skip
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **marks).save_pretrained(folder)
    (folder / "README.md").write_text("---\nlanguage: en\n---\n")
    return folder


@pytest.fixture
def loaded(tiny: Path) -> Iterator[CrossEncoderReranker]:
    reranker = find_reranker(Rerank(model=str(tiny), candidates=5, timeout_ms=60_000))
    assert isinstance(reranker, CrossEncoderReranker)
    yield reranker
    reranker.close()


def passages(*texts: str) -> list[Passage]:
    return [Passage(text=text, title="", location="", score=0.0) for text in texts]


@real
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
async def test_a_real_model_scores_pairs(loaded: CrossEncoderReranker) -> None:
    """Loaded from its folder; one score for each of as many passages as it may read; the same again."""
    some = passages(*(f"{word} lamp" for word in WORDS))
    assert await loaded.scores("lamp", some, "en") == []
    assert await loaded.load()
    first = await loaded.scores("red lamp", some, "en")
    assert len(first) == 5
    assert len(set(first)) == 5
    assert await loaded.scores("red lamp", some, "en") == pytest.approx(first)
    assert await loaded.scores("red lamp", some, "zh") == []


@real
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
async def test_a_busy_model_is_not_waited_for(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who takes too long is left alone until it is done; then it is asked again."""
    reranker = CrossEncoderReranker(Rerank(model=str(tiny), timeout_ms=1))
    assert await reranker.load()
    go, predict = threading.Event(), reranker._predict
    monkeypatch.setattr(reranker, "_predict", lambda pairs: predict(pairs) if go.wait(60) else [])
    some = passages("red lamp", "desk")
    assert await reranker.scores("lamp", some, "en") == []
    running = reranker._running
    assert await reranker.scores("lamp", some, "en") == []
    assert reranker._running is running
    go.set()
    assert running is not None
    await asyncio.wrap_future(running)
    reranker._seconds = 60.0
    assert len(await reranker.scores("lamp", some, "en")) == 2
    reranker.close()


@real
async def test_a_model_that_cannot_be_loaded_changes_nothing(tmp_path: Path) -> None:
    """The reason is kept; searches go on."""
    (tmp_path / "config.json").write_text("{}")
    reranker = CrossEncoderReranker(Rerank(model=str(tmp_path)))
    assert not await reranker.load()
    assert reranker.failed
    assert await reranker.scores("lamp", passages("lamp"), "en") == []
    reranker.close()
