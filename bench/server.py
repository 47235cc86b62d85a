"""A real Frontdesk in a subprocess, to be measured, cut off and killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psutil


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`frontdesk run` over `folder`; `settings` maps dotted keys to values ("engine.kind": "echo").

    `program` is the module that is run as `frontdesk`; `secrets` are environment variables that are no settings;
    `port` is any that is free, unless it has to be known before.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any] | None = None,
        *,
        program: str = "bot",
        secrets: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self._program, self._secrets = program, dict(secrets or {})
        self.folder, self.port = folder, port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._settings = {"knowledge.semantic.enabled": "no", "log.level": "warning", **(settings or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def command(self) -> list[str]:
        return ["run", "--data", str(self.folder / "data"), "--port", str(self.port)]

    async def start(self, *, seconds: float = 30) -> None:
        """Start and wait until it takes messages."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("FRONTDESK_")}
        for key, value in self._settings.items():
            text = value if isinstance(value, str) else json.dumps(value)
            environ["FRONTDESK_" + key.upper().replace(".", "__")] = text
        environ |= self._secrets
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._program, *self.command(),
                env=environ, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            while not await self._ready(session):
                if self._process.returncode is not None:
                    raise RuntimeError(f"the server ended with {self._process.returncode}:\n{self.log.read_text()}")
                await asyncio.sleep(0.02)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.address}/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """End it with SIGTERM, gracefully; its exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        return await process.wait()

    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        return int(self.process().memory_info().rss)

    def processor_seconds(self) -> float:
        """How long the process has computed."""
        times = self.process().cpu_times()
        return float(times.user + times.system)

    def process(self) -> psutil.Process:
        """The running server, as the system sees it."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return psutil.Process(self._process.pid)
