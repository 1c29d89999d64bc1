"""A server as the MCP registry publishes it, from its `server.json` to a lock and a plan, with the real package."""

import json
from pathlib import Path

from tests.support.projects import mcphub

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
catalogs: {published: {path: server.json}}
servers:
  time: {from: time, config: {local-timezone: Europe/Paris}}
"""
PACKAGE = {
    "registryType": "pypi",
    "identifier": "mcp-server-time",
    "version": "latest",
    "transport": {"type": "stdio"},
    "packageArguments": [{"type": "named", "name": "--local-timezone", "default": "UTC"}],
}


def test_a_published_package_is_locked_with_its_catalog_and_started_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(HUB)
    (tmp_path / "server.json").write_text(json.dumps({"name": "io.example/time", "packages": [PACKAGE]}))
    done = mcphub(tmp_path, "lock")
    assert done.returncode == 0, done.stderr
    lock = json.loads((tmp_path / "mcp-hub.lock").read_bytes())
    assert lock["catalogs"]["published"]["source"] == "server.json"
    assert "get_current_time" in lock["servers"]["time"]["tools"]
    assert '+ args = ["--local-timezone", "Europe/Paris"]' in mcphub(tmp_path, "plan", "--offline").stdout

    (tmp_path / "server.json").write_text(json.dumps({"name": "io.example/time", "packages": [PACKAGE]}, indent=1))
    stale = mcphub(tmp_path, "lock", "--check")
    assert stale.returncode == 2
    assert "The catalog `published` has changed since it was locked." in stale.stdout + stale.stderr
    assert mcphub(tmp_path, "lock").returncode == 0
    assert mcphub(tmp_path, "lock", "--check").returncode == 0
