"""What Telegram says when it refuses, sorted by what there is to do about it. Pure.

Its descriptions are words for people, yet the only thing that tells one refusal from another:
https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

PERMANENT = (
    "administrator rights", "bot is not a member", "bot was blocked", "bot was kicked", "business connection not found",
    "business_connection", "business_peer", "can't initiate conversation", "chat not found", "chat was deleted",
    "chat_restricted", "chat_write_forbidden", "group chat was deactivated", "have no rights", "not enough rights",
    "peer_id_invalid", "topic_closed", "topic_deleted", "user is deactivated", "user not found",
)  # fmt: skip
"""Trying again is of no use until somebody changes something in Telegram."""

UNCHANGED = ("message is not modified",)
"""The message shows that already."""

GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "message identifier")
"""The message cannot be changed any more."""

GONE_ALREADY = ("message to delete not found", "message can't be deleted", "message_id_invalid", "message identifier")

NO_THREAD = ("message thread not found", "topic_deleted", "topic_id_invalid")

NO_DRAFT = ("draft", "method not found")
TOO_LONG = ("message is too long", "message_too_long", "text is too long")
BAD_ENTITIES = ("entity", "entities")


class TelegramRefused(Exception):
    """Telegram did not do what was asked. `error` is its own description of why. Holds neither a token nor a text.

    `permanent`: trying again is of no use. `ambiguous`: it may have been done nevertheless. `code` is the HTTP status,
    0 when there was no answer.
    """

    def __init__(self, method: str, error: str, *, code: int = 0, ambiguous: bool = False) -> None:
        super().__init__(
            f"Telegram did not answer {method}: {error}" if ambiguous else f"Telegram refused {method}: {error}"
        )
        self.method, self.error, self.code, self.ambiguous = method, error, code, ambiguous

    @property
    def permanent(self) -> bool:
        return not self.ambiguous and (self.code == 403 or self.says(PERMANENT))

    def says(self, words: tuple[str, ...]) -> bool:
        """Whether Telegram's reason is one of those."""
        error = self.error.lower()
        return any(word in error for word in words)
