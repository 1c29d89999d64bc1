"""An npm registry on loopback with packages of our own, beside the real one that npm is set to."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

TELL = "#!/usr/bin/env node\nconsole.log(require('../package.json').name, require('../package.json').version);\n"
"""A program that says which package it is from."""


def make_tarball(manifest: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    """Return a package as npm packs it: everything below ``package/``."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for path, text in {"package.json": json.dumps(manifest), **files}.items():
            data = text.encode()
            info = tarfile.TarInfo(f"package/{path}")
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def integrity_of(data: bytes, kind: str = "sha512") -> str:
    """Return what a registry says of a file, as W3C's "Subresource Integrity" writes it."""
    return f"{kind}-{base64.b64encode(hashlib.new(kind, data).digest()).decode()}"


@dataclass
class Registry:
    """What the loopback registry serves; `replies` (a status) come before everything else, by path, ``*`` for all.

    `times` says when versions were published, `asked` holds the paths that were asked for, and `tokens` what came as
    the Authorization header. Paths in `held` are not answered before the event that stands there is set.
    """

    url: str
    packages: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    times: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    held: dict[str, threading.Event] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def publish(
        self,
        name: str,
        version: str,
        *,
        files: Mapping[str, str] | None = None,
        hashes: str = "sha512",
        said: Mapping[str, Any] | None = None,
        **manifest: Any,  # noqa: ANN401  (whatever a package.json may hold)
    ) -> None:
        """Publish a package; `manifest` are fields of its package.json, `said` what the registry says beside them."""
        whole = {"name": name, "version": version, **manifest}
        data = make_tarball(whole, files or {})
        path = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self.files[path] = data
        dist = {"tarball": f"{self.url}{path}", "shasum": hashlib.sha1(data, usedforsecurity=False).hexdigest()}
        if hashes == "sha512":
            dist["integrity"] = integrity_of(data)
        self.packages.setdefault(name, {})[version] = {**whole, "dist": dist, **(said or {})}
        self.tags[name, "latest"] = version

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Be afterwards as it is now, whatever is published or broken meanwhile."""
        before = {each.name: deepcopy(getattr(self, each.name)) for each in fields(self) if each.name != "held"}
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return status and body for `path`."""
        self.asked.append(path)
        if path in self.held:
            self.held[path].wait(timeout=60)
        status = self.replies.get(path) or self.replies.get("*")
        if status is not None:
            return status, b"{}"
        if path in self.files:
            return 200, self.files[path]
        name = path[1:]
        if name not in self.packages:
            return 404, b"{}"
        tags = {tag: version for (package, tag), version in self.tags.items() if package == name}
        whole: dict[str, Any] = {"name": name, "dist-tags": tags, "versions": self.packages[name]}
        if name in self.times:
            whole["time"] = self.times[name]
        return 200, json.dumps(whole).encode()


@contextmanager
def serve_registry() -> Iterator[Registry]:
    """Serve a registry that is empty at first."""
    served = Registry(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.tokens.add(self.headers.get("Authorization", ""))
            status, body = served.answer(unquote(self.path))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            # As public registries do: an answer may be kept for a while.
            self.send_header("Cache-Control", "public, max-age=300")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            for event in served.held.values():
                event.set()
            server.shutdown()
            thread.join()
