"""What is known of languages in general, as data: intents, expectations, synonyms, polarity."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=16)
def words(name: str) -> Mapping[str, Any]:
    """The contents of `words/NAME.toml`."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text("utf-8"))
