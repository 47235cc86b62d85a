"""The local engine behind its own OpenAI-compatible API: `python -m bench.engines.http MODEL AT_ONCE…`.

A server in a process of its own and clients in this one, on the same cores: what they cost is part of the figure.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from bench.server import Server
from bench.workload import Ask, Run, Stamps, workload


async def answer(port: int, number: int, ask: Ask, stamps: Stamps) -> None:
    """One completion over a connection of its own, with as little work a token as a client can do."""
    body = {
        "model": "measured",
        "prompt": ask.prompt,
        "max_tokens": ask.answer,
        "temperature": 0,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    raw = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + f"Content-Length: {len(raw)}\r\nConnection: close\r\n\r\n".encode() + raw)
    kept, heard, done = b"", 0, False
    while piece := await reader.read(65_536):
        now = time.perf_counter()
        kept += piece
        lines = kept.split(b"\n")
        kept = lines.pop()
        done = done or any(line.startswith(b"data: [DONE]") for line in lines)
        events = [line for line in lines if line.startswith(b"data: {")]
        usage = next((json.loads(line[6:])["usage"] for line in events if b'"usage":{' in line), None)
        if usage:  # text that held back half a character came later than its tokens: the usage is what counts
            stamps.note(number, now, usage["completion_tokens"] - heard)
        else:
            stamps.note(number, now, min(len(events), ask.answer - heard))
            heard += min(len(events), ask.answer - heard)
    writer.close()
    if not done:
        raise RuntimeError("the answer broke off")


async def main(model: str, numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(
            Path(folder),
            {
                "engine.kind": "local",
                "engine.model": model,
                "engine.local.prefix_cache": False,
                "api.enabled": True,
                "api.require_key": False,
                "api.model": "measured",
                "web.enabled": False,
            },
        )
        await server.start(seconds=180)
        try:
            for ask in workload(3, seed=99):
                await answer(server.port, 0, ask, Stamps(Run("", 0), 0.0))
            for number in numbers:
                run = Run("http", number)
                began = time.perf_counter()
                stamps = Stamps(run, began)
                await asyncio.gather(
                    *(answer(server.port, place, ask, stamps) for place, ask in enumerate(workload(number)))
                )
                run.seconds = time.perf_counter() - began
                run.print()
        finally:
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], [int(number) for number in sys.argv[2:]]))
