"""The terminal as a channel: what `frontdesk chat` talks through."""

from __future__ import annotations

from adapters.console.adapter import ConsoleAdapter
from adapters.console.lines import Lines, LineTooLong

__all__ = ["ConsoleAdapter", "LineTooLong", "Lines"]
