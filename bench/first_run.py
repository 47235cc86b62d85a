"""From nothing to the first streamed answer: `python -m bench.first_run`.

Clones this repository into an empty folder, runs `make run` there with an empty pip cache, asks the demo a
question as a visitor would, and says what the time went into. Then starts the demo once more, for start-up alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.server import free_port
from bench.visitor import Visitor

_HERE = Path(__file__).parent.parent
_MARKS = ("Creating an environment", "Installing Frontdesk", "answers at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Seconds from the command to each mark; `first` is the first piece of an answer on the wire."""

    installing: float
    answering: float
    first: float
    again: float
    again_first: float


async def measure(folder: Path, *, question: str) -> Started:
    """Run `make run` in a fresh clone below `folder`, then `frontdesk demo` in it again."""
    clone = folder / "frontdesk"
    subprocess.run(["git", "clone", "-q", str(_HERE), str(clone)], check=True)
    port = free_port()
    bare = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environ = bare | {"PIP_NO_CACHE_DIR": "1", "PYTHONUNBUFFERED": "1"}
    marks, first = await _run(["make", "run", f"PORT={port}"], clone, environ, port, question)
    again_marks, again = await _run(
        [".venv/bin/frontdesk", "demo", "--port", str(port), "--data", "again"], clone, environ, port, question
    )
    return Started(
        installing=marks[_MARKS[1]],
        answering=marks[_MARKS[2]],
        first=first,
        again=again_marks[_MARKS[2]],
        again_first=again,
    )


async def _run(
    command: list[str], folder: Path, environ: dict[str, str], port: int, question: str
) -> tuple[dict[str, float], float]:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        marks = await _marks(process, began)
        first = await _first_piece(f"http://127.0.0.1:{port}", question) - began
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        await process.wait()
    return marks, first


async def _marks(process: asyncio.subprocess.Process, began: float) -> dict[str, float]:
    """When each mark was printed, up to the last one."""
    found: dict[str, float] = {}
    lines: list[str] = []
    if process.stdout is None:
        raise RuntimeError("the output was not kept")
    async for raw in process.stdout:
        lines.append(raw.decode(errors="replace"))
        for mark in _MARKS:
            if mark in lines[-1]:
                found.setdefault(mark, time.monotonic() - began)
        if _MARKS[-1] in found:
            return found
    raise RuntimeError("it ended before it answered:\n" + "".join(lines[-20:]))


async def _first_piece(address: str, question: str) -> float:
    async with aiohttp.ClientSession() as session:
        visitor = Visitor(session, address)
        await visitor.enter()
        listening = asyncio.create_task(visitor.listen())
        while not visitor.connections:
            await asyncio.sleep(0.005)
        ident = await visitor.say(question)
        while not visitor.shown.get(ident):
            await asyncio.sleep(0.001)
        at = time.monotonic()
        await visitor.ended(ident)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--question", default="How long does shipping to Germany take?")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(Path(folder), question=options.question))
    print(f"environment made               {found.installing:>8.1f} s")
    print(f"installed, started, answering  {found.answering:>8.1f} s")
    print(f"first streamed piece           {found.first:>8.1f} s")
    print(f"start-up alone: answering      {found.again:>8.2f} s")
    print(f"start-up alone: first piece    {found.again_first:>8.2f} s")


if __name__ == "__main__":
    main()
