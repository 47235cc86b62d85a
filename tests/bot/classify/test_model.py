"""What a classifier reads of a text, and what it tells of it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.classify.features import FEATURES, LONGEST, runs, words
from bot.classify.lines import Labelled, Line, deduplicated
from bot.classify.model import Classifier
from bot.classify.tone import SHIPPED
from bot.classify.training import Made, trained
from bot.errors import UsageError

CLASSIFIER = Classifier.load(SHIPPED)
THINGS = ("kettle", "lamp", "Stuhl", "mesa", "桌子", "كرسي")
SAID = {
    "up": ("lovely {}!", "I like the {}", "{} 很好", "der {} ist gut", "what a good {} 😊"),
    "down": ("awful {}", "the {} broke", "{} 坏了", "der {} ist schlecht", "no {} ever again"),
    "flat": ("where is the {}?", "my {} is blue", "{} 在哪里？", "wo steht der {}?", "one {} and two more"),
}


def lines(*labels: str) -> Labelled:
    return deduplicated(
        [Line(text=form.format(thing), label=label) for label in labels for form, thing in product(SAID[label], THINGS)]
    )


@pytest.fixture(scope="module", params=[("up", "down"), ("up", "down", "flat")], ids=["two labels", "three labels"])
def made(request: pytest.FixtureRequest) -> Made:
    return trained(lines(*request.param), folds=3, seed=1)


# -- features --------------------------------------------------------------------------------------------
def test_words_are_read_in_any_script() -> None:
    """Of Chinese each character; marks and faces count, numbers do not; spellings of one word are one."""
    assert words("Not GOOD, 2nd time!!! 😡 不好") == ["not", "good", "nd", "time", "!!!", "😡", "不", "好"]
    assert words("أسوأ خدمة") == words("اسوا خدمه")
    assert words("cafe\u0301") == ["café"]


def test_runs_stay_within_words() -> None:
    """An edge is a space; Chinese characters that follow one another are one stretch."""
    assert runs("ab c") == [" a", "ab", "b ", " ab", "ab ", " ab ", " c", "c ", " c "]
    assert "不好" in runs("不好吃")
    assert "nd 不" not in runs("nd不")


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(text: str, more: str) -> None:
    """Nothing in it breaks the reader, case means nothing, and what is beyond the longest text is not read."""
    for read in FEATURES.values():
        assert all(isinstance(feature, str) and feature.strip() for feature in read(text))
    assert words("a " * LONGEST + more) == words("a " * LONGEST)


# -- probabilities ---------------------------------------------------------------------------------------
@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_probabilities_are_probabilities(text: str) -> None:
    """Of every label one, likeliest first, 1 altogether."""
    told = CLASSIFIER.probabilities(text)
    assert set(told) == {"positive", "neutral", "negative"}
    assert sum(told.values()) == pytest.approx(1, abs=1e-9)
    assert list(told.values()) == sorted(told.values(), reverse=True)


def test_what_is_not_known_is_as_likely_as_anywhere() -> None:
    """Texts without a known feature are all told the same, and no label is sure."""
    assert CLASSIFIER.probabilities("") == CLASSIFIER.probabilities("ཨོཾ 12345")
    assert max(CLASSIFIER.probabilities("").values()) < 0.8


@given(words=st.lists(st.sampled_from([word for forms in SAID.values() for form in forms for word in form.split()])))
@settings(max_examples=60, deadline=None)
def test_our_reader_tells_what_scikit_learn_tells(made: Made, words: list[str]) -> None:
    """To one in a million, for two labels and for more, of any text, with repetitions."""
    text = " ".join(words)
    expected = dict(zip(made.pipeline.classes_, made.pipeline.predict_proba([text])[0], strict=True))
    told = Classifier(made.file).probabilities(text)
    assert told == {label: pytest.approx(share, abs=1e-6) for label, share in expected.items()}


def test_what_is_written_is_what_was_trained(made: Made, tmp_path: Path) -> None:
    """A file is read back as it was, and tells lines apart that are as different as these."""
    path = tmp_path / "c.json"
    path.write_text(made.file.model_dump_json(), "utf-8")
    again = Classifier.load(path)
    assert again.probabilities("lovely kettle") == Classifier(made.file).probabilities("lovely kettle")
    assert next(iter(again.probabilities("awful lamp"))) == "down"
    assert next(iter(again.probabilities("das ist gut"))) == "up"


# -- files -----------------------------------------------------------------------------------------------
def _document(**changed: Any) -> str:
    trained_from = {"lines": 2, "languages": {"": 2}, "digest": "sha256:0", "seed": 0}
    block = {"kind": "words", "vocabulary": ["a"], "documents": [1], "weights": [[1.0, -1.0]]}
    return json.dumps({"labels": ["x", "y"], "trained": trained_from, "bias": [0, 0], "blocks": [block], **changed})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "JSON"),
        ("[]", "object"),
        (_document(version=2), "version"),
        (_document(format="pickle"), "format"),
        (_document(bias=[0]), "same number"),
        (_document(labels=["x"]), "labels"),
        (_document(bias=[0, "NaN"]), "bias"),
        (_document(blocks=[{"kind": "code", "vocabulary": [], "documents": [], "weights": []}]), "kind"),
    ],
)
def test_a_file_that_is_no_classifier_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """With what is wrong about it, and what to do."""
    path = tmp_path / "c.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=f"(?s){says}.*frontdesk train classifier"):
        Classifier.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And where one comes from."""
    with pytest.raises(UsageError, match=r"none\.json.*frontdesk train classifier"):
        Classifier.load(tmp_path / "none.json")
