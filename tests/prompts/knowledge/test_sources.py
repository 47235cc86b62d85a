"""Sources: what is read, what is not, and how it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.errors import SourceError
from prompts.knowledge.sources import folder_of, gather, location_of, read_file


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")


def test_files_of_the_project_are_named_from_its_folder(project: Path) -> None:
    """The same name, whether the file, its folder or the folder above was given."""
    put(project, "knowledge/en/shipping.md")
    sources = ["knowledge", "knowledge/en", "knowledge/en/shipping.md"]
    assert {gather([str(project / source)], project).items[0].location for source in sources} == {
        "knowledge/en/shipping.md"
    }


def test_files_elsewhere_are_named_from_their_folder(project: Path, tmp_path: Path) -> None:
    """A folder outside gives its own name, and nothing of the machine's paths is in the names."""
    put(tmp_path / "srv/manuals", "pump/setup.md", "readme.md")
    assert [item.location for item in gather([str(tmp_path / "srv/manuals")], project).items] == [
        "manuals/readme.md",
        "manuals/pump/setup.md",
    ]
    assert location_of(tmp_path / "srv/manuals/readme.md", project) == "manuals/readme.md"
    assert folder_of(tmp_path / "srv/manuals", project) == "manuals/"


def test_hidden_files_are_ignored_and_others_reported(project: Path) -> None:
    """Hidden names go without a word; kinds that are not read are skipped with a reason; links do not lead out."""
    put(project, "kb/a.md", "kb/.git/config.md", "kb/.hidden.md", "kb/~$a.docx", "kb/photo.png", "other/b.md")
    (project / "kb/out.md").symlink_to(project / "other/b.md")
    (project / "kb/elsewhere").symlink_to(project / "other")
    os.mkfifo(project / "kb/pipe.txt")
    found = gather([str(project / "kb")], project)
    assert [item.location for item in found.items] == ["kb/a.md"]
    assert {problem.location: problem.reason.split(",")[0].split(";")[0] for problem in found.skipped} == {
        "kb/photo.png": "Its kind is not read",
        "kb/out.md": "It is a link that leaves the folder.",
        "kb/elsewhere": "It is a link to a folder.",
        "kb/pipe.txt": "It is not a file that can be read to its end.",
    }
    assert found.failed == []


def test_what_is_missing_fails_with_a_reason(project: Path) -> None:
    """And does not stop what is there."""
    put(project, "a.md")
    found = gather([str(project / "nowhere"), str(project / "a.md")], project)
    assert [item.location for item in found.items] == ["a.md"]
    assert [problem.reason for problem in found.failed] == ["There is no such file or folder: check its path."]


def test_two_files_never_share_a_location(project: Path, tmp_path: Path) -> None:
    """The second is an error that says what to do; the same file named twice is read once."""
    put(tmp_path, "x/docs/a.md", "y/docs/a.md")
    found = gather([str(tmp_path / "x/docs"), str(tmp_path / "x/docs/a.md"), str(tmp_path / "y/docs")], project)
    assert [item.path for item in found.items] == [tmp_path / "x/docs/a.md"]
    assert ["the same name" in problem.reason for problem in found.failed] == [True]


def test_an_explicit_file_of_unknown_kind_is_read_as_text(project: Path) -> None:
    """Who names a file means it."""
    put(project, "LICENSE")
    assert [(item.location, item.kind) for item in gather([str(project / "LICENSE")], project).items] == [
        ("LICENSE", "text")
    ]


def test_pages_are_named_by_their_address(project: Path) -> None:
    """Without a fragment, which names a place within the page."""
    assert [item.location for item in gather(["https://shop.example/faq#returns"], project).items] == [
        "https://shop.example/faq"
    ]


def test_only_what_was_listed_can_be_gone(project: Path) -> None:
    """Pages, other folders, and folders that could not be listed keep their documents."""
    put(project, "kb/a.md")
    found = gather([str(project / "kb")], project)
    found.unlisted.append("kb/locked/")
    stored = ["kb/a.md", "kb/gone.md", "kb2/b.md", "https://shop.example/kb/", "kb/locked/c.md"]
    assert [location for location in stored if found.gone(location)] == ["kb/gone.md"]


def test_names_that_are_no_unicode_can_be_stored(project: Path) -> None:
    """Old archives hold them."""
    (project / "kb").mkdir()
    with open(os.fsencode(project / "kb") + b"/\xff.md", "w") as stream:
        stream.write("text")
    assert [item.location for item in gather([str(project / "kb")], project).items] == ["kb/�.md"]


def test_large_files_are_refused_before_they_are_read(project: Path) -> None:
    """The limit is the configuration's, and the error names it."""
    put(project, "a.md")
    assert read_file(project / "a.md", 4) == b"text"
    with pytest.raises(SourceError, match=r"larger than 3 bytes: split it, or raise knowledge\.max_file_bytes"):
        read_file(project / "a.md", 3)
