"""A small Hugging Face hub on this machine: what the official client asks of it, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`repositories` are folders by name; `gated` ones are not for everybody. `asked` lists the files read."""

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []
        self.address = ""


@contextmanager
def hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """Let the official client speak to a hub of our own, and keep what it downloads in `cache`."""
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, format: str, *args: object) -> None: ...

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            for name, folder in served.repositories.items():
                if path.startswith(f"/api/models/{name}"):
                    self._list(name, folder, path.removeprefix(f"/api/models/{name}"))
                    return
                if path.startswith(f"/{name}/resolve/"):
                    self._file(name, folder / path.split("/", 5)[5], body=body)
                    return
            self._say(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        def _list(self, name: str, folder: Path, rest: str) -> None:
            if rest.startswith("/revision/") and rest.split("/")[2] not in {"main", COMMIT}:
                self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
                return
            files = sorted(folder.iterdir())
            if rest.startswith("/tree/"):
                kind = {"type": "file"}
                tree = [kind | {"path": file.name, "size": file.stat().st_size, "oid": _tag(file)} for file in files]
                self._say(200, json.dumps(tree).encode(), {})
                return
            siblings = [{"rfilename": file.name} for file in files]
            answer = {"id": name, "modelId": name, "sha": COMMIT, "private": False, "siblings": siblings}
            self._say(200, json.dumps(answer | {"tags": [], "downloads": 0, "likes": 0}).encode(), {})

        def _file(self, name: str, file: Path, *, body: bool) -> None:
            if name in served.gated:
                self._say(403, b"{}", {"X-Error-Code": "GatedRepo"})
            elif not file.is_file():
                self._say(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            else:
                if body:
                    served.asked.append(file.name)
                marks = {"ETag": f'"{_tag(file)}"', "X-Repo-Commit": COMMIT}
                self._say(200, file.read_bytes(), marks, body=body)

        def _say(self, status: int, content: bytes, headers: dict[str, str], *, body: bool = True) -> None:
            self.send_response(status)
            for key, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(key, value)
            self.end_headers()
            if body and self.command == "GET":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    point_to(monkeypatch, served.address, cache)
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def point_to(monkeypatch: pytest.MonkeyPatch, address: str, cache: Path) -> None:
    """Let the official client take `address` for the hub."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    for module in (huggingface_hub.constants, huggingface_hub.file_download):  # older clients hold it in both
        monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _tag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
