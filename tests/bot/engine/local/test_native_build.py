"""Compiling at first use: once, also where two do it at a time, for any processor; a failure costs speed only."""

from __future__ import annotations

import logging
import platform
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch

from bot.engine.local.cache import create
from bot.engine.local.native import build, native_forward
from bot.engine.local.native.kernels import NativeKernels, native_kernels
from bot.engine.local.native.library import Library, shared_library
from bot.engine.local.settings import LocalSettings
from tests.bot.engine.local.attending import definition, scene
from tests.bot.engine.local.native_here import kernels_here, loaded, pieces, put, stored
from tests.conftest import need

ROOT = Path(__file__).parents[4]
SMALL = 'extern "C" __attribute__((visibility("default"))) int answer() {{ return {}; }}'


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a process that has built nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("bot.engine.local.native.kernels.shared_library", shared_library.__wrapped__)
    return tmp_path


def compiler(path: Path, script: str) -> str:
    """A compiler of our own making."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Something that compiles in a moment instead of the kernels."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "native.cpp").write_text(SMALL.format(42))
    monkeypatch.setattr(build, "SOURCE", folder)
    monkeypatch.setattr(build, "MAIN", folder / "native.cpp")


@pytest.mark.usefixtures("_small")
@pytest.mark.usefixtures("fresh")
def test_built_once_and_used_again() -> None:
    """The second start finds what the first has built, and leaves it as it is; another source is built anew."""
    need("c++")
    told: list[str] = []
    first = build.library(lambda what, _part: told.append(what))
    before = first.stat().st_mtime_ns
    assert build.library(lambda what, _part: told.append(what)) == first
    assert first.stat().st_mtime_ns == before
    assert len(told) == 1 and "compiling" in told[0]
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    build.MAIN.write_text(SMALL.format(43))
    again = build.library()
    assert again != first
    assert build.open_library(again).answer() == 43


@pytest.mark.usefixtures("fresh", "_small")
def test_two_processes_may_build_at_once() -> None:
    """Both get the same whole library, and nothing half-written stays."""
    need("c++")
    code = (
        "import importlib.util as use, pathlib; "
        f"spec = use.spec_from_file_location('build', {build.__file__!r}); "
        "build = use.module_from_spec(spec); spec.loader.exec_module(build); "
        f"build.SOURCE = pathlib.Path({str(build.SOURCE)!r}); build.MAIN = build.SOURCE / 'native.cpp'; "
        "path = build.library(); assert build.open_library(path).answer() == 42; print(path)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1]
    assert [path.name for path in Path(said[0]).parent.iterdir()] == [Path(said[0]).name]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'native.cpp:1:1: error: no such thing' >&2; exit 1", "no such thing"),
        ('[ "$1" = --version ] && echo 1 && exit; exit 0', "cannot be loaded"),
    ],
)
def test_a_broken_compiler_costs_speed_only(
    script: str, said: str, fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There are no kernels then, one warning says why, and no leftovers lie in the folder."""
    monkeypatch.setenv("CXX", compiler(fresh / "compiler", script))
    with caplog.at_level(logging.WARNING):
        assert native_kernels() is None
    assert len(caplog.records) == 1 and said in caplog.text and "torch's own" in caplog.text
    assert not list((fresh / "cache" / "frontdesk" / "native").iterdir())


def test_no_compiler_says_what_to_install(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line names the package."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(fresh))
    with caplog.at_level(logging.WARNING):
        assert native_kernels() is None
    assert len(caplog.records) == 1 and "apt-get install g++" in caplog.text


def test_a_folder_that_cannot_be_made(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the cache cannot be, one line says which setting moves it."""
    need("c++")
    (fresh / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "file"))
    with caplog.at_level(logging.WARNING):
        assert native_kernels() is None
    assert len(caplog.records) == 1 and "XDG_CACHE_HOME" in caplog.text


ATTENDING = """
import torch
from tests.bot.engine.local.attending import scene
from tests.bot.engine.local.native_here import kernels_here
torch.set_num_threads(2)
drawn = scene([(30, 1), (20, 1)], decodes=2, key_dim=16, value_dim=16, block_tokens=16)
kernels_here().attend(drawn.query, drawn.keys, drawn.values, drawn.batch, scale=1.0)
print(open("/proc/self/maps").read())
"""


def test_there_is_one_pool_of_threads() -> None:
    """The kernels run on the OpenMP runtime that torch brought: a process that has no other gets no second one."""
    kernels_here()
    if Path("/proc/self/maps").exists():
        done = subprocess.run([sys.executable, "-c", ATTENDING], capture_output=True, text=True, check=True, cwd=ROOT)
        names = {line.split(maxsplit=5)[5] for line in done.stdout.splitlines() if line.count("/")}
        runtimes = {name for name in names if Path(name).name.startswith(("libgomp", "libomp", "libiomp"))}
        assert len(runtimes) == 1


def machines() -> list[str]:
    """Flags of processors that can less than this one, and whose programs it can run."""
    lesser = "-O1 -march=cooperlake" if "avx512_bf16" in build._abilities() else "-O1 -mavx2 -mfma"
    return ["-O1", lesser] if platform.machine() == "x86_64" else ["-O1"]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("flags", machines())
def test_other_processors_compute_the_same(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built for processors that can less than this one, attention and a whole model are still right."""
    need("c++")
    monkeypatch.setattr(build, "NATIVE", {platform.machine(): tuple(flags.split())})
    kernels = NativeKernels(Library(build.library()))
    assert not kernels.library.tiles
    for dtype, close in ((torch.float32, 2e-5), (torch.bfloat16, 3e-2)):
        drawn = scene(
            [(70, 1), (3, 1), (5, 30)], decodes=2, heads=6, key_dim=40, value_dim=40, block_tokens=16, dtype=dtype
        )
        keys, values = stored(kernels, drawn)
        kernels.write(drawn.key, drawn.value, keys, values, drawn.batch.write_at)
        put(drawn)
        got = kernels.attend(drawn.query, keys, values, drawn.batch, scale=0.3, window=40, softcap=5.0)
        expected = definition(drawn, scale=0.3, window=40, softcap=5.0)
        torch.testing.assert_close(got.double(), expected, rtol=close, atol=close)
        assert _distance(kernels, dtype, "none") < close * 2
        assert _distance(kernels, dtype, "int8") < 0.08


@torch.inference_mode()
def _distance(kernels: NativeKernels, dtype: torch.dtype, quantization: Literal["none", "int8"]) -> float:
    """How far a small model's logits are from its own, of their size."""
    model = loaded("qwen3", dtype)
    cache = create(model.layers, blocks=6, block_tokens=16, dtype=dtype, device=torch.device("cpu"))
    settings = LocalSettings(model="qwen3", quantization=quantization)
    forward = native_forward(model, cache, kernels, settings, release=False)
    assert forward is not None
    tokens = torch.arange(5, 45)[None]
    got = forward(pieces(tokens, [(0, 0, 40)], 16, 4))
    model.model.set_attn_implementation("eager")
    expected: torch.Tensor = model.model.double()(input_ids=tokens).logits[0]
    return float((got - expected).norm() / expected.norm())
