"""10,000 malformed, forged or oversized bodies at the webhook: `python -m bench.telegram_hostile`.

What does not come with the secret has to be answered with 401 or 403, whatever it holds, and what comes with it but is
no update, or too large, with 400 or 413. What Telegram might say one day may be answered with 200 as well. None may be
answered with a 5xx or end the process, memory has to stay where it was, and afterwards an ordinary question is answered
as before. A server whose webhook has no secret, or a blank one, or one that Telegram would not take, has to refuse to
start.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.siege import Siege, Withstood, besieger
from bench.telegram_attacks import MAY, Attacks, right
from bench.telegram_house import Spot, connected, house
from tests.fakes.telegram.server import FakeTelegram, fake_telegram

BLANK = (None, "", "  ", "not a secret", "é", "a" * 257)
"""With these no webhook may be opened."""
QUESTION = "Do you ship the walnut desk to Norway?"


async def measure(folder: Path, *, requests: int, seed: int, blank: Sequence[str | None] = BLANK) -> Withstood:
    """Send `requests` that are forged or malformed, and odd ones between them, several at a time."""
    began = time.monotonic()
    async with fake_telegram() as telegram:
        server = house(folder, telegram, "webhook", {})
        await server.start()
        await connected(telegram, "webhook")
        async with besieger() as session:
            siege = Siege(session, telegram.hook.url, Attacks(seed).next, right, MAY)
            before, after = await siege.lay(server, requests)
        alive = await _alive(telegram)
        code = await server.stop()
        refused = [await _refuses(folder / "blank", telegram, secret) for secret in blank]
    return Withstood(
        requests=requests,
        statuses=siege.statuses,
        wrong=siege.wrong,
        unanswered=siege.unanswered,
        before=before,
        after=after,
        alive=alive and code == 0,
        blank_refused=all(refused),
        seconds=time.monotonic() - began,
    )


async def _alive(telegram: FakeTelegram) -> bool:
    """Whether an ordinary question is answered."""
    await Spot(9, 9).say(telegram, QUESTION)
    try:
        await telegram.until(lambda: telegram.chat(9).texts == [QUESTION], seconds=20)
    except TimeoutError:
        return False
    return True


async def _refuses(folder: Path, telegram: FakeTelegram, secret: str | None) -> bool:
    """Whether a server with this secret, or (None) without one, ends instead of listening."""
    given = {} if secret is None else {"TELEGRAM_WEBHOOK_SECRET": secret}
    server = house(folder, telegram, "webhook", {}, secrets={"TELEGRAM_BOT_TOKEN": telegram.token, **given})
    try:
        await server.start()
    except RuntimeError:
        return True
    await server.stop()
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        found = asyncio.run(measure(Path(folder), requests=options.requests, seed=options.seed))
    found.tell()
    return not found.good


if __name__ == "__main__":
    sys.exit(main())
