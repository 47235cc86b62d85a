"""What came with a message: files join their conversation's knowledge, threads are fetched to be read at once.

A file is fetched through its channel, read in threads, and indexed in the conversation's scope under its name. What
cannot be read, or gave no words, is told to the person in the answer, and stops nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.config import Config
from bot.errors import SourceError
from bot.events import Address, Attachment
from bot.fetching import Fetch, Fetcher, OverBound
from bot.perception import Perception, perceivable
from bot.phrases import said
from bot.senses import Senses
from bot.shown import listed, shown, size
from prompts.knowledge import Knowledge
from storage.base import conversation_scope

log = structlog.get_logger()

THREAD = "application/vnd.frontdesk.thread"
"""What was said elsewhere in the channel, as lines "Name: text" in UTF-8. It is no file, and is not indexed."""

READ_AT_ONCE = 8
"""Attachments that are in memory at once, over all conversations: each is some megabytes, and more while it is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What became of a message's attachments.

    `files` are those that are indexed, by name and location; `threads` are texts; `notes` are for the person.
    """

    files: Mapping[str, str]
    threads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Attachments:
    """`fetch` holds a function for each channel that has attachments. Recordings and pictures become words instead:
    `perception` does that, with `senses`."""

    def __init__(
        self, config: Config, knowledge: Knowledge, fetch: Mapping[str, Fetch], senses: Senses | None = None
    ) -> None:
        self._knowledge, self._fetcher = knowledge, Fetcher(config, fetch)
        self._places = asyncio.Semaphore(READ_AT_ONCE)
        self.perception = Perception(config, self._fetcher, senses or Senses())

    async def take(
        self, given: Sequence[Attachment], address: Address, *, attempt: int, language: str, asked: bool = True
    ) -> Came:
        """Read what came to the conversation at `address`. Raises `StorageError`.

        Another attempt does not fetch again what is indexed. `language` is the one that the person is told in; `asked`
        says that there is something to answer besides.
        """
        most = self._fetcher.most(address.channel)
        threads = [attachment for attachment in given if attachment.media_type == THREAD]
        files = [attachment for attachment in given if attachment.media_type != THREAD and not perceivable(attachment)]
        files, left = files[:most], files[most:]
        taken = await asyncio.gather(
            *(self._tried(self._index(address, file, attempt), file, language) for file in files)
        )
        texts = await asyncio.gather(
            *(self._tried(self._thread(address, thread), thread, language) for thread in threads)
        )
        notes = [note for _, note in (*texts, *taken) if note]
        if left:
            names = listed([file.name for file in left], language)
            notes.append(said("files_left", language, count=str(most), files=names))
        notes += self.perception.notes(given, address, language, asked=asked)
        return Came(
            files={file.location: file.name for file, (_, note) in zip(files, taken, strict=True) if not note},
            threads=tuple(text for text, note in texts if not note),
            notes=tuple(notes),
        )

    async def text(self, came: Came, address: Address) -> str:
        """The whole text of files that came to the conversation at `address`, as Markdown."""
        scope = conversation_scope(address)
        return "\n\n".join([await self._knowledge.text(location, scope=scope) for location in came.files])

    async def _tried(self, work: Awaitable[str], attachment: Attachment, language: str) -> tuple[str, str]:
        """(what `work` gives, ""), or ("", what the person is told of why not)."""
        try:
            return await work, ""
        except SourceError as error:
            log.info("attachment.unread", why=error.why or "unsaid", kind=attachment.media_type)
            return "", said("file_unread", language, file=shown(attachment.name), why=_why(error, language))

    async def _index(self, address: Address, file: Attachment, attempt: int) -> str:
        scope = conversation_scope(address)
        if attempt > 1 and await self._knowledge.knows(file.location, scope=scope):
            return ""
        async with self._places:
            raw = await self._fetcher.fetched(address, file)
            kind = file.media_type
            await self._knowledge.add_bytes(file.name, raw, location=file.location, scope=scope, media_type=kind)
        return ""

    async def _thread(self, address: Address, thread: Attachment) -> str:
        async with self._places:
            return (await self._fetcher.fetched(address, thread)).decode("utf-8", "replace")


def files_read(came: Came, language: str) -> str:
    """What is said to somebody who sent files and nothing else; "" when none of them could be read."""
    return said("files_read", language, files=listed(came.files.values(), language)) if came.files else ""


def _why(error: SourceError, language: str) -> str:
    if not error.why:
        return str(error)  # a sentence for the person, as the adapter says it
    if isinstance(error, OverBound):
        return said("file_larger", language, size=size(error.bound))
    return said(f"file_{error.why}", language)
