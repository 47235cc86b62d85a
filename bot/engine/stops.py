"""Stop strings in a text that arrives in pieces, which may cut through the middle of one."""

from __future__ import annotations

from collections.abc import Sequence


class StopWatch:
    """Lets text through up to the first stop string, which itself is never shown.

    What could still become a stop string is held back until it does or cannot any more.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """The text that is safe to show now; nothing once `stopped`."""
        if self.stopped:
            return ""
        if not self._stops:
            return text
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        safe = len(text) - self._beginning_at_end(text)
        self._held = text[safe:]
        return text[:safe]

    def flush(self) -> str:
        """What was held back, now that nothing follows."""
        text, self._held = self._held, ""
        return text

    def _beginning_at_end(self, text: str) -> int:
        """The length of the longest end of `text` that begins a stop string."""
        longest = max(len(stop) for stop in self._stops) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
