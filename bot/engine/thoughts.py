"""The thoughts that some models write before their answer, between `<think>` and `</think>`."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThoughtFilter:
    """Leaves out the thoughts at the beginning of a text that arrives in pieces.

    Most servers separate them from the answer, but one that was not told how leaves them in. Only what the very
    first word opens is taken for thoughts: further on the tags are part of the answer.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._past = False

    def feed(self, text: str) -> str:
        """What of `text` belongs to the answer, as far as that is known."""
        if self._past:
            return text
        self._held += text
        if not self._thinking:
            begun = self._held.lstrip()
            if _OPEN.startswith(begun):
                return ""
            self._thinking = begun.startswith(_OPEN)
            if not self._thinking:
                return self.flush()
        return self._think()

    def flush(self) -> str:
        """What was held back, now that nothing follows; thoughts without an end stay unsaid."""
        held, self._held = self._held, ""
        self._past = not self._thinking
        return "" if self._thinking else held

    def _think(self) -> str:
        _, close, answer = self._held.partition(_CLOSE)
        if not close:
            self._held = self._held[-len(_CLOSE) :]
            return ""
        # The blank lines after the thoughts go with them, even when they come in a later piece.
        self._held = answer.lstrip()
        if not self._held:
            self._held = _CLOSE
            return ""
        self._thinking = False
        return self.flush()
