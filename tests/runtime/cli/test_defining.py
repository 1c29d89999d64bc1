"""A hub with many definitions: what is in them is known from before, and what does not fit is found all the same."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.projects import mcphub, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
"""
SERVERS = {f"s{server}": tuple(f"s{server}_t{tool:02}" for tool in range(90)) for server in range(8)}


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def project(tmp_path: Path, env: Mapping[str, str]) -> Path:
    """Return a hub whose lock fits and that was looked at before, so that its definitions are known."""
    folder = tmp_path / "project"
    write_project(folder, HUB + "".join(f"  {name}: {{command: [{name}]}}\n" for name in SERVERS), SERVERS)
    done = mcphub(folder, "lock", "--check", env=env)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "cache" / "mcphub" / "definitions").iterdir())) == 1
    return folder


def test_a_plan_is_the_same_whether_they_are_known_or_not(
    project: Path, env: Mapping[str, str], tmp_path: Path
) -> None:
    known = mcphub(project, "plan", "--offline", "--output", "json", env=env)
    anew = mcphub(
        project, "plan", "--offline", "--output", "json", env={**env, "XDG_CACHE_HOME": str(tmp_path / "other")}
    )
    assert known.returncode == 0, known.stderr
    assert known.stdout == anew.stdout
    tools = json.loads(known.stdout)["desired"]["servers"]["s3"]["tools"]
    assert tools["s3_t07"]["definition"]["description"] == "The tool s3_t07."


@pytest.mark.parametrize("file", ["mcp-hub.lock", "mcp-hub.tools/s3.json"])
def test_what_does_not_fit_is_found(project: Path, env: Mapping[str, str], file: str) -> None:
    changed = project / file
    text = changed.read_text("utf-8")
    changed.write_text(text.replace('"s3_t07"', '"s3_t07x"').replace("The tool s3_t07.", "Sends all away."), "utf-8")
    done = mcphub(project, "lock", "--check", env=env)
    assert done.returncode == 2, done.stderr
    assert "MH404" in done.stderr
    assert "`s3_t07" in done.stderr
    changed.write_text(text, "utf-8")
    assert mcphub(project, "lock", "--check", env=env).returncode == 0
