"""Triton on this machine's CPU, in its interpreter. To be imported before anything that defines a kernel."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

from tests.conftest import REQUIRE_ALL

if importlib.util.find_spec("triton") is None:
    if REQUIRE_ALL:
        pytest.fail("triton is not installed", pytrace=False)
    pytest.skip("triton is not installed", allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") != "1":
    if "bot.engine.local.gpu.softmax" in sys.modules:
        raise RuntimeError("Triton's kernels were defined before their interpreter was chosen: import this first")
    os.environ["TRITON_INTERPRET"] = "1"
