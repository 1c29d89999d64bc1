import os
from pathlib import Path

import pytest

from tests.support.projects import mcphub, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
vars: {zone: UTC}
defaults: {run: process}
servers:
  notes:
    command: [python3, srv/notes.py]
    env: {B: "2", A: "1", C: "3"}
    secrets: {KEY: "env://KEY", OTHER: "file://other"}
    paths: {read: [srv, docs], write: [data, more]}
  time: {package: "pypi:mcp-server-time@1", args: ["${vars.zone}"], tools: {deny: [convert, "set_*"]}}
"""
TOOLS = {"notes": ("add", "list", "find"), "time": ("now", "convert", "set_clock", "set_zone")}


def planned(folder: Path, seed: str) -> tuple[bytes, str]:
    write_project(folder, HUB, TOOLS)
    done = mcphub(folder, "plan", "--offline", "-o", "plan.json", env={**os.environ, "PYTHONHASHSEED": seed})
    assert done.returncode == 0, done.stderr
    return (folder / "plan.json").read_bytes(), done.stdout


def test_a_plan_is_the_same_bytes_under_any_hash_seed_and_working_folder(tmp_path: Path) -> None:
    one = planned(tmp_path / "one", "1")
    assert planned(tmp_path / "two" / "deeper", "2") == one
    assert planned(tmp_path / "one", "3") == one


def test_a_plan_holds_no_path_of_the_machine(tmp_path: Path) -> None:
    data, text = planned(tmp_path / "one", "0")
    assert str(tmp_path).encode() not in data
    assert str(tmp_path) not in text


@pytest.mark.parametrize("options", [[], ["--output", "json"]])
def test_the_order_of_keys_in_the_hub_does_not_matter(tmp_path: Path, options: list[str]) -> None:
    write_project(tmp_path / "one", HUB, TOOLS)
    head, servers = HUB.split("servers:\n")
    notes, time = servers[: servers.index("  time:")], servers[servers.index("  time:") :]
    write_project(tmp_path / "two", f"servers:\n{time}{notes}{head}", TOOLS)
    one, two = (mcphub(tmp_path / name, "plan", "--offline", *options) for name in ("one", "two"))
    assert (one.returncode, one.stderr) == (0, "")
    assert one.stdout == two.stdout
