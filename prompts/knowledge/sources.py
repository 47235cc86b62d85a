"""What to read: from the words on a command line to files and pages, each with its location.

A location names a document for good: in citations, in `knowledge remove`, in an evaluation's report. So it must be the
same on every machine, and no two documents may share one:

* a page: its address, without a fragment;
* a file inside the project (`root`): its path from there, "knowledge/en/shipping.md", however it was named;
* a file elsewhere: its folder's name and the path below, "manuals/pump/setup.pdf" for the folder /srv/manuals and
  "manuals/setup.pdf" for one file in it. Two such folders of the same name count as the same folder.

The last part is always the file's own name. Forward slashes on every system.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import SourceError
from prompts.knowledge.readers import KINDS, kind_of

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A source that was not taken, and why."""

    location: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to read: a file, or a page when `path` is None. `kind` is one of the readers', "" for a page."""

    location: str
    path: Path | None = None
    kind: str = ""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """`folders` are the beginnings of locations that were listed, except below those in `unlisted`: what is stored
    there and is neither read nor failed this time is gone."""

    items: list[Item] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    def gone(self, location: str) -> bool:
        """Whether the stored document at `location` was in a folder that was listed, and is no longer there."""
        if is_page(location) or not any(location.startswith(folder) for folder in self.folders):
            return False
        if any(location.startswith(folder) for folder in self.unlisted):
            return False
        return location not in {item.location for item in self.items} | {entry.location for entry in self.failed}


def is_page(source: str) -> bool:
    return _SCHEME.match(source) is not None


def gather(sources: Sequence[str], root: Path) -> Gathered:
    """Walks folders, so it belongs in a thread. What cannot be taken is reported, never raised."""
    found = Gathered()
    for source in sources:
        if is_page(source):
            found.items.append(Item(location=source.split("#", 1)[0]))
            continue
        path = Path(source).expanduser()
        if path.is_dir():
            _walk(path.resolve(), root.resolve(), found)
        elif path.exists():
            _take(path.absolute(), location_of(path, root), kind_of(path.name) or "text", found)
        else:
            found.failed.append(Problem(location=source, reason="There is no such file or folder: check its path."))
    _refuse_doubles(found)
    return found


def location_of(path: Path, root: Path) -> str:
    """Where a single file is filed (see the top of this module)."""
    path, root = Path(os.path.abspath(path.expanduser())), root.resolve()  # noqa: PTH100  links keep their own name
    parent = path.parent.resolve()
    base = root if parent.is_relative_to(root) else parent.parent
    return _name(parent / path.name, base)


def folder_of(path: Path, root: Path) -> str:
    """The beginning of the locations of all files in a folder; "" for the project's own."""
    path, root = path.expanduser().resolve(), root.resolve()
    if path == root:
        return ""
    return _name(path, root if path.is_relative_to(root) else path.parent) + "/"


def read_file(path: Path, limit: int) -> bytes:
    """A file's bytes. Raises `SourceError` when it cannot be read or is larger than `limit`."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise SourceError(f"It cannot be read: {error.strerror or error}.") from None
    if len(raw) > limit:
        raise SourceError(f"It is larger than {limit} bytes: split it, or raise knowledge.max_file_bytes.")
    return raw


def _walk(folder: Path, root: Path, found: Gathered) -> None:
    base = root if folder.is_relative_to(root) else folder.parent
    found.folders.append(folder_of(folder, root))

    def unlisted(error: OSError) -> None:
        location = _name(Path(error.filename or folder), base)
        found.unlisted.append(f"{location}/")
        found.failed.append(Problem(location=location, reason=f"It cannot be listed: {error.strerror}."))

    for parent, folders, files in os.walk(folder, onerror=unlisted):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [name for name in folders if (Path(parent) / name).is_symlink()]:
            found.skipped.append(Problem(location=_name(Path(parent) / name, base), reason="It is a link to a folder."))
        for name in _visible(files):
            path = Path(parent) / name
            location = _name(path, base)
            if path.is_symlink() and not path.resolve().is_relative_to(folder):
                found.skipped.append(Problem(location=location, reason="It is a link that leaves the folder."))
            elif kind := kind_of(name):
                _take(path, location, kind, found)
            else:
                reason = f"Its kind is not read; what is read: {', '.join(sorted(KINDS))}."
                found.skipped.append(Problem(location=location, reason=reason))


def _visible(files: Sequence[str]) -> Iterator[str]:
    return (name for name in sorted(files) if not name.startswith((".", "~$")))


def _take(path: Path, location: str, kind: str, found: Gathered) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        found.failed.append(Problem(location=location, reason=f"It cannot be read: {error.strerror}."))
        return
    if regular:
        found.items.append(Item(location=location, path=path, kind=kind))
    else:
        found.skipped.append(Problem(location=location, reason="It is not a file that can be read to its end."))


def _refuse_doubles(found: Gathered) -> None:
    """The same file named twice is read once; two files with one location are an error for the second."""
    first: dict[str, Item] = {}
    for item in found.items:
        known = first.setdefault(item.location, item)
        if known.path is not None and item.path is not None and known.path.resolve() != item.path.resolve():
            reason = f"It would be filed under the same name as {known.path}: add the folder that holds both."
            found.failed.append(Problem(location=str(item.path), reason=reason))
    found.items = list(first.values())


def _name(path: Path, base: Path) -> str:
    """The path below `base` with forward slashes, in characters that can be stored."""
    return os.fsencode(path.relative_to(base).as_posix()).decode("utf-8", "replace")
