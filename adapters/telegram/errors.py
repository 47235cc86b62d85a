"""What Telegram says when it refuses, sorted by what there is to do about it. Pure.

Its descriptions are words for people, yet the only thing that tells one refusal from another:
https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

Words = tuple[str, ...]

UNCHANGED: Words = ("message is not modified", "topic_not_modified")
"""It is so already."""

GONE: Words = ("message to edit not found", "message can't be edited", "message_id_invalid", "message identifier")
"""The message cannot be changed any more."""

NOT_THERE: Words = ("message to delete not found", "message_id_invalid", "message identifier")
"""The message that is to be deleted is deleted already."""

NO_THREAD: Words = ("message thread not found", "topic_deleted", "topic_id_invalid")
"""The topic was deleted."""

NO_TOPICS: Words = ("not a forum", "not enough rights", "administrator rights", "admin_required")
"""No topic can be opened in this group."""

NO_TEXT: Words = ("message text is empty",)
"""What a server says to a rich message when it does not know what that is."""

NOT_KNOWN = "Telegram does not know TELEGRAM_BOT_TOKEN: look at what BotFather says"
"""What there is to do about 401."""


class TelegramRefused(Exception):
    """Telegram did not do what was asked. `error` is its own description of why. Holds neither a token nor a text.

    `permanent`: trying again is of no use until somebody changes something in Telegram (the bot was blocked, the chat
    is gone). `ambiguous`: it may have been done nevertheless. `code` is the HTTP status, 0 when there was no answer.
    """

    def __init__(self, method: str, error: str, *, code: int = 0, ambiguous: bool = False) -> None:
        how = "did not answer" if ambiguous else "refused" if code else "was not reached by"
        super().__init__(f"Telegram {how} {method}: {error}")
        self.method, self.error, self.code, self.ambiguous = method, error, code, ambiguous

    @property
    def permanent(self) -> bool:
        return not self.ambiguous and self.code in (400, 403, 413)

    @property
    def unknown(self) -> bool:
        """Whether the server does not know the method."""
        return self.code == 404

    def says(self, words: Words) -> bool:
        """Whether Telegram's reason is one of those."""
        error = self.error.lower()
        return any(word in error for word in words)
