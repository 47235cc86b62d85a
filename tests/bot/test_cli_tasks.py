"""Tasks on the command line: real processes, with and without a model server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot.classify.model import Classifier
from bot.classify.tone import SHIPPED
from bot.phrases import said
from tests.bot.test_cli import frontdesk
from tests.bot.test_errands import REPORT
from tests.fakes.openai import Answer, FakeOpenAI, Refuse

ANGRY = "Terrible service, I am furious and very disappointed!"


def served(fake: FakeOpenAI) -> dict[str, str]:
    """The environment in which the model server answers."""
    remote = {"BASE_URL": fake.base_url, "RETRIES": "0"}
    return {"FRONTDESK_ENGINE__KIND": "openai", **{f"FRONTDESK_ENGINE__OPENAI__{key}": remote[key] for key in remote}}


def test_a_file_is_summarised_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """In its own words, plain, so that it can be piped; standard input does as well."""
    (tmp_path / "bridge.md").write_text(REPORT, "utf-8")
    told = frontdesk("summarize", "bridge.md", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"{said('summary_lead', 'en')}\n\n- The harbour bridge will be closed")
    assert "\x1b" not in told.stdout
    assert told.stderr == ""
    assert frontdesk("summarize", "-", cwd=tmp_path, stdin=REPORT).stdout == told.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["bridge.md"]


def test_a_summary_has_at_most_as_many_sentences_as_were_asked_for(tmp_path: Path) -> None:
    """Also more than it would have by itself; each is a line."""
    for count in (1, 2, 5):
        told = frontdesk("summarize", "-", "--sentences", str(count), cwd=tmp_path, stdin=REPORT)
        assert told.stdout.count("\n- ") == count, told.stderr


def test_a_site_judges_with_its_own_labels(tmp_path: Path) -> None:
    """`tasks.classifier` is taken from the configuration's folder; one that cannot be read stops the start."""
    (tmp_path / "topics.tsv").write_text(
        "\n".join(f"bill\tinvoice {'x' * n}\nmail\tparcel {'y' * n}" for n in range(9))
    )
    made = frontdesk("train", "classifier", "topics.tsv", "--out", "site/own.json", "--folds", "2", cwd=tmp_path)
    assert made.returncode == 2  # there is no such folder yet
    (tmp_path / "site").mkdir()
    made = frontdesk("train", "classifier", "topics.tsv", "--out", "site/own.json", "--folds", "2", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "site" / "frontdesk.toml").write_text('[tasks]\nclassifier = "own.json"\n')
    told = frontdesk("sentiment", "my invoice", "--config", "site/frontdesk.toml", cwd=tmp_path)
    assert "The tone is bill (" in told.stdout, told.stderr
    told = frontdesk("sentiment", "my parcel", "--json", "--config", "site/frontdesk.toml", cwd=tmp_path)
    assert json.loads(told.stdout)["label"] == "mail"
    (tmp_path / "site" / "own.json").write_text("{}")
    broken = frontdesk("sentiment", "my parcel", "--config", "site/frontdesk.toml", cwd=tmp_path)
    assert (broken.returncode, broken.stdout) == (2, "")
    assert "own.json" in broken.stderr


def test_a_tone_is_told_in_words_and_as_json(tmp_path: Path) -> None:
    """The same label, from the same classifier; JSON says how likely each is."""
    spoken = frontdesk("sentiment", ANGRY, cwd=tmp_path)
    assert spoken.returncode == 0, spoken.stderr
    told = json.loads(frontdesk("sentiment", "-", "--json", cwd=tmp_path, stdin=ANGRY).stdout)
    assert told["labels"] == pytest.approx(Classifier.load(SHIPPED).probabilities(ANGRY), abs=1e-4)
    assert (told["label"], told["share"]) == ("negative", told["labels"]["negative"])
    assert spoken.stdout.strip() == f"The tone is negative ({100 * told['share']:.0f} %)."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("write", "a letter"), "--model"),
        (("translate", "hello", "--to", "de"), "--model"),
        (("sentiment", "missing.txt"), "no file missing.txt"),
        (("sentiment", "."), "folder"),
        (("summarize", " "), "no text"),
        (("summarize", "-"), "no text"),
        (("summarize", "broken.pdf"), "broken.pdf"),
        (("write", "x", "--kind", "poem"), "email"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    """On standard error, with an exit code; nothing is on standard output."""
    (tmp_path / "broken.pdf").write_text("no PDF", "utf-8")
    told = frontdesk(*arguments, cwd=tmp_path)
    assert told.returncode == 2
    assert says in told.stderr
    assert told.stdout == ""


async def test_a_model_writes_and_translates(tmp_path: Path) -> None:
    """Through the templates of the errands: the kind, the language and the knowledge that were asked for."""
    (tmp_path / "shop.md").write_text("# Returns\n\nYou may return a kettle within 30 days of delivery.\n", "utf-8")
    async with FakeOpenAI().serving() as fake:
        fake.then(Answer(pieces=("Betreff: ", "Ihr Kessel")), Answer(pieces=("Guten ", "Morgen")), Refuse(status=500))
        wish = ("write", "to Jo: returning a kettle", "--kind", "email", "--language", "de", "-k", "shop.md")
        told = await asyncio.to_thread(frontdesk, *wish, cwd=tmp_path, **served(fake))
        assert (told.stdout, told.returncode) == ("Betreff: Ihr Kessel\n", 0), told.stderr
        system, message = (part["content"] for part in fake.requests[0]["messages"])
        assert "You write e-mails" in system or "E-Mail" in system
        assert "in German" in system
        assert "within 30 days" in system
        assert message.endswith("to Jo: returning a kettle")
        given = ("translate", "-", "--to", "German")
        told = await asyncio.to_thread(frontdesk, *given, cwd=tmp_path, stdin="Good morning", **served(fake))
        assert told.stdout == "Guten Morgen\n", told.stderr
        assert "into German" in fake.requests[1]["messages"][0]["content"]
        assert fake.requests[1]["messages"][1]["content"].strip() == "Good morning"
        failed = await asyncio.to_thread(frontdesk, *given, cwd=tmp_path, stdin="Good morning", **served(fake))
        assert (failed.stdout, failed.returncode) == ("", 1)
        assert "Please try again" in failed.stderr


async def test_a_language_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Before a model is asked; and so is a sentence where a language should be."""
    async with FakeOpenAI().serving() as fake:
        for to in ("Klingon", "German: say", ""):
            told = await asyncio.to_thread(frontdesk, "translate", "hi", "--to", to, cwd=tmp_path, **served(fake))
            assert told.returncode == 2
            assert "--to" in told.stderr
        assert fake.requests == []
