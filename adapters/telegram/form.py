"""What is asked of the bot by something that was said to it. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from adapters.telegram.heard import Said
from bot.events import Attachment, Command, Message

_APPLIED: tuple[Command, ...] = ("ask", "summarize", "sentiment", "write")
"""Commands that are applied to the message that they reply to when nothing follows them."""
_TARGET_WORDS = 3
"""What follows /translate in a reply is so short when it says into which language, and no text by itself."""
_QUOTED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Two forms of a message that are equal ask the same."""

    command: Command
    text: str
    files: tuple[Attachment, ...] = ()

    @property
    def digest(self) -> str:
        known = "\n".join((self.command, self.text, *(file.location for file in self.files)))
        return hashlib.blake2b(known.encode("utf-8", "replace"), digest_size=6).hexdigest()


def form(message: Message) -> Form:
    return Form(command=message.command, text=message.text, files=message.attachments)


def asked(said: Said) -> Form:
    """What a visitor wants: most of the time an answer to the text, which may be about a message that it replies to.

    A command that nobody knows asks for help, and so does the bot's name alone.
    """
    plain = Form(command=said.command, text=said.text, files=said.files)
    if said.unknown:
        return replace(plain, command="help", text="")
    if said.command == "translate" and said.quoted and len(said.text.split()) <= _TARGET_WORDS:
        return replace(plain, text=f"{said.text}\n{said.quoted}".strip())
    if said.text or said.files:
        about_it = said.quoted and not said.answers_us and not said.command
        return replace(plain, text=f"{said.text}\n\n{_as_quotation(said.quoted)}") if about_it else plain
    if said.quoted and (not said.command or said.command in _APPLIED):
        return replace(plain, text=said.quoted)
    return plain if said.command else replace(plain, command="help")


def _as_quotation(text: str) -> str:
    short = text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS].rstrip() + " …"
    return "\n".join(f"> {line}" for line in short.splitlines())
