"""What adding a channel to a project has in common: a section at the end of its file, an address, numbered steps."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.cli.terminal import configuration, output
from bot.config import Config
from bot.errors import UsageError

PLACEHOLDER = "does, in a sentence."
"""How the description ends that `init` wrote and nobody has changed."""
SERVER = """\

[server]
public_url = {url}
"""
_FILE = Path("frontdesk.toml")


@dataclass(frozen=True, slots=True)
class Project:
    """A configuration file, what it says by itself (`tree`), and what is so with the environment (`settings`)."""

    file: Path
    settings: Config
    tree: Mapping[str, Any]

    @property
    def about(self) -> str:
        """What the site says of itself; "" where nobody wrote it."""
        description = self.settings.site.description
        return "" if description.endswith(PLACEHOLDER) else description


def project(config: Path | None, channel: str) -> Project:
    """The project that `channel` is added to. Raises `UsageError` where there is none."""
    file = config or _FILE
    if not file.exists():
        raise UsageError(
            f"There is no {file} to add {channel} to. Make a project with `frontdesk init`, or name one with --config."
        )
    return Project(file, configuration(file), tomllib.loads(file.read_text("utf-8-sig")))


def public_address(settings: Config, given: str, needed: str) -> str:
    """Where a channel reaches this server. `needed` says who needs it, and what else there is; {url} is filled in."""
    known = settings.server.public_url.rstrip("/")
    url = given.strip().rstrip("/") or known
    if given and known and url != known:
        raise UsageError(f"--public-url is {url}, but server.public_url is {known}: use one of them for both.")
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and parts.hostname and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        right = False
    if not right:
        raise UsageError(needed.format(url=repr(url)))
    return url


def append(file: Path, text: str) -> None:
    """Add to the end, in the file's own line ends. What stood there stays as it is, even when the disk is full."""
    before = file.read_bytes()
    ends = b"" if not before or before.endswith(b"\n") else b"\n"
    added = ends + text.encode()
    if b"\r\n" in before:
        added = added.replace(b"\n", b"\r\n")
    tomllib.loads((before + added).decode("utf-8-sig"))
    try:
        with file.open("r+b") as out:
            out.seek(0, 2)
            try:
                out.write(added)
                out.flush()
            except OSError:
                out.truncate(len(before))
                raise
    except OSError as error:
        raise UsageError(f"Cannot write to {file}: {error.strerror}. It is as it was.") from None


def print_steps(done: str, steps: Iterable[str]) -> None:
    """Say what was done, and number what is left to do."""
    output.print(f"{done} Next:\n", markup=False, highlight=False, soft_wrap=True)
    for number, step in enumerate(steps, 1):
        output.print(f"{number:2}. {step}", markup=False, highlight=False, soft_wrap=True)
