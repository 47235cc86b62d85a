"""The widget as a file: packed, cached, and asked for again by its tag."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy

from adapters.web.pages import Script

SOURCE = b"window.Frontdesk = {};\n" * 100


async def fetch(file: Path, **headers: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
    """What a browser with `headers` gets for the widget in `file`."""
    app = web.Application()
    app.router.add_get("/frontdesk.js", Script(file).serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/frontdesk.js"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as http,
            http.get(url, headers=named) as response,
        ):
            return response.status, await response.read(), response.headers
    finally:
        await runner.cleanup()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "frontdesk.js"
    file.write_bytes(SOURCE)
    return file


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [("gzip, deflate, br", True), ("gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
async def test_it_is_packed_for_who_takes_it(script: Path, accepts: str, packed: bool) -> None:
    """Packed or plain, the bytes are the same."""
    status, body, headers = await fetch(script, Accept_Encoding=accepts)
    assert status == 200
    assert (headers.get("Content-Encoding") == "gzip") == packed
    assert (gzip.decompress(body) if packed else body) == SOURCE
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_what_is_known_is_not_sent_again(script: Path) -> None:
    """The tag names the bytes: equal ones are not sent again, other ones are."""
    _, _, headers = await fetch(script)
    tag = headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        status, body, again = await fetch(script, If_None_Match=known)
        assert (status, body, again["ETag"]) == (304, b"", tag)
    script.write_bytes(SOURCE + b"//")
    status, _, headers = await fetch(script, If_None_Match=tag)
    assert status == 200
    assert headers["ETag"] != tag
