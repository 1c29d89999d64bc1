"""`docker compose up` of the rendered file makes the same containers as `mcphub apply`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.engine import Engine, push_server
from tests.support.projects import mcphub

COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
TRICKY = {
    "EXPONENT": "1e3",
    "OCTAL": "0o777",
    "TIME": "22:22",
    "NO": "no",
    "DOLLAR": "a$b${HOME}$$",
    "SPACE": " x: y #z ",
    "no": "1",
}
SECRET = "hunter2 with 'quotes' $and #more"  # noqa: S105  (opens nothing)

HUB = """\
apiVersion: mcphub/v1
name: compose
servers:
  plain: {image: IMAGE}
  whole:
    image: IMAGE
    args: ["A=1e3"]
    env: ENV
    secrets: {TOKEN: "env://COMPOSE_KEY", CERT: {ref: "env://COMPOSE_KEY", as: file}}
    mounts: ["./data:/data", "cache-LINEAGE:/cache:rw"]
    user: "1234:99"
    network: bridge
    prefix: whole
    resources: {cpus: 0.25, memory: 96Mi, pids: 17}
    relax: {network: bridge, capabilities: [NET_RAW], readOnly: false, reason: to show what can be given}
gateway: {listen: "127.0.0.1:0"}
"""


@pytest.fixture(scope="module")
def project(engine: Engine) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="mcphub-compose-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        (folder / "data").mkdir()
        env_of_server = json.dumps({key: value.replace("$", "$$") for key, value in TRICKY.items()})
        text = HUB.replace("IMAGE", push_server(engine)).replace("ENV", env_of_server).replace("LINEAGE", folder.name)
        text = text.replace("  plain: {", "  plain: {prefix: plain, ")
        (folder / "mcp-hub.yaml").write_text(text, "utf-8")
        env = {**os.environ, "DOCKER_HOST": engine.host, "COMPOSE_KEY": SECRET}
        done = mcphub(folder, "lock", env=env)
        assert done.returncode == 0, done.stderr
        yield folder, env
        engine.request("DELETE", f"/volumes/mcphub-compose_cache-{folder.name}")


def compose(folder: Path, env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([COMPOSE, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def facts(engine: Engine, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the engine says of each container of the hub, as far as it is of our making."""
    lineage = (folder / ".mcphub" / "lineage").read_text("utf-8").strip()
    filters = quote(json.dumps({"label": [f"io.mcphub.lineage={lineage}"]}))
    found = {}
    for each in engine.ask("GET", f"/containers/json?all=1&filters={filters}"):
        document = engine.ask("GET", f"/containers/{each['Id']}/json")
        found[document["Config"]["Labels"]["io.mcphub.server"]] = _facts(document)
    return found


def _facts(document: dict[str, Any]) -> dict[str, Any]:
    config, host = document["Config"], document["HostConfig"]
    mounts = [
        (each["Type"], each["Source"], each["Destination"], each["RW"], each["Propagation"])
        for each in document["Mounts"]
    ]
    names = {each["Destination"]: each.get("Name", "") for each in document["Mounts"]}
    mounts = [(kind, names[rest[0]] if kind == "volume" else source, *rest) for kind, source, *rest in mounts]
    return {
        "name": document["Name"],
        "mounts": sorted(mounts),
        "env": sorted(config["Env"]),
        "labels": {name: value for name, value in config["Labels"].items() if name.startswith("io.mcphub.")},
        **{
            key: config[key]
            for key in ("Image", "Cmd", "Entrypoint", "User", "OpenStdin", "StdinOnce", "Tty", "WorkingDir")
        },
        "healthcheck": config.get("Healthcheck"),
        "security": host["SecurityOpt"],
        "tmpfs": host["Tmpfs"],
        "ulimits": sorted((each["Name"], each["Soft"], each["Hard"]) for each in host["Ulimits"]),
        **{
            key: host[key]
            for key in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "ReadonlyRootfs", "Init", "Privileged")
        },
        # Compose writes the prefix of a capability, and what it means is the same.
        **{key: [name.removeprefix("CAP_") for name in host[key] or ()] for key in ("CapAdd", "CapDrop")},
        **{key: host[key] for key in ("NetworkMode", "IpcMode", "PidMode", "LogConfig", "RestartPolicy")},
    }


def test_the_containers_of_compose_are_those_of_apply(engine: Engine, project: tuple[Path, dict[str, str]]) -> None:
    folder, env = project
    assert mcphub(folder, "apply", "--auto-approve", env=env).returncode == 0
    ours = facts(engine, folder)
    assert mcphub(folder, "down", env=env).returncode == 0
    rendered = mcphub(folder, "render", "--secrets", env=env)
    assert rendered.returncode == 0, rendered.stderr
    assert SECRET not in (folder / "compose.yaml").read_text("utf-8")
    compose(folder, env, "up", "--detach", "--quiet-pull")
    try:
        theirs = facts(engine, folder)
        plan = mcphub(folder, "plan", env=env).stdout
    finally:
        compose(folder, env, "down", "--timeout", "0")
    assert ours.keys() == theirs.keys() == {"plain", "whole"}
    for name in ours:
        assert theirs[name] == ours[name]
    volumes = [mount for mount in ours["whole"]["mounts"] if mount[0] == "volume"]
    assert [name for _, name, *_ in volumes] == [f"mcphub-compose_cache-{folder.name}"]
    assert "its container was changed" not in plan


def test_no_value_is_read_as_something_else(project: tuple[Path, dict[str, str]]) -> None:
    folder, env = project
    assert mcphub(folder, "render", env=env).returncode == 0
    understood = json.loads(compose(folder, env, "config", "--format", "json", "--no-interpolate"))
    given = understood["services"]["whole"]["environment"]
    assert {key: given[key].replace("$$", "$") for key in TRICKY} == TRICKY
    assert compose(folder, env, "config", "--quiet") == ""


def test_the_file_is_the_same_bytes_each_time_and_may_go_elsewhere(project: tuple[Path, dict[str, str]]) -> None:
    folder, env = project
    assert mcphub(folder, "render", env=env).returncode == 0
    assert mcphub(folder, "render", "-o", "-", env=env).stdout.encode() == (folder / "compose.yaml").read_bytes()


def test_a_hub_without_containers_has_nothing_to_render(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text("apiVersion: mcphub/v1\nname: acme\nservers: {}\n", "utf-8")
    (tmp_path / "mcp-hub.lock").write_text('{"format": "mcphub.lock/v1", "servers": {}}\n', "utf-8")
    done = mcphub(tmp_path, "render")
    assert done.returncode == 1
    assert "no server of the hub runs in a container" in done.stderr
    assert not (tmp_path / "compose.yaml").exists()
