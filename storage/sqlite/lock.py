"""One process holds a data folder: the file `frontdesk.lock`, locked by flock, names it.

The lock goes with its process, however that ends; the file stays.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from bot.errors import StorageError

PATIENCE_SECONDS = 1.0
"""How long to wait for a lock that another command may hold for a moment (to migrate, to finish an erasure)."""


class FolderLock:
    """The right to checkpoint, to migrate and to void leases in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "frontdesk.lock"
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def take(self, patience: float = PATIENCE_SECONDS) -> None:
        """Lock, waiting up to `patience` seconds. Raises `StorageError` that names the holder, or `OSError`."""
        deadline = time.monotonic() + patience
        while not self.try_take():
            if time.monotonic() >= deadline:
                raise StorageError(
                    f"The data folder {self.file.parent} is in use by {self.holder()}. Stop that process first, "
                    "or give this one a folder of its own with --data."
                )
            time.sleep(0.02)

    def try_take(self) -> bool:
        """Lock if nobody else has. Raises `OSError` when the folder cannot be written."""
        descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return True

    def give(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        """Who holds the lock, in words."""
        try:
            process = self.file.read_text("ascii").strip()
        except (OSError, UnicodeError):
            process = ""
        return f"process {process}" if process.isdigit() else "another process"
