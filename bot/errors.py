"""Every error that Frontdesk raises on purpose, in one tree.

    FrontdeskError
    ├── UsageError            the person at the keyboard asked for something impossible
    │   ├── ConfigError       the configuration is wrong or a secret is missing
    │   ├── TemplateError     a prompt template is wrong
    │   └── SourceError       a knowledge source cannot be read
    ├── Refused               a channel's message is not taken; nothing was stored
    │   ├── Overloaded        too much waits already: try again later (503)
    │   └── TooLarge          the message is over a limit (413)
    └── StorageError          what must be durable could not be written or read (503)
        ├── StorageFull       the disk is full or read-only
        ├── NewerDatabase     the file was written by a newer Frontdesk
        ├── StaleLease        somebody else holds the work now: this result is void
        └── CaseConflict      the case was closed meanwhile, or another one is open: look again

The engine imports nothing of ours and has its own: `bot.engine.base.EngineFault`.
Each message says what happened and, after a colon or in a second sentence, what to do about it.
No message holds a secret or what a visitor wrote.
"""

from __future__ import annotations

from typing import Literal

SourceFault = Literal["", "large", "kind", "locked", "empty", "damaged", "missing"]
"""Too large; of a kind that is not read; behind a password; without text; not what it says it is; not to be had."""


class FrontdeskError(Exception):
    """The root of the tree."""


class UsageError(FrontdeskError):
    """The person at the keyboard asked for something impossible."""


class ConfigError(UsageError):
    """The configuration is wrong or a secret is missing."""


class TemplateError(UsageError):
    """A prompt template is wrong."""


class SourceError(UsageError):
    """A knowledge source cannot be read. `why`, for a file that a person attached, chooses how they are told so."""

    def __init__(self, message: str, *, why: SourceFault = "") -> None:
        super().__init__(message)
        self.why: SourceFault = why


class Refused(FrontdeskError):
    """A channel's message is not taken; nothing was stored."""


class Overloaded(Refused):
    """Too much waits already: the sender should try again later."""


class TooLarge(Refused):
    """The message is over a limit."""


class StorageError(FrontdeskError):
    """What must be durable could not be written or read."""


class StorageFull(StorageError):
    """The disk is full or read-only."""


class NewerDatabase(StorageError):
    """The database was written by a newer Frontdesk."""


class StaleLease(StorageError):
    """The attempt number is not the newest one: this result is void."""


class CaseConflict(StorageError):
    """The case is closed for good, or its conversation has another that is open: this result is void."""
