"""The store in one SQLite file, through sqlite-utils.

`SqliteStore` (store.py) is the asynchronous face; behind it stand one thread that writes (writer.py) and a few
that read (readers.py). What is asked of the file is plain functions over a `Database`, one room a subject:
inbox, outbox, conversations, visitors, knowledge, record. They know neither threads nor the event loop.
"""

from storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
