"""Labelled lines: what is read, what is left out, and what is said of a file that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.classify.lines import Line, deduplicated, need_enough, read, shared
from bot.errors import UsageError


def file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    """JSON lines and tab-separated ones; empty lines and a byte order mark are nothing, spaces around are no text."""
    given = file(
        tmp_path,
        "a.jsonl",
        '\ufeff{"text": " Hi there ", "label": "greeting"}\n\n{"text": "你好", "label": "b", "x": 1}',
    )
    separated = file(tmp_path, "a.tsv", "\ufeffgreeting\tHi there\n\nb\t你好\n")
    assert read(given) == read(separated)
    assert [(line.label, line.text) for line in read(given).lines] == [("greeting", "Hi there"), ("b", "你好")]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", '{"text": "x", "label": "y"}\n{', "line 2: JSON"),
        ("a.jsonl", '{"text": "x"}', "line 1: label"),
        ("a.jsonl", '{"text": "  ", "label": "y"}', "line 1: text"),
        ("a.tsv", "a\tb\n\nno tab here", "line 3: no label, tab and text"),
        ("a.tsv", "\ttext", "line 1: no label"),
        ("a.tsv", "label\t ", "line 1: no label"),
        ("a.tsv", "\n", "holds no labelled line"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    """With what a line should be, before anything is trained."""
    with pytest.raises(UsageError, match=says):
        read(file(tmp_path, name, text))


@pytest.mark.parametrize("name", ["none.jsonl", "none.tsv"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    """In either form; and so is one that is not UTF-8."""
    with pytest.raises(UsageError, match="none"):
        read(tmp_path / name)
    (tmp_path / name).write_bytes(b"a\tb\xff\n")
    with pytest.raises(UsageError, match="UTF-8"):
        read(tmp_path / name)


def test_what_is_said_twice_counts_once_and_what_contradicts_itself_not_at_all() -> None:
    """Texts with the same words are the same: a fold would else be asked what it was taught."""
    told = [("Great!", "up"), ("great !", "up"), ("Fine", "up"), ("FINE", "down"), ("No", "down")]
    found = deduplicated([Line(text=text, label=label) for text, label in told])
    assert [line.text for line in found.lines] == ["Great!", "No"]
    assert (found.repeated, found.contradicting) == (1, 2)
    assert found.labels == ("down", "up")


def test_the_digest_is_that_of_the_set() -> None:
    """Order does not matter, a label does."""
    one, other = Line(text="a", label="x"), Line(text="b", label="y")
    assert deduplicated([one, other]).digest() == deduplicated([other, one]).digest()
    assert deduplicated([one, other]).digest() != deduplicated([one, Line(text="b", label="z")]).digest()


@pytest.mark.parametrize(
    ("labels", "says"),
    [("aaaa", "1 label:"), ("aaab", 'has 1 line for "b"'), ([str(number) for number in range(101)], "101 labels")],
)
def test_too_little_to_learn_from_is_refused(labels: list[str], says: str) -> None:
    """Before anything is trained, with what is missing."""
    found = deduplicated([Line(text=f"w{'x' * number}", label=label) for number, label in enumerate(labels)])
    with pytest.raises(UsageError, match=says):
        need_enough(found, Path("lines.tsv"), 2)


def test_what_was_trained_on_is_found_among_what_is_tried() -> None:
    """However it is spelled."""
    known = deduplicated([Line(text="So good!", label="a"), Line(text="bad", label="b")])
    assert shared(known, deduplicated([Line(text="SO  good!", label="a"), Line(text="worse", label="b")])) == 1
