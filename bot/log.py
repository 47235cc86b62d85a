"""Logging: one line an event, for people at a terminal and as JSON elsewhere, redacted before it is written."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog

from bot.config import LogConfig
from bot.privacy import pseudonym

Processor = Callable[[Any, str, MutableMapping[str, Any]], Mapping[str, Any]]


_NAMING = ("conversation", "message", "visitor")
"""Fields that hold who somebody is, or an id that a channel makes from it."""


def pseudonyms(key: bytes) -> Processor:
    """A processor that puts pseudonyms under `key` in the place of those ids."""

    def process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {name: pseudonym(str(value), key) if name in _NAMING else value for name, value in event.items()}

    return process


def set_up(config: LogConfig, redact: Processor) -> None:
    """Send structlog and the standard library's records through one chain to standard error.

    Visitors appear under pseudonyms that hold for the life of this process: the key is never written down.
    """
    people = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not people),
        structlog.processors.format_exc_info,
        pseudonyms(os.urandom(32)),
        redact,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer()
    level = getattr(logging, config.level.upper())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))  # libraries speak only when something is wrong
