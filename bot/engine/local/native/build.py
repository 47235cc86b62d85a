"""Compiling the kernels at first use, with the system's own compiler, for exactly this processor.

The library is kept in the user's cache folder under a name made of everything that it depends on, so that it is
built once; two processes that build at once both succeed, since each writes a file of its own and renames it.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

Progress = Callable[[str, float], None]

SOURCE = Path(__file__).parent / "source"
MAIN = SOURCE / "native.cpp"
COMPILERS = ("c++", "g++", "clang++")
FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"),
    *("-fno-math-errno", "-fno-trapping-math", "-Wno-psabi"),
)
NATIVE = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
    "arm64": ("-mcpu=native",),
}
COMPILE_SECONDS = 300


class BuildFailed(Exception):
    """There is no library; the message says why and what to do."""


def library(progress: Progress | None = None) -> Path:
    """The path of the compiled library, built now where it is not there. Raises `BuildFailed`."""
    compiler = _compiler()
    machine = NATIVE.get(platform.machine(), ())
    target = _folder() / f"native-{_key(compiler, machine)}.so"
    if target.exists():
        return target
    if progress is not None:
        progress("compiling the kernels for this processor", 0.0)
    try:
        _compile(compiler, machine, target)
    except BuildFailed:
        if not machine:
            raise
        logger.info("The compiler knows no flags for exactly this processor: building for its family.")
        _compile(compiler, (), target)
    return target


def open_library(path: Path) -> ctypes.CDLL:
    """Load the library. Raises `BuildFailed` where the system does not let it in (a cache folder without execution)."""
    try:
        return ctypes.CDLL(str(path))
    except OSError as fault:
        message = f"The compiled kernels in {path} cannot be loaded ({fault}): set XDG_CACHE_HOME to another folder."
        raise BuildFailed(message) from fault


def _compiler() -> str:
    named = os.environ.get("CXX")
    for name in (named,) if named else COMPILERS:
        found = shutil.which(name)
        if found:
            return found
    missing = f"CXX names {named}, which is not there" if named else "there is no C++ compiler"
    raise BuildFailed(f"{missing}. Install one (on Debian: apt-get install g++; on Fedora: dnf install gcc-c++)")


def _folder() -> Path:
    """A folder that only this user writes to."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "frontdesk" / "native"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as fault:
        raise BuildFailed(f"no folder for the compiled kernels ({fault}): set XDG_CACHE_HOME to one") from fault
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BuildFailed(f"the folder for the compiled kernels, {folder}, cannot be written: set XDG_CACHE_HOME")
    return folder


def _key(compiler: str, machine: Sequence[str]) -> str:
    """What the library depends on: its source, the compiler, the flags, and what this processor can do."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        if path.suffix in {".cpp", ".hpp"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    version = _run([compiler, "--version"])
    for text in (compiler, version.stdout, *FLAGS, *machine, platform.machine(), _abilities()):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:24]


def _abilities() -> str:
    """The processor's instruction sets, in the system's words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _compile(compiler: str, machine: Sequence[str], target: Path) -> None:
    descriptor, name = tempfile.mkstemp(prefix="building-", suffix=".so", dir=target.parent)
    os.close(descriptor)
    built = Path(name)
    try:
        result = _run([compiler, *FLAGS, *machine, str(MAIN), "-o", name])
        if result.returncode:
            logger.debug("%s said: %s", compiler, result.stderr)
            first = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr.strip()[-200:])
            raise BuildFailed(f"{compiler} cannot build the kernels ({first.strip()}). Install g++ 11 or newer")
        open_library(built)
        built.replace(target)
    finally:
        built.unlink(missing_ok=True)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(  # noqa: S603  # the user's own compiler, on our own source
            command, capture_output=True, text=True, check=False, timeout=COMPILE_SECONDS, env=environment
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError) as fault:
        raise BuildFailed(f"{command[0]} does not run ({fault}). Install g++") from fault
