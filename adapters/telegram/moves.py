"""Groups that became supergroups, and so have other ids by now. Pure.

Nothing depends on remembering them: whoever calls the old id is told the new one again. So those that were needed
lately are kept in memory, and no others.

https://core.telegram.org/bots/api#responseparameters
"""

from __future__ import annotations

from collections import OrderedDict

MOST = 1_024
"""So many are remembered."""
STEPS = 3
"""So often a group may have moved: Telegram does it once."""


class Moves:
    def __init__(self) -> None:
        self._to: OrderedDict[int, int] = OrderedDict()

    def place(self, chat: int) -> int:
        """The id that `chat` has by now, as far as is known."""
        for _ in range(STEPS):
            if chat not in self._to:
                break
            self._to.move_to_end(chat)
            chat = self._to[chat]
        return chat

    def learn(self, chat: int, now: int) -> None:
        """`chat` has the id `now`."""
        self._to[chat] = now
        self._to.move_to_end(chat)
        if len(self._to) > MOST:
            self._to.popitem(last=False)
