"""A hub whose folder was lost takes its containers over again, on a real engine."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.engine import Engine, push_server
from tests.support.projects import mcphub

HUB = """\
apiVersion: mcphub/v1
name: lost-NAME
servers:
  plain: {image: IMAGE, prefix: plain}
  sealed: {image: IMAGE, prefix: sealed, secrets: {CERT: {ref: "env://LOST_KEY", as: file}}}
gateway: {listen: "127.0.0.1:0"}
"""


@pytest.fixture
def project(engine: Engine) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="mcphub-lost-") as name:
        folder = Path(name).resolve()
        text = HUB.replace("IMAGE", push_server(engine)).replace(
            "NAME", folder.name.rpartition("-")[2].replace("_", "-").lower()
        )
        (folder / "mcp-hub.yaml").write_text(text, "utf-8")
        yield folder, {**os.environ, "DOCKER_HOST": engine.host, "LOST_KEY": "hunter2-lost"}


def identities(engine: Engine, lineage: str) -> dict[str, str]:
    filters = quote(json.dumps({"label": [f"io.mcphub.lineage={lineage}"]}))
    listed = engine.ask("GET", f"/containers/json?all=1&filters={filters}")
    return {each["Labels"]["io.mcphub.server"]: each["Id"] for each in listed}


def test_a_lost_folder_takes_its_containers_over(engine: Engine, project: tuple[Path, dict[str, str]]) -> None:
    folder, env = project
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        done = mcphub(folder, *arguments, env=env)
        assert done.returncode == 0, done.stderr
    lineage = (folder / ".mcphub" / "lineage").read_text("utf-8").strip()
    before = identities(engine, lineage)
    assert set(before) == {"plain", "sealed"}
    shutil.rmtree(folder / ".mcphub")

    refused = mcphub(folder, "apply", "--auto-approve", env=env)
    assert refused.returncode == 1
    assert f"of the lineage {lineage}" in refused.stderr
    assert "run `mcphub recover`" in refused.stderr

    wrong = mcphub(folder, "recover", "--lineage", "0a000000-0000-4000-8000-000000000001", env=env)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert lineage in wrong.stderr

    recovered = mcphub(folder, "recover", env=env)
    assert recovered.returncode == 0, recovered.stderr
    assert f"* lineage {lineage}: 2 of the engine's containers (plain, sealed)" in recovered.stdout
    assert identities(engine, lineage) == before

    applied = mcphub(folder, "apply", "--auto-approve", env=env)
    assert applied.returncode == 0, applied.stderr
    after = identities(engine, lineage)
    assert after["plain"] == before["plain"]
    # The files of its secrets went with the folder, so it could not be started again.
    assert after["sealed"] != before["sealed"]
    assert "the files of its secrets are gone" in applied.stdout
    assert mcphub(folder, "plan", "--detailed-exitcode", env=env).returncode == 0

    (folder / ".mcphub" / "current").unlink()
    assert "the link to what is applied is gone" in mcphub(folder, "status", env=env).stderr
    assert mcphub(folder, "recover", env=env).stdout == "What is applied is the generation 1 again.\n"
    assert mcphub(folder, "plan", "--detailed-exitcode", env=env).returncode == 0
    assert "this folder's already" in mcphub(folder, "recover", env=env).stdout

    assert mcphub(folder, "down", env=env).stdout == "No gateway was running.\nRemoved 2 containers.\n"
    assert identities(engine, lineage) == {}
