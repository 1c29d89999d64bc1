"""What `drift`, `status`, `up` and `render` do of an environment, and without a network, with a server that runs."""

import json
import shutil
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.read.shape import fits
from mcphub_gitops.runtime.apply.drift import within_reach
from mcphub_gitops.schemas import load_schema
from tests.support.hubs import hub_of, lock_of
from tests.support.projects import NOTES, mcphub, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, server.py], paths: {write: [notes]}, tools: {deny: ["read_*"]}}
"""
RENDERED = """\
apiVersion: mcphub/v1
name: acme
secretStores: {corp: {vault: {address: "https://vault.invalid", auth: {token: "env://T"}}}}
servers:
  box: {image: "registry.example/box:1", secrets: {KEY: {store: corp, key: a, field: b, as: file}}}
"""
OVERLAY = "servers: {notes: {prefix: p}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A hub with the environment `prod`, which is applied."""
    for name, text in (("mcp-hub.yaml", HUB), ("environments/prod.yaml", OVERLAY), ("environments/dev.yaml", OVERLAY)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    shutil.copy(NOTES, tmp_path)
    (tmp_path / "notes").mkdir()
    for arguments in (["lock", "--env", "prod"], ["apply", "--env", "prod", "--auto-approve"]):
        done = mcphub(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    return tmp_path


def test_what_is_applied_says_which_environment_drift_is_about(project: Path) -> None:
    for arguments in ([], ["--env", "prod"], ["--offline"]):
        done = mcphub(project, "drift", *arguments)
        assert (done.returncode, done.stdout.startswith("No drift.")) == (0, True), done.stdout + done.stderr
    report = json.loads(mcphub(project, "drift", "--output", "json").stdout)
    assert fits(report, load_schema("drift.v1"))
    assert (report["environment"], report["offline"], report["unasked"]) == ("prod", False, [])
    (project / "environments" / "prod.yaml").write_text(OVERLAY.replace("p}", "q}"), "utf-8")
    moved = mcphub(project, "drift")
    assert (moved.returncode, "hub: it is not what was applied" in moved.stdout) == (2, True)


def test_another_environment_is_refused(project: Path) -> None:
    for command in ("drift", "status"):
        done = mcphub(project, command, "--env", "dev")
        assert done.returncode == 1
        assert "the environment dev is not applied here" in done.stderr
        assert "what is applied is the environment prod" in done.stderr


def test_status_tells_the_environment(project: Path) -> None:
    found = json.loads(mcphub(project, "status", "--output", "json").stdout)
    assert (found["environment"], [each["name"] for each in found["servers"]]) == ("prod", ["notes"])
    assert mcphub(project, "status", "--env", "prod").stdout == mcphub(project, "status").stdout


def test_without_an_environment_one_that_is_asked_for_is_refused(project: Path) -> None:
    assert mcphub(project, "down").returncode == 0
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        assert mcphub(project, *arguments).returncode == 0
    done = mcphub(project, "drift", "--env", "prod")
    assert "what is applied is the hub without an environment" in done.stderr


def test_without_a_network_drift_tells_what_it_did_not_ask(project: Path) -> None:
    done = mcphub(project, "drift", "--offline")
    assert "Without a network, nobody asked where tags lead.\n" in done.stdout
    (project / "server.py").write_bytes((project / "server.py").read_bytes() + b"\n")
    changed = mcphub(project, "drift", "--offline", "--output", "json")
    assert changed.returncode == 2
    report = json.loads(changed.stdout)
    assert "server.py was changed" in [each["detail"] for each in report["drift"]]
    assert report["offline"] is True


def test_up_without_a_network_applies_and_serves(project: Path) -> None:
    assert mcphub(project, "down").returncode == 0
    try:
        done = mcphub(project, "up", "--env", "prod", "--detach", "--offline")
        assert done.returncode == 0, done.stderr
        assert json.loads(mcphub(project, "status", "--output", "json").stdout)["servers"][0]["state"] == "up"
    finally:
        mcphub(project, "down")


def test_what_needs_a_network_is_not_asked_without_one() -> None:
    hub = hub_of("""\
apiVersion: mcphub/v1
name: acme
secretStores: {corp: {vault: {address: "https://vault.example", auth: {token: "env://T"}}}}
servers:
  far: {remote: {url: "https://far.example/mcp"}}
  kept: {image: "registry.example/a:1", secrets: {KEY: {store: corp, key: a, field: b, as: file}}}
  mixed: {command: [python3, b.py], run: process, secrets: {KEY: "vault://secret/a#b"}}
  near: {command: [python3, a.py], run: process, secrets: {KEY: "env://KEY"}}
""")
    desired, _ = build(hub, *lock_of(hub, {}))
    assert [each.name for each in within_reach(desired).servers] == ["near"]


def test_without_a_network_the_same_is_rendered_and_no_store_is_asked(tmp_path: Path) -> None:
    write_project(tmp_path, RENDERED, {"box": ("mend",)})
    online, offline = (mcphub(tmp_path, "render", "-o", "-", *more) for more in ([], ["--offline"]))
    assert (online.returncode, online.stdout) == (0, offline.stdout)
    assert "registry.example/box" in offline.stdout
    refused = mcphub(tmp_path, "render", "--secrets", "--offline")
    assert refused.returncode == 1
    assert "is in a store that is reached over the network" in refused.stderr
