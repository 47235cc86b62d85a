"""Output that follows a JSON schema, a regular expression or a choice, through llguidance."""

from __future__ import annotations

from typing import Protocol


class Grammar(Protocol):
    """What one answer must look like, and how far it has come."""
