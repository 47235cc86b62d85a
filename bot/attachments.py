"""What came with a message: files join their conversation's knowledge, threads are fetched to be read at once.

A file is fetched through its channel, read in threads, and indexed in the conversation's scope under its name. What
cannot be read is told to the person in the answer, and stops nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.config import Config, SlackLimits
from bot.errors import SourceError
from bot.events import Address, Attachment
from bot.phrases import said
from prompts.knowledge import Knowledge
from storage.base import conversation_scope

log = structlog.get_logger()

Fetch = Callable[[Address, Attachment, int], Awaitable[bytes]]
"""`adapters.base.Fetching.fetch` of one channel."""

THREAD = "application/vnd.frontdesk.thread"
"""What was said elsewhere in the channel, as lines "Name: text" in UTF-8. It is no file, and is not indexed."""

_FETCH_SECONDS = 60.0
_MEGABYTE = 1_000_000
_NAME_CHARACTERS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What became of a message's attachments.

    `files` are those that are indexed, by name and location; `threads` are texts; `notes` are for the person.
    """

    files: Mapping[str, str]
    threads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _OverBound(SourceError):
    """More bytes than are taken of one attachment."""

    def __init__(self) -> None:
        super().__init__("It is larger than what is taken.", why="large")


class Attachments:
    """Fetches by channel: `fetch` holds a function for each channel that has attachments."""

    def __init__(self, config: Config, knowledge: Knowledge, fetch: Mapping[str, Fetch]) -> None:
        self._config, self._knowledge, self._fetch = config, knowledge, fetch

    def taken(self, channel: str) -> bool:
        """Whether files that are attached there are read."""
        return channel in self._fetch and self._limits(channel).files > 0

    async def take(self, given: Sequence[Attachment], address: Address, *, attempt: int, language: str) -> Came:
        """Read what came to the conversation at `address`. Raises `StorageError`.

        Another attempt does not fetch again what is indexed. `language` is the one that the person is told in.
        """
        limits = self._limits(address.channel)
        threads = [attachment for attachment in given if attachment.media_type == THREAD]
        files = [attachment for attachment in given if attachment.media_type != THREAD]
        files, left = files[: limits.files], files[limits.files :]
        bound = min(limits.file_bytes, self._config.knowledge.max_file_bytes)
        taken = await asyncio.gather(
            *(self._tried(self._index(address, file, bound, attempt), file, bound, language) for file in files)
        )
        texts = await asyncio.gather(
            *(self._tried(self._thread(address, thread, bound), thread, bound, language) for thread in threads)
        )
        notes = [note for _, note in (*texts, *taken) if note]
        if left:
            names = _listed([file.name for file in left], language)
            notes.append(said("files_left", language, count=str(limits.files), files=names))
        return Came(
            files={file.location: file.name for file, (_, note) in zip(files, taken, strict=True) if not note},
            threads=tuple(text for text, note in texts if not note),
            notes=tuple(notes),
        )

    async def text(self, came: Came, address: Address) -> str:
        """The whole text of files that came to the conversation at `address`, as Markdown."""
        scope = conversation_scope(address)
        return "\n\n".join([await self._knowledge.text(location, scope=scope) for location in came.files])

    def _limits(self, channel: str) -> SlackLimits:
        """A channel's own limits; one that has none of its own has the usual ones."""
        return self._config.slack.limits if channel == "slack" else SlackLimits()

    async def _tried(self, work: Awaitable[str], attachment: Attachment, bound: int, language: str) -> tuple[str, str]:
        """(what `work` gives, ""), or ("", what the person is told of why not)."""
        try:
            return await work, ""
        except SourceError as error:
            log.info("attachment.unread", why=error.why or "unsaid", kind=attachment.media_type)
            return "", said("file_unread", language, file=shown(attachment.name), why=_why(error, bound, language))

    async def _index(self, address: Address, file: Attachment, bound: int, attempt: int) -> str:
        scope = conversation_scope(address)
        if attempt > 1 and await self._knowledge.knows(file.location, scope=scope):
            return ""
        raw = await self._fetched(address, file, bound)
        await self._knowledge.add_bytes(file.name, raw, location=file.location, scope=scope, media_type=file.media_type)
        return ""

    async def _thread(self, address: Address, thread: Attachment, bound: int) -> str:
        return (await self._fetched(address, thread, bound)).decode("utf-8", "replace")

    async def _fetched(self, address: Address, attachment: Attachment, bound: int) -> bytes:
        """At most `bound` bytes. Raises `SourceError`, whatever goes wrong."""
        fetch = self._fetch.get(address.channel)
        if fetch is None:
            raise SourceError("Its channel gives no attachments.", why="missing")
        if attachment.size > bound:
            raise _OverBound
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                raw = await fetch(address, attachment, bound)
        except SourceError as error:
            if error.why == "large":
                raise _OverBound from None
            raise
        except Exception as error:  # whatever ails the channel, the message is answered without its file
            log.warning("attachment.fetch", channel=address.channel, error=type(error).__name__)
            raise SourceError("It could not be fetched.", why="missing") from None
        if len(raw) > bound:
            raise _OverBound
        return raw


def shown(name: str) -> str:
    """A file's name as it may stand in an answer: as code, so that nothing in it is taken for Markdown or a link."""
    plain = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    return f"`{plain.replace('`', chr(39))[:_NAME_CHARACTERS] or '?'}`"


def _listed(names: list[str], language: str) -> str:
    return said("comma", language).join(map(shown, names))


def files_read(came: Came, language: str) -> str:
    """What is said to somebody who sent files and nothing else; "" when none of them could be read."""
    return said("files_read", language, files=_listed(list(came.files.values()), language)) if came.files else ""


def _why(error: SourceError, bound: int, language: str) -> str:
    if not error.why:
        return str(error)  # a sentence for the person, as the adapter says it
    if isinstance(error, _OverBound):
        return said("file_larger", language, size=_size(bound))
    return said(f"file_{error.why}", language)


def _size(count: int) -> str:
    return f"{count / _MEGABYTE:.3g} MB" if count >= _MEGABYTE else f"{count / 1_000:.3g} kB"
