"""What all tests share."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"


def need(program: str) -> str:
    """The path of a program that a test needs; without it the test is skipped at home and fails in CI."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is not installed"
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)
    return found
