"""`frontdesk train classifier`, as somebody meets it who has labelled lines."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from bot.classify.model import Classifier
from tests.bot.test_cli import frontdesk

TOPICS = {
    "billing": ("the invoice for my {}", "I paid the {} twice", "refund the {} please", "what does a {} cost"),
    "shipping": ("the parcel with my {} is late", "track my {}", "deliver the {} on Monday", "who carries the {}"),
}
LINES = [
    f"{label}\t{form.format(thing)}"
    for label, forms in TOPICS.items()
    for form, thing in product(forms, ("kettle", "lamp", "chair"))
]


@pytest.fixture
def topics(tmp_path: Path) -> Path:
    (tmp_path / "topics.tsv").write_text("\n".join([*LINES, LINES[0], "shipping\twhat?", "billing\tWHAT?"]), "utf-8")
    unseen = [("billing", "an invoice for the sofa", "en"), ("shipping", "my sofa is late", "en")]
    (tmp_path / "unseen.jsonl").write_text(
        "\n".join(json.dumps({"label": label, "text": text, "lang": lang}) for label, text, lang in unseen), "utf-8"
    )
    return tmp_path


def test_it_trains_reports_and_writes_one_file(topics: Path) -> None:
    """Balance, folds, unseen lines by language; and the file tells what it was trained to tell, also a second time."""
    made = ("train", "classifier", "topics.tsv", "--out", "topics.json", "--test", "unseen.jsonl", "--folds", "3")
    told = frontdesk(*made, cwd=topics)
    assert told.returncode == 0, told.stderr
    assert "1 left out that said the same as another; 2 left out that had several labels" in told.stdout
    for part in ("50.0 % 12/24", "precision", "Right (rows) and told (columns)", "2 lines, 0 of which", "By language"):
        assert part in told.stdout
    classifier = Classifier.load(topics / "topics.json")
    assert next(iter(classifier.probabilities("where is the invoice"))) == "billing"
    assert next(iter(classifier.probabilities("the parcel"))) == "shipping"
    first = (topics / "topics.json").read_bytes()
    assert frontdesk(*made, cwd=topics).returncode == 0
    assert (topics / "topics.json").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("topics.tsv", "--out", "topics.tsv"), "nothing was changed"),
        (("topics.tsv", "--out", "no/such/folder.json"), "--out"),
        (("topics.tsv", "--out", "a.json", "--folds", "13"), "--folds"),
        (("topics.tsv", "--out", "a.json", "--test", "strange.tsv"), '"weather"'),
        (("broken.jsonl", "--out", "a.json"), "line 2"),
        (("missing.jsonl", "--out", "a.json"), "missing.jsonl"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(topics: Path, arguments: tuple[str, ...], says: str) -> None:
    """Nothing is written, and nothing that was there is changed."""
    (topics / "broken.jsonl").write_text('{"text": "a", "label": "b"}\n{"text": "a"}\n', "utf-8")
    (topics / "strange.tsv").write_text("weather\tit rains\n", "utf-8")
    before = (topics / "topics.tsv").read_bytes()
    told = frontdesk("train", "classifier", *arguments, cwd=topics)
    assert told.returncode == 2
    assert says in told.stderr
    assert not (topics / "a.json").exists()
    assert (topics / "topics.tsv").read_bytes() == before
