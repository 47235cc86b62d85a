"""What other threads ask of the engine's thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

Command = Callable[[], None]


class Mailbox:
    """Commands in order. Whoever posts does not wait; the one thread that obeys sleeps while there are none."""

    def __init__(self) -> None:
        self._commands: deque[Command] = deque()
        self._gate = threading.Lock()
        self._wanted = threading.Event()
        self._closed = False

    def post(self, command: Command) -> bool:
        """Have `command` called by the thread that obeys; False when nobody obeys any more."""
        with self._gate:
            if self._closed:
                return False
            self._commands.append(command)
        self._wanted.set()
        return True

    def obey(self) -> None:
        """Call what was posted until now."""
        for _ in range(len(self._commands)):
            self._commands.popleft()()

    def rest(self) -> None:
        """Sleep until something is posted; at once when something waits already."""
        self._wanted.wait()
        self._wanted.clear()

    def close(self) -> None:
        """Take nothing more, and call what was still waiting."""
        with self._gate:
            self._closed = True
        self.obey()
