"""What all tests share."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

# Failed asserts in the contracts explain themselves as those of tests do: said before any test imports one.
pytest.register_assert_rewrite(
    *(f"tests.contracts.{file.stem}" for file in (Path(__file__).parent / "contracts").glob("*.py"))
)

# The same examples at every run, and none kept between runs: EXPLORE=1 looks for new ones.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
if os.environ.get("EXPLORE") != "1":
    settings.load_profile("same")

REQUIRE_ALL = os.environ.get("REQUIRE_ALL") == "1"

os.environ.setdefault("TRITON_INTERPRET", "1")
"""The GPU's kernels are run on the CPU, which has to be said before Triton is imported; torch does that by itself."""


def pytest_collection_finish() -> None:
    """What was imported never becomes garbage: the collector need not look through all of it again and again.

    Each start of a server in this process would, a third of a second each time. Servers in processes of their own do
    as they do for people, and a test of `bot.server` holds it to that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 10)
    if "bot.server" in sys.modules:
        idle = SimpleNamespace(collect=int, freeze=int, unfreeze=int, set_threshold=lambda *_: None)
        setattr(sys.modules["bot.server"], "gc", idle)  # noqa: B010 (a module's type names no such attribute)


def pytest_sessionfinish() -> None:
    """What is frozen would outlive the modules it needs, of which Triton complains at length."""
    gc.unfreeze()


def need(program: str) -> str:
    """The path of a program that a test needs; without it the test is skipped at home and fails in CI."""
    found = shutil.which(program)
    if found is None:
        message = f"{program} is not installed"
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)
    return found


_NOT_THE_MACHINES_FAULT = ("root may read everything", "mounting a small file system is not permitted here")
"""Reasons of tests that nothing one could install would make run."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is required, nothing is skipped: a test that asks for less than `need` fails as well."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        why: Any = report.longrepr
        reason = str(why[2] if isinstance(why, tuple) else why)
        if not any(known in reason for known in _NOT_THE_MACHINES_FAULT):
            report.outcome, report.longrepr = "failed", f"skipped, where nothing may be: {reason}"
    return report
