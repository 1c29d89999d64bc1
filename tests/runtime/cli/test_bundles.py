"""Policies that several repositories share, from a real registry, as users meet them."""

from pathlib import Path

import pytest

from tests.support.projects import mcphub, write_project
from tests.support.registry import Pusher, digest_of, encode, needs_registry, running_registry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
RULE = b"""\
apiVersion: mcphub/policy/v1
rules:
  - {name: no-commands, level: deny, match: {kind: server}, deny: "server.origin == 'command'", message: none}
tests:
  - name: a command
    given: [{server: {name: notes, origin: command}}]
    expect: {no-commands: denied}
"""
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
policies: [{oci: "%s"}]
servers:
  notes: {command: [python3, srv/notes.py]}
"""


def push(host: str, files: dict[str, bytes]) -> str:
    """Push `files` as `oras push` does; return the artifact's name."""
    pusher = Pusher(host, "team/policies")
    layers = [
        {**pusher.put_blob(data, "application/yaml"), "annotations": {"org.opencontainers.image.title": title}}
        for title, data in files.items()
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.mcphub.policies.v1",
        "config": pusher.put_blob(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": layers,
    }
    pusher.put_manifest("7", manifest, MANIFEST)
    return f"{host}/team/policies:7@{digest_of(encode(manifest))}"


@needs_registry
def test_an_artifact_is_fetched_once_and_decides_from_then_on(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    with running_registry(tmp_path / "registry") as host:
        write_project(folder, HUB % push(host, {"all.yaml": RULE}), {"notes": ("add",)})
        before = mcphub(folder, "validate")
        assert (before.returncode, "error[MH513]" in before.stderr) == (1, True)
        offline = mcphub(folder, "plan", "--offline")
        assert (offline.returncode, "error[MH513]" in offline.stderr) == (1, True)
        planned = mcphub(folder, "plan")
        assert (planned.returncode, "`notes` breaks `no-commands`" in planned.stderr) == (3, True)
    for arguments in (["validate"], ["plan", "--offline"], ["plan"]):
        assert mcphub(folder, *arguments).returncode == 3
    assert mcphub(folder, "policy", "test").stdout.endswith("1 case passed, 0 failed, 0 rules untested\n")
    assert "#all.yaml:3:12: no-commands (deny, server)" in mcphub(folder, "policy", "list").stdout


@needs_registry
@pytest.mark.parametrize("what", ["unknown", "untitled"])
def test_what_is_no_bundle_ends_a_plan(tmp_path: Path, what: str) -> None:
    with running_registry(tmp_path / "registry") as host:
        name = push(host, {"": RULE} if what == "untitled" else {"a.yaml": RULE})
        if what == "unknown":
            name = f"{name[:-4]}0000"
        write_project(tmp_path / "hub", HUB % name, {"notes": ("add",)})
        done = mcphub(tmp_path / "hub", "plan")
    told = "without a title of its own" if what == "untitled" else "has no image sha256:"
    assert (done.returncode, told in done.stderr) == (1, True)
