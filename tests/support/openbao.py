"""A real OpenBao server: skipped without its program, unless it is required."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT_TOKEN = "test-root"  # noqa: S105  (of a server that lives as long as a test)
REQUIRED = os.environ.get("MCPHUB_REQUIRE_VAULT") == "1"
PROGRAM = shutil.which("bao", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}")

needs_openbao = pytest.mark.skipif(not REQUIRED and PROGRAM is None, reason="OpenBao is absent")


@dataclass(frozen=True, kw_only=True)
class OpenBao:
    """A server that runs: its address, the file of its certificates, and the key that unseals it."""

    address: str
    ca: Path
    unseal_key: str

    def ask(self, method: str, path: str, body: object = None, *, namespace: str = "") -> dict[str, Any]:
        """Return the answer to a request of its administrator; raises HTTPError for a refusal."""
        headers = {"X-Vault-Token": ROOT_TOKEN} | ({"X-Vault-Namespace": namespace} if namespace else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/v1/{path}", data, headers, method=method)  # noqa: S310
        context = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:  # noqa: S310
            return dict(json.loads(answer.read() or b"{}"))

    def put(self, key: str, values: Mapping[str, object], *, namespace: str = "") -> None:
        """Write a key of the engine of version 2 at ``secret``."""
        self.ask("POST", f"secret/data/{key}", {"data": dict(values)}, namespace=namespace)

    def approle(self, name: str, policy: str) -> tuple[str, str]:
        """Return role ID and secret ID of a new role that may do what `policy` says."""
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": policy})
        self.ask("POST", f"auth/approle/role/{name}", {"token_policies": name, "token_ttl": "5m"})
        role = self.ask("GET", f"auth/approle/role/{name}/role-id")["data"]["role_id"]
        secret = self.ask("POST", f"auth/approle/role/{name}/secret-id", {})["data"]["secret_id"]
        return str(role), str(secret)

    def tokens(self) -> int:
        """Return how many tokens there are."""
        return len(self.ask("LIST", "auth/token/accessors")["data"]["keys"])


@contextmanager
def running_openbao() -> Iterator[OpenBao]:
    """Run a server over TLS in memory, with a key-value engine of version 2 at ``secret`` and one of 1 at ``kv``."""
    assert PROGRAM is not None, "OpenBao is required, and its program `bao` is absent"
    with tempfile.TemporaryDirectory(prefix="mcphub-openbao-") as name, socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{place.getsockname()[1]}"
        place.close()
        command = [PROGRAM, "server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={name}", "-dev-no-store-token"]
        command += [f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address={address}"]
        environment = {"PATH": os.defpath, "HOME": name}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        try:
            assert process.stdout is not None
            said = [line.decode() for line in iter(process.stdout.readline, b"Root Token: test-root\n")]
            Thread(target=process.stdout.read, daemon=True).start()
            key = next(line.partition(": ")[2].strip() for line in said if line.startswith("Unseal Key"))
            bao = OpenBao(address=f"https://{address}", ca=Path(name) / "vault-ca.pem", unseal_key=key)
            bao.ask("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "1"}})
            bao.ask("POST", "sys/auth/approle", {"type": "approle"})
            yield bao
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@dataclass
class Recorder:
    """Passes requests on to a store, and keeps method and path of each; `replies` answer a path in its place."""

    bao: OpenBao | None
    replies: Mapping[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, bytes]:
        self.asked.append(f"{method} {path}")
        if path in self.replies or self.bao is None:
            return self.replies[path]
        request = urllib.request.Request(  # noqa: S310  (the test's own server)
            self.bao.address + path, body or None, dict(headers), method=method
        )
        try:
            context = ssl.create_default_context(cafile=self.bao.ca)
            with urllib.request.urlopen(request, context=context, timeout=10) as found:  # noqa: S310
                return found.status, {}, found.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {}, error.read()


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Serve `recorder` at its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            kept = {name: self.headers[name] for name in ("X-Vault-Token", "Content-Type") if name in self.headers}
            status, headers, data = recorder.answer(self.command, self.path, kept, self.rfile.read(length))
            self.send_response(status)
            for name, value in {"content-length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815  (the base class's word)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    recorder.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
