"""Recordings and pictures that came with a message, as words: fetched, heard or seen, and how that is told.

What is known is kept until its message has been answered, so that another attempt need not listen again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.config import Config
from bot.engine.base import EngineFault
from bot.engine.senses import NotPerceived
from bot.errors import SourceError
from bot.events import Address, Attachment, Message
from bot.fetching import Fetcher, OverBound
from bot.phrases import said
from bot.senses import Senses
from bot.shown import listed, short, size

log = structlog.get_logger()

HELD = 16
"""Recordings and pictures, of all messages, that are fetched, heard or seen at once; more are refused."""
_KEPT = 1_000
_Sense = Callable[[bytes], Awaitable[str]]
_OF_THE_FILE = frozenset({"kind", "locked", "empty", "missing"})


@dataclass(frozen=True, slots=True)
class _Perceived:
    """Its `words`, or `why` there are none: a `SenseFault` or a `SourceFault`, "none" when there is no such sense,
    "left" when a message has too many, "told" when the channel has its own `sentence`. `limit` is what was exceeded.
    """

    words: str = ""
    why: str = ""
    limit: float = 0
    sentence: str = ""


def perceivable(attachment: Attachment) -> bool:
    """Whether it is a recording or a picture, and no document."""
    return is_sound(attachment) or attachment.media_type.lower().startswith("image/")


def is_sound(attachment: Attachment) -> bool:
    return attachment.media_type.lower().startswith("audio/")


class Perception:
    """Hears and sees for the whole house."""

    def __init__(self, config: Config, fetcher: Fetcher, senses: Senses) -> None:
        self._config, self._fetcher, self._senses = config, fetcher, senses
        self._known: dict[tuple[Address, str], _Perceived] = {}
        self._held = 0

    async def perceive(self, message: Message, language: str) -> None:
        """Listen to and look at what came with `message`, but for what is known. Whatever fails is told later.

        `language` is what its sender has used before.
        """
        most = self._fetcher.most(message.address.channel)
        for number, attachment in enumerate(filter(perceivable, message.attachments)):
            key = (message.address, attachment.location)
            if key not in self._known:
                left = number >= most
                found = _Perceived(why="left") if left else await self._perceived(message, attachment, language)
                self._keep(key, found)

    def told(self, message: Message) -> Message:
        """`message` with what was heard and seen in its text, after what was written."""
        words = [found.words for _, found in self._found(message.address, message.attachments) if found.words]
        return replace(message, text="\n".join(filter(None, (message.text.strip(), *words)))) if words else message

    def lead(self, messages: Iterable[Message], language: str) -> str:
        """What an answer begins with, so that misunderstandings show: what was heard and seen, as Markdown."""
        heard, seen = list[str](), list[str]()
        for message in messages:
            for attachment, found in self._found(message.address, message.attachments):
                (heard if is_sound(attachment) else seen).append(found.words)
        parts = (("heard", " ".join(filter(None, heard))), ("seen", " ".join(filter(None, seen))))
        return "\n".join(f"> {said(key, language, text=short(words))}" for key, words in parts if words)

    def notes(self, given: Sequence[Attachment], address: Address, language: str, *, asked: bool) -> list[str]:
        """What the person is told of what gave no words. `asked` says that there is something else to answer."""
        found = [(attachment, one) for attachment, one in self._found(address, given) if not one.words]
        lacking = {"deaf" if is_sound(attachment) else "blind" for attachment, one in found if one.why == "none"}
        notes = [said(f"{key}_asked" if asked else key, language) for key in ("deaf", "blind") if key in lacking]
        if lacking and not asked:
            notes += self.can(address.channel, language)
        for attachment, one in found:
            if one.why not in ("none", "left"):
                sound = is_sound(attachment)
                notes.append(said("unheard" if sound else "unseen", language, why=_why(one, language, sound=sound)))
        if left := [attachment.name for attachment, one in found if one.why == "left"]:
            count = str(self._fetcher.most(address.channel))
            notes.append(said("files_left", language, count=count, files=listed(left, language)))
        return list(dict.fromkeys(notes))

    def can(self, channel: str, language: str) -> list[str]:
        """What may come with a message there, in sentences for the person."""
        if not self._fetcher.taken(channel):
            return []
        also = (("help_voice", self._senses.hearing), ("help_pictures", self._senses.seeing))
        return [said("help_files", language), *(said(key, language) for key, sense in also if sense)]

    def forget(self, messages: Iterable[Message]) -> None:
        """They have been answered."""
        for message in messages:
            for attachment in message.attachments:
                self._known.pop((message.address, attachment.location), None)

    def _found(self, address: Address, given: Iterable[Attachment]) -> list[tuple[Attachment, _Perceived]]:
        known = ((attachment, self._known.get((address, attachment.location))) for attachment in given)
        return [(attachment, found) for attachment, found in known if found]

    def _keep(self, key: tuple[Address, str], found: _Perceived) -> None:
        self._known[key] = found
        while len(self._known) > _KEPT:  # what was never answered
            del self._known[next(iter(self._known))]

    # -- one recording or picture ----------------------------------------------------------------------
    async def _perceived(self, message: Message, attachment: Attachment, language: str) -> _Perceived:
        sense = self._sense(message, attachment, language)
        if sense is None:
            return _Perceived(why="none")
        if self._held >= HELD:
            return _Perceived(why="busy")
        self._held += 1
        try:
            found = await self._by(sense, message, attachment)
        finally:
            self._held -= 1
        if found.why:
            log.info("sense.unperceived", kind=attachment.media_type, why=found.why)
        return found

    def _sense(self, message: Message, attachment: Attachment, language: str) -> _Sense | None:
        """What turns its bytes into words, if there is anything that does."""
        hearing, seeing, media_type = self._senses.hearing, self._senses.seeing, attachment.media_type
        if is_sound(attachment):
            return (lambda raw: hearing.hear(raw, media_type, language)) if hearing else None
        return (lambda raw: seeing.see(raw, media_type, message.text)) if seeing else None

    async def _by(self, sense: _Sense, message: Message, attachment: Attachment) -> _Perceived:
        try:
            async with asyncio.timeout(self._config.voice.timeout_seconds):
                words = await sense(await self._fetcher.fetched(message.address, attachment))
        except TimeoutError:
            return _Perceived(why="slow")
        except OverBound as error:
            return _Perceived(why="large", limit=error.bound)
        except SourceError as error:
            return _Perceived(why=error.why or "told", sentence=str(error))
        except EngineFault as error:
            told = error if isinstance(error, NotPerceived) else NotPerceived(str(error))
            if told.why == "failed":
                log.error("sense.failed", kind=attachment.media_type, reason=str(told))
            return _Perceived(why=told.why, limit=told.limit)
        except Exception as error:  # whatever ails a model, the message is answered without it
            log.error("sense.failed", kind=attachment.media_type, error=type(error).__name__)
            return _Perceived(why="failed")
        words = " ".join("".join(character if character.isprintable() else " " for character in words).split())
        return _Perceived(words) if words else _Perceived(why="silent")


def _why(found: _Perceived, language: str, *, sound: bool) -> str:
    """Why there are no words, as it goes on after "I could not understand your recording: "."""
    if found.why == "told":
        return found.sentence  # for the person, as the adapter says it
    if found.why == "large":
        return said("file_larger", language, size=size(found.limit)) if found.limit else said("file_large", language)
    if found.why == "long" and found.limit:
        return said("sound_longer", language, minutes=f"{found.limit / 60:.3g}")
    if found.why in _OF_THE_FILE or (found.why == "damaged" and not sound):
        return said(f"file_{found.why}", language)
    return said(f"sound_{found.why}" if sound else "sense_failed", language)
