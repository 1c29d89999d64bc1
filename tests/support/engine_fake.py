"""An engine that answers what it is told to: a world that a test changes by hand. Containers are documents."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class FakeEngine:
    """What the engine knows: containers by name, images by reference; `asked` are the requests."""

    socket: str
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    version: str = "1.41"
    asked: list[str] = field(default_factory=list)
    refuses: bool = False

    def answer(self, target: str) -> tuple[int, Any]:
        """Return status and document for a GET of `target`."""
        words = urlsplit(target)
        parts = unquote(words.path).split("/")
        if self.refuses:
            return 500, {"message": "out of order"}
        if words.path == "/_ping":
            return 200, "OK"
        if words.path.endswith("/containers/json"):
            wanted = json.loads(parse_qs(words.query)["filters"][0])["label"]
            return 200, [
                {"Names": [f"/{name}"], "Status": f"Up {len(self.asked)} seconds"}
                for name, each in self.containers.items()
                if all(f"{key}={value}" in wanted for key, value in each["Config"]["Labels"].items() if key in _OWNER)
            ]
        kind, name = parts[2], "/".join(parts[3:-1])
        if kind == "containers" and name in self.containers:
            return 200, self.containers[name]
        if kind == "images" and name in self.images:
            return 200, {"Id": "sha256:1"}
        return 404, {"message": f"no such thing: {name}"}


_OWNER = ("io.mcphub.hub", "io.mcphub.lineage")


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
    engine: FakeEngine


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def address_string(self) -> str:
        return "test"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        engine = self.server.engine
        status, document = engine.answer(self.path)
        engine.asked.append(f"GET {self.path}")
        body = json.dumps(document, separators=(",", ":")).encode()
        # Who asks for the version alone does not wait for the rest.
        with suppress(BrokenPipeError):
            self.send_response(status)
            self.send_header("Api-Version", engine.version)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


@contextmanager
def fake_engine(folder: Path) -> Iterator[FakeEngine]:
    """Run an engine whose socket is in `folder`."""
    engine = FakeEngine(socket=str(folder / "engine.sock"))
    with _Server(engine.socket, _Handler) as server:
        server.engine = engine
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield engine
        server.shutdown()


def inspected(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return what an engine says of the container `name`, made from `body` and running."""
    host = dict(body["HostConfig"])
    config = {key: value for key, value in body.items() if key != "HostConfig"}
    return {
        "Id": "4" * 64,
        "Name": f"/{name}",
        "State": {
            "Status": "running",
            "Running": True,
            "ExitCode": 0,
            "Error": "",
            "StartedAt": "2026-11-29T06:00:00Z",
        },
        "Config": {**config, "Env": [*config["Env"], "PATH=/bin"]},
        "HostConfig": {**host, "Devices": None, "Binds": None},
        "Mounts": [{"Source": each["Source"], "Destination": each["Target"]} for each in host["Mounts"]],
        "NetworkSettings": {"Networks": {host["NetworkMode"]: {}}},
    }
