"""Triton on this machine's CPU, in its interpreter. To be imported before anything that defines a kernel."""

from __future__ import annotations

import importlib.util
import os

import pytest

from tests.conftest import REQUIRE_ALL

os.environ["TRITON_INTERPRET"] = "1"

if importlib.util.find_spec("triton") is None:
    if REQUIRE_ALL:
        pytest.fail("triton is not installed", pytrace=False)
    pytest.skip("triton is not installed", allow_module_level=True)
