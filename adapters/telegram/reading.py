"""What came with a message, as bytes: a file of Telegram's, or what was said in a case."""

from __future__ import annotations

from adapters.telegram.api import Api, TelegramRefused
from adapters.telegram.cases import Cases
from bot.config import Config
from bot.errors import SourceError
from bot.events import Address, Attachment
from bot.phrases import said as phrase
from bot.typed import speaker
from storage.base import Store

THREAD = "application/vnd.frontdesk.thread"
_FILE, _CASE = "file:", "case:"
_TURNS = 200


def attached_case(case: str) -> Attachment:
    """What was said in a case's conversation, as something that can be summarised."""
    return Attachment(name="case", media_type=THREAD, size=0, location=f"{_CASE}{case}")


class Reading:
    def __init__(self, config: Config, store: Store, api: Api, cases: Cases) -> None:
        self._config, self._store, self._api, self._cases = config, store, api, cases

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        """See `adapters.base.Fetching`."""
        kind, _, what = attachment.location.partition(":")
        if f"{kind}:" == _CASE and address == self._cases.address(what):
            return (await self._case(address)).encode()
        if f"{kind}:" != _FILE or not what:
            raise SourceError("There is no such file.", why="missing")
        limit = min(limit, self._config.telegram.limits.file_bytes)
        if attachment.size > limit:
            raise SourceError("The file is too large.", why="large")
        try:
            return await self._api.download(what, limit)
        except TelegramRefused as error:
            raise SourceError(
                "Telegram does not give the file.", why="large" if error.says(_LARGE) else "missing"
            ) from None

    async def _case(self, desk: Address) -> str:
        """Lines "Name: text" of what the visitor and the house have said."""
        case = await self._store.case_at(desk)
        if case is None:
            raise SourceError("There is no such case.", why="missing")
        language = self._config.language.fixed or self._config.language.default
        names = {"user": speaker(case.name) or phrase("visitor", language), "assistant": phrase("assistant", language)}
        turns = [turn for _, turn in await self._store.turns(case.visitor, limit=_TURNS)]
        return "\n".join(
            f"{speaker(turn.name) or names.get(turn.role, '')}: {' '.join(turn.text.split())}" for turn in turns
        )


_LARGE = ("too big", "too large")
