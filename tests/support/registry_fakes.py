"""A registry or token service on loopback that answers as it is told: for what no real registry does.

Stands beside the tests against the real one (`tests.support.registry`).
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMED = "registry.test"
"""A host that is not this machine by its name, and is reached nevertheless after `lead_home`."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; an `endless` one repeats its body, every `pause` seconds, until the other side has had enough."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    endless: bool = False
    pause: float = 0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was asked; `headers` have their names in lower case, `body` is that of a form."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""


@dataclass
class FakeRegistry:
    """Answers by path without the query, from a reply or from what makes one; anything else is 404."""

    host: str = ""
    replies: dict[str, Reply | Callable[[Asked], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        found = self.replies.get(asked.path.partition("?")[0], Reply(status=404))
        return found if isinstance(found, Reply) else found(asked)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        # Clients that do not trust the certificate hang up.
        pass


def _send(handler: BaseHTTPRequestHandler, reply: Reply, ended: threading.Event) -> None:
    try:
        if handler.command != "HEAD":
            handler.wfile.write(reply.body)
        while reply.endless:
            ended.wait(reply.pause)
            handler.wfile.write(reply.body)
    except OSError:
        handler.close_connection = True


@contextmanager
def running_fake(*, address: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Iterator[FakeRegistry]:
    """Serve a fake that knows nothing at first, with TLS if there is a `context`."""
    fake, ended = FakeRegistry(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0"))).decode()
            reply = fake.reply(Asked(method=self.command, path=self.path, headers=headers, body=body))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not reply.endless:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            _send(self, reply, ended)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            pass

    with _Server((address, 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        fake.host = f"{address}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def lead_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NAMED lead to this machine."""
    ask_resolver: Callable[..., object] = socket.getaddrinfo

    def resolve(host: str, *arguments: object, **options: object) -> object:
        return ask_resolver("127.0.0.1" if host == NAMED else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for NAMED that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAMED)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAMED)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private
