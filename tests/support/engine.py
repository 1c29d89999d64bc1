"""A real Docker engine for tests, a registry that it and the tests reach under one name, and small images.

The engine is the one that DOCKER_HOST names. Without that a private one is started in a network namespace of its own,
which takes root, `dockerd` (DOCKERD names another than the one in the PATH), `unshare` and `ip`. The registry needs
`docker-registry`, the images `busybox` linked statically (Debian: docker.io, docker-registry, busybox-static).

Speaks to the engine by the standard library alone: what is tested is not asked what it did.
"""

import base64
import http.client
import io
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

REQUIRED = os.environ.get("MCPHUB_REQUIRE_ENGINE") == "1"

PATIENCE = 60.0
"""Seconds after which an engine or a registry that should be there is not."""

_APPLETS = "sh cat awk sleep env yes head id seq echo kill ls wc true false touch dd printf nc mount chmod tr"
SERVER = Path(__file__).with_name("engine_server.awk")


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it where an engine is required."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("docker", timeout=PATIENCE)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._address)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that runs: the path of its socket, and the registry's address, the same for it and for the tests."""

    socket: str
    registry: str
    images: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """What DOCKER_HOST is for this engine."""
        return f"unix://{self.socket}"

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of one answer."""
        return _request(self.socket, method, path, body, headers)

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  (any JSON value)
        """Return the decoded answer, None for an empty one; fails unless the engine did what it was asked."""
        content = b"" if body is None else json.dumps(body).encode()
        status, answer = self.request(method, path, content, {"Content-Type": "application/json"})
        assert status < 400, f"{method} {path}: {status} {answer.decode()}"
        return json.loads(answer) if answer else None

    def load(self, repository: str, layer: bytes, *instructions: str) -> str:
        """Make an image of one layer, a tar, and return its reference by tag; it has no digest until it is pushed.

        `instructions` are those of a Dockerfile: ``ENTRYPOINT ["/bin/sh"]``, ``USER 65532``, ``ENV A=1``.
        """
        query = [("fromSrc", "-"), ("repo", repository), ("tag", "1"), *(("changes", each) for each in instructions)]
        made = self._report("/images/create?" + urllib.parse.urlencode(query), layer)
        self.images.append(made[-1]["status"])
        return f"{repository}:1"

    def push(self, name: str, layer: bytes, *instructions: str) -> str:
        """Make an image as `load` does, push it and return its reference by digest; it stays until the tests end."""
        repository = f"{self.registry}/{name}"
        self.load(repository, layer, *instructions)
        told = self._report(f"/images/{repository}/push?tag=1", b"", {"X-Registry-Auth": encoded({})})
        digest = next(line["aux"]["Digest"] for line in told if "aux" in line)
        return f"{repository}@{digest}"

    def forget(self, reference: str) -> None:
        """Remove an image from the engine; the registry keeps it."""
        self.ask("DELETE", f"/images/{reference.partition('@')[0]}:1?force=1")
        for each in self.ask("GET", "/images/json?digests=1"):
            if reference in (each.get("RepoDigests") or ()):
                self.ask("DELETE", f"/images/{reference}?force=1")

    def _report(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> list[Any]:
        status, answer = self.request("POST", path, body, {"Content-Type": "application/x-tar", **(headers or {})})
        lines = [json.loads(line) for line in answer.splitlines()]
        assert status == 200, answer.decode()
        assert not [line for line in lines if "error" in line], answer.decode()
        return lines


def encoded(document: object) -> str:
    """Return a value for X-Registry-Auth: JSON in base64, the kind for URLs."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode()


def tar_of(
    files: Mapping[str, bytes | str | Path], *, folders: Sequence[str] = ("tmp", "proc", "sys", "dev", "etc")
) -> bytes:
    """Return a layer: each path (without the leading slash) with its content, or a link to it where it is text."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        parents = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
        for folder in sorted({*folders, *parents}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                tar.addfile(entry)
                continue
            data = content.read_bytes() if isinstance(content, Path) else content
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def folder_of(folder: Path) -> dict[str, Path]:
    """Return the files below `folder` as `tar_of` takes them."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def busybox_layer(files: Mapping[str, bytes | str | Path] | None = None) -> bytes:
    """Return a layer with a shell and the usual tools (2 MB), and `files`."""
    found = shutil.which("busybox")
    if found is None or b"statically linked" not in _kind_of(found):
        unavailable("the test images need a busybox that is linked statically (Debian: busybox-static)")
    links: dict[str, bytes | str | Path] = {f"bin/{name}": "busybox" for name in _APPLETS.split()}
    return tar_of({"bin/busybox": Path(found), **links, **(files or {})})


def _kind_of(program: str) -> bytes:
    """Return ``statically linked`` for a program without an interpreter (elf(5), PT_INTERP)."""
    header = Path(program).read_bytes()[:4096]
    return b"" if b"/ld-linux" in header or b"/ld-musl" in header else b"statically linked"


def push_server(engine: Engine, name: str = "server") -> str:
    """Push an image with a small MCP server of both eras (`engine_server.awk`) and return its reference by digest."""
    layer = busybox_layer({"server.awk": SERVER})
    return engine.push(name, layer, 'ENTRYPOINT ["/bin/awk", "-f", "/server.awk"]', "USER 65532:65532")


@contextmanager
def engine_for_tests() -> Iterator[Engine]:
    """Yield the engine that DOCKER_HOST names, or a private one; skips the test where there is neither."""
    with ExitStack() as stack:
        host = os.environ.get("DOCKER_HOST", "")
        if host:
            address = host.removeprefix("unix://")
            wait_until(lambda: _answers(address), f"no engine answers at {host}")
        else:
            address = stack.enter_context(private_engine()).socket
        engine = Engine(socket=address, registry=stack.enter_context(registry_for(address)))
        yield engine
        for image in engine.images:
            engine.request("DELETE", f"/images/{image}?force=1")


@dataclass
class PrivateEngine:
    """A `dockerd` of its own, with its socket and data below `folder`; may be killed and started again."""

    folder: Path
    flags: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def socket(self) -> str:
        return str(self.folder / "docker.sock")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        daemon = Path(shutil.which(os.environ.get("DOCKERD", "dockerd")) or "/")
        root = daemon.parent.parent
        flags = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root")]
        flags += ["--pidfile", str(self.folder / "pid"), "-H", f"unix://{self.socket}", *self.flags]
        if (root / "bin/tini-static").exists():
            flags += ["--init-path", str(root / "bin/tini-static"), "--userland-proxy=false"]
        path = os.pathsep.join([str(daemon.parent), str(root / "bin"), os.environ.get("PATH", "")])
        # The kernel's cgroups are to be seen as they are, which `ip netns exec` prevents.
        inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", str(daemon), *flags]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--net", *inside],
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: _answers(self.socket), f"the engine did not start; its log is {self.folder / 'log'}")

    def kill(self) -> None:
        """End it at once, with its containerd; its containers and their keepers stay."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        # Until somebody reaps it, the next engine would take its zombie for one that runs, and wait for it.
        number = self.folder / "exec-root/containerd/containerd.pid"
        os.kill(int(number.read_text("ascii")), signal.SIGKILL)
        number.unlink()

    def stop(self) -> None:
        """End it and all its containers."""
        if self.process is None or self.process.poll() is not None:
            # Only an engine can end what a killed one has left.
            self.start()
        assert self.process is not None
        self.process.terminate()
        self.process.wait(PATIENCE)
        for keeper in self._keepers():
            children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text("ascii").split()
            for pid in (*map(int, children), keeper):
                os.kill(pid, signal.SIGKILL)
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
        for place in reversed([place for place in mounted if place.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", place], check=True)

    def _keepers(self) -> list[int]:
        """Return the processes that hold containers which this engine has forgotten, having been killed."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                if b"containerd-shim" in command and str(self.folder).encode() in command:
                    found.append(int(entry.name))
        return found


@contextmanager
def private_engine(*flags: str) -> Iterator[PrivateEngine]:
    """Yield an engine in a network namespace of its own; skips the test where that is not possible."""
    needed = (os.environ.get("DOCKERD", "dockerd"), "unshare", "ip", "iptables")
    missing = [name for name in needed if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        unavailable(f"a private engine needs {', '.join(missing) or 'root'}; or set DOCKER_HOST to another")
    with tempfile.TemporaryDirectory(prefix="mcphub-engine-") as name:
        engine = PrivateEngine(Path(name), flags)
        try:
            engine.start()
            yield engine
        finally:
            engine.stop()


@contextmanager
def registry_for(address: str) -> Iterator[str]:
    """Run a registry and yield its address on the loopback interface, the same for the tests and for the engine.

    An engine in another network namespace has another loopback interface: a second registry is started there, on the
    same port and with the same files. Engines take plain HTTP from 127.0.0.0/8 without being told.
    """
    if not shutil.which("docker-registry"):
        unavailable("the test images need a registry (Debian: docker-registry)")
    with tempfile.TemporaryDirectory(prefix="mcphub-registry-") as name, ExitStack() as stack:
        listen = f"127.0.0.1:{_free_port()}"
        configuration = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": f"{name}/data"}, "delete": {"enabled": True}},
            "http": {"addr": listen, "secret": uuid.uuid4().hex},
        }
        # JSON is YAML.
        Path(name, "registry.json").write_text(json.dumps(configuration), "utf-8")
        serve = ["docker-registry", "serve", f"{name}/registry.json"]
        stack.enter_context(_running(serve, Path(name, "log")))
        namespace = _namespace_of(address)
        if namespace:
            stack.enter_context(_running(["nsenter", f"--net={namespace}", *serve], Path(name, "log")))
        wait_until(lambda: _serves(listen), f"no registry answers at {listen}")
        yield listen


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _namespace_of(address: str) -> str:
    """Return the network namespace of whoever listens at the socket, or nothing when it is ours or cannot be seen."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _, _ = struct.unpack("3i", credentials)
    theirs = Path(f"/proc/{pid}/ns/net")
    try:
        return "" if theirs.readlink() == Path("/proc/self/ns/net").readlink() else str(theirs)
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _serves(listen: str) -> bool:
    host, _, port = listen.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _answers(address: str) -> bool:
    try:
        return _request(address, "GET", "/_ping")[0] == 200
    except OSError:
        return False


def _request(
    address: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    connection = _Connection(address)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_until(reached: Callable[[], bool], reason: str) -> None:
    """Look until `reached`, and fail for `reason` where that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            pytest.fail(reason)
        threading.Event().wait(0.05)
