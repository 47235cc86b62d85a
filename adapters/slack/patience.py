"""How long something is tried that Slack refuses by a word of which we do not know what it means.

What passes by itself (an outage, a limit, a lost connection) is tried for as long as it lasts. A refusal is not: Slack
has words for it that no list of ours holds, and one message that is refused for ever would keep everything that comes
after it in its conversation waiting.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from adapters.slack.errors import SlackError

SECONDS = 900.0
_REMEMBERED = 4_096


class Patience:
    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: OrderedDict[str, float] = OrderedDict()

    def over(self, key: str, error: SlackError) -> bool:
        """Whether `key` was refused again, and has been for so long that it always will be."""
        if not error.answered:
            return False
        now = self._clock()
        since = self._since.setdefault(key, now)
        if len(self._since) > _REMEMBERED:
            self._since.popitem(last=False)
        return now - since > SECONDS

    def forget(self, key: str) -> None:
        """It is done."""
        self._since.pop(key, None)
