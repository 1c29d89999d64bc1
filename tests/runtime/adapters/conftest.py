"""A package index on loopback with wheels of our own, beside the real one that uv is set to."""

import base64
import hashlib
import io
import json
import sys
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.ports import Packages, Program

HTML = "text/html"
JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    kind: str = HTML
    body: bytes = b""


def make_wheel(
    name: str,
    version: str,
    *,
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    needs: tuple[str, ...] = (),
    python: str = "",
    unlisted: Mapping[str, str] | None = None,
) -> bytes:
    """Return a wheel with the module `name`, console scripts that print ``name version``, and what `unlisted` adds."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    module = name.replace("-", "_")
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Requires-Dist: {each}" for each in needs]
    metadata += [f"Requires-Python: {python}"] if python else []
    content = {f"{module}.py": f"def main():\n    print({name!r}, {version!r})\n", **(files or {})}
    content[f"{folder}/METADATA"] = "\n".join(metadata) + "\n"
    content[f"{folder}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries = "".join(f"{script} = {target}\n" for script, target in (scripts or {}).items())
    if entries:
        content[f"{folder}/entry_points.txt"] = f"[console_scripts]\n{entries}"
    record = [f"{path},sha256={_recorded(text)},{len(text)}" for path, text in content.items()]
    content[f"{folder}/RECORD"] = "\n".join([*record, f"{folder}/RECORD,,"]) + "\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path, text in {**content, **(unlisted or {})}.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
    return data.getvalue()


def _recorded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Index:
    """What the loopback index serves; `replies` come before everything else, by path, ``*`` for all.

    With `times`, when each file was published, it speaks JSON as PEP 691 and PEP 700 say.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    times: dict[str, str] = field(default_factory=dict)
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self, filename: str, data: bytes) -> None:
        self.files[filename] = data

    def publish_wheel(self, name: str, version: str, data: bytes, *, tag: str = "py3-none-any") -> None:
        self.publish(f"{name.replace('-', '_')}-{version}-{tag}.whl", data)

    def reply(self, path: str) -> Reply:
        self.asked.append(path)
        special = self.replies.get(path) or self.replies.get("*")
        if special is not None:
            return special
        *_, folder, name = f"/{path.strip('/')}".split("/")
        if folder == "files" and name in self.files:
            return Reply(kind="application/octet-stream", body=self.files[name])
        own = {file: data for file, data in self.files.items() if file.partition("-")[0] == name.replace("-", "_")}
        hashes = {file: hashlib.sha256(data).hexdigest() for file, data in own.items()}
        if self.times and folder == "simple" and own:
            files = [
                {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": each}, "upload-time": self.times[file]}
                for file, each in hashes.items()
            ]
            body = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files})
            return Reply(kind=JSON, body=body.encode())
        links = [f'<a href="/files/{file}#sha256={each}">{file}</a>' for file, each in hashes.items()]
        return Reply(body="".join(links).encode()) if folder == "simple" and links else Reply(status=404)


@pytest.fixture
def index() -> Iterator[Index]:
    """Serve an index that is empty at first."""
    served = Index(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = served.reply(self.path)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            # As public indexes do: an answer may be kept for a while.
            self.send_header("Cache-Control", "max-age=600")
            self.end_headers()
            self.wfile.write(reply.body)

        def do_HEAD(self) -> None:
            self.send_response(405)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def python() -> Program:
    """Give the Python below this one's virtual environment."""
    path = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    readable = () if sys.base_prefix == "/usr" else (sys.base_prefix,)
    return Program(path=str(path), readable=readable)


def install_together(packages: Packages, wanted: Iterable[Environment]) -> None:
    """Install each of `wanted` in a thread of its own, all at once; raises what any of them raised."""
    with ThreadPoolExecutor(max_workers=16) as threads:
        for done in [threads.submit(packages.install, environment) for environment in wanted]:
            done.result()


def wait_for(seen: Callable[[], object]) -> None:
    """Poll for at most 30 s."""
    tick = threading.Event()
    for _ in range(30_000):
        if seen():
            return
        tick.wait(0.001)
    raise TimeoutError
