"""Containers on a real engine, beside compose and beside `docker run -i`, all in one run.

    .venv/bin/python -m bench.engine

Three figures: the first and the second `mcphub apply` of 20 prepared container servers beside `docker compose up -d` of
the rendered file, as somebody has it who installed the wheel; a small call to a container beside the same call to
`docker run -i` driven directly; and the time from the start of the gateway to its first complete list with 20 applied
servers. It needs what `tests/engine` needs.
"""

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.plan.container import LINEAGE_LABEL
from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
from mcphub_gitops.runtime.ports import ContainerSpec
from tests.support.engine import Engine, engine_for_tests, push_server

ROOT = Path(__file__).parents[1]
SERVERS = 20
ROUNDS = 3
CALLS = 2000
MCPHUB = str(Path(sys.executable).with_name("mcphub"))
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


def main() -> None:
    """Print the figures, each beside its peer and its budget."""
    with engine_for_tests() as engine, tempfile.TemporaryDirectory(prefix="mcphub-bench-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        image = push_server(engine)
        env = {**os.environ, "DOCKER_HOST": engine.host}
        write_hub(folder, image, env)
        with installed_wheel() as program:
            applies(program, folder, env)
        calls(engine, image, env, folder)
        gateway(folder, env)
        run([MCPHUB, "down"], folder, env)


def write_hub(folder: Path, image: str, env: Mapping[str, str]) -> None:
    """Write and lock a hub of 20 servers, and render its compose file."""
    servers = "".join(f"  s{number:02}: {{image: '{image}', prefix: s{number:02}}}\n" for number in range(SERVERS))
    head = "apiVersion: mcphub/v1\nname: bench\ngateway: {listen: '127.0.0.1:0'}\nservers:\n"
    (folder / "mcp-hub.yaml").write_text(head + servers, "utf-8")
    run([MCPHUB, "lock"], folder, env)
    run([MCPHUB, "render"], folder, env)


@contextmanager
def installed_wheel() -> Iterator[str]:
    """Yield the program of a wheel of this tree, installed in an environment of its own; asks no index.

    An editable install looks for its modules first, which takes 11 ms that users do not have.
    """
    with tempfile.TemporaryDirectory(prefix="mcphub-wheel-") as name:
        place, wheels = Path(name, "venv"), Path(name, "wheels")
        source = Path(name, "source")
        source.mkdir()
        for each in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / each, source)
        for each in ("compiler", "runtime", "schemas", "templates"):
            shutil.copytree(ROOT / each, source / each, ignore=shutil.ignore_patterns("__pycache__"))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        offline = ["--no-deps", "--no-index"]
        run(
            [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(wheels), str(source)],
            source,
            os.environ,
        )
        run([sys.executable, "-m", "venv", "--without-pip", str(place)], source, os.environ)
        (wheel,) = wheels.glob("*.whl")
        python = place / "bin" / "python"
        run([*pip, "--python", str(python), "install", *offline, str(wheel)], source, os.environ)
        site = sysconfig.get_path("purelib", vars={"base": str(place)})
        Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
        yield str(python.with_name("mcphub"))


def applies(program: str, folder: Path, env: Mapping[str, str]) -> None:
    """Print how long the first and the second apply take, beside compose; in turn, so that noise is shared."""
    apply, compose = [program, "apply", "--auto-approve"], [COMPOSE, "up", "-d"]
    found: dict[str, list[float]] = {"apply 1": [], "apply 2": [], "compose 1": [], "compose 2": []}
    for _ in range(ROUNDS):
        for name, command, clean in (
            ("apply", apply, [program, "down"]),
            ("compose", compose, [COMPOSE, "down", "-t0"]),
        ):
            found[f"{name} 1"].append(seconds(lambda command=command: run(command, folder, env)))
            found[f"{name} 2"].append(seconds(lambda command=command: run(command, folder, env)))
            run(clean, folder, env)
    run(apply, folder, env)
    for number, budget in ((1, 1.3), (2, 0.7)):
        own, peer = (statistics.median(found[f"{name} {number}"]) for name in ("apply", "compose"))
        tell(
            f"apply {number} of {SERVERS}: {own:.3f} s; compose {peer:.3f} s; ratio {own / peer:.2f} (budget {budget})"
        )


def calls(engine: Engine, image: str, env: Mapping[str, str], folder: Path) -> None:
    """Print the median of a small call through an attach, beside `docker run -i` driven directly."""
    ours = asyncio.run(attached(engine, image, folder))
    with docker_run(image, env) as talk:
        peer = median_of(talk)
    tell(f"call: {ours * 1e3:.3f} ms; docker run -i {peer * 1e3:.3f} ms; ratio {ours / peer:.2f} (budget 1.8)")


async def attached(engine: Engine, image: str, folder: Path) -> float:
    """Return the median of a call through mcphub's own attach, in seconds."""

    class Sink:
        def __init__(self) -> None:
            self.came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def line_received(self, line: bytes) -> None:
            self.came.set_result(line)

        def line_overrun(self, limit: int) -> None:
            raise ValueError(limit)

        def child_exited(self, _status: int) -> None:
            """Do nothing: it ends with the measurement."""

    spec = ContainerSpec(
        server="call",
        name=f"mcphub-bench-call-{os.getpid()}",
        image=image,
        env={},
        labels={LINEAGE_LABEL: "bench"},
        lasting=False,
    )
    sink = Sink()
    child = await DockerEngine(engine.socket, leases=folder / "leases").spawn(spec, sink)
    times = []
    for _ in range(CALLS):
        sink.came = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        child.write(PING)
        await sink.came
        times.append(time.perf_counter() - began)
    await child.stop(grace=0.2)
    return statistics.median(times)


@contextmanager
def docker_run(image: str, env: Mapping[str, str]) -> Iterator[Callable[[], None]]:
    """Yield one call to a server under `docker run -i`."""
    command = ["docker", "run", "--rm", "-i", "--network", "none", image]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(env), bufsize=0) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("pipes were asked for")

        def talk() -> None:
            stdin.write(PING)
            stdout.readline()

        talk()
        yield talk
        stdin.close()


def median_of(act: Callable[[], None]) -> float:
    """Return the median of `act`, in seconds."""
    return statistics.median(seconds(act) for _ in range(CALLS))


def gateway(folder: Path, env: Mapping[str, str]) -> None:
    """Print how long the gateway takes from its start to the first answer with every tool."""
    times = [start(folder, env) for _ in range(ROUNDS)]
    tell(f"gateway with {SERVERS} servers to its first complete list: {statistics.median(times):.2f} s (budget 0.6)")


def start(folder: Path, env: Mapping[str, str]) -> float:
    """Start the gateway, wait until it lists and serves all, and stop it; return the seconds until then."""
    began = time.perf_counter()
    process = subprocess.Popen([MCPHUB, "gateway", "run"], cwd=folder, env=dict(env), stdout=-3, stderr=-3)
    try:
        record, token = folder / ".mcphub" / "serving.json", folder / ".mcphub" / "token"
        wait(record.exists)
        port = int(json.loads(record.read_bytes())["url"].rpartition(":")[2].partition("/")[0])
        wait(lambda: asked(port, "/ready", token)[0] == HTTPStatus.OK)
        status, listed = asked(port, "/mcp", token, _LIST)
        took = time.perf_counter() - began
        if status != HTTPStatus.OK or len(listed["result"]["tools"]) % SERVERS:
            raise RuntimeError(f"the list is not complete: {status}")
        return took
    finally:
        process.terminate()
        process.wait()


_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
_LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": _META}})


def asked(port: int, path: str, token: Path, body: str = "") -> tuple[int, Any]:
    """Return status and document of one answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {
        "Authorization": f"Bearer {token.read_text('utf-8').strip()}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/list",
    }
    connection.request("POST" if body else "GET", path, body or None, headers)
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    return response.status, found


def wait(reached: Callable[[], bool]) -> None:
    """Wait until `reached`, for half a minute."""
    deadline = time.monotonic() + 30
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.002)  # noqa: TID251  (other processes reach it)


def tell(line: str) -> None:
    """Print `line`."""
    print(line)  # noqa: T201  (its output)


def seconds(act: Callable[[], object]) -> float:
    """Return how long `act` takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> None:
    """Run `command`, which must succeed."""
    done = subprocess.run(command, cwd=folder, env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")


if __name__ == "__main__":
    main()
