"""Stop strings in a text that arrives in pieces, which may cut through the middle of one."""

from __future__ import annotations

from collections.abc import Sequence


class StopWatch:
    """Lets text through up to the first stop string that is complete, which itself is never shown.

    What could still become a stop string is held back until it does or cannot any more. Where the text is cut makes
    no difference: each stop string is followed character by character (Knuth, Morris and Pratt, 1977), so the cost
    is that of the new text, however long the stop strings are. Of two that end together the longer one counts.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(dict.fromkeys(stop for stop in stops if stop))
        self._borders = tuple(map(_borders, self._stops))
        self._matched = [0] * len(self._stops)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """The text that is safe to show now; nothing once `stopped`."""
        if self.stopped:
            return ""
        if not self._stops:
            return text
        new, text = len(self._held), self._held + text
        ends = [
            (end, end - len(stop)) for which, stop in enumerate(self._stops) if (end := self._follow(which, text, new))
        ]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)[1]]
        safe = len(text) - max(self._matched)
        self._held = text[safe:]
        return text[:safe]

    def flush(self) -> str:
        """What was held back, now that nothing follows."""
        text, self._held = self._held, ""
        self._matched = [0] * len(self._stops)
        return text

    def _follow(self, which: int, text: str, new: int) -> int:
        """Where in `text`, of which all before `new` has been followed, the stop string is complete; 0 if nowhere."""
        stop, borders, matched = self._stops[which], self._borders[which], self._matched[which]
        if not matched:
            new = text.find(stop[0], new)
            if new < 0:
                return 0
        for place in range(new, len(text)):
            while matched and stop[matched] != text[place]:
                matched = borders[matched - 1]
            if stop[matched] == text[place]:
                matched += 1
                if matched == len(stop):
                    return place + 1
        self._matched[which] = matched
        return 0


def _borders(stop: str) -> tuple[int, ...]:
    """For each beginning of `stop`, the length of its longest proper end that also begins it."""
    borders, length = [0], 0
    for char in stop[1:]:
        while length and stop[length] != char:
            length = borders[length - 1]
        length += stop[length] == char
        borders.append(length)
    return tuple(borders)
