"""To be imported before what defines Triton's kernels: skips the module where there is no Triton.

`tests.conftest` has chosen its interpreter by then, so that kernels run on the CPU.
"""

from __future__ import annotations

import importlib.util

import pytest

from tests.conftest import REQUIRE_ALL

if importlib.util.find_spec("triton") is None:
    if REQUIRE_ALL:
        pytest.fail("triton is not installed", pytrace=False)
    pytest.skip("triton is not installed", allow_module_level=True)
