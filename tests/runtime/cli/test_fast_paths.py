import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects import MCPHUB, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
  time: {package: "pypi:mcp-server-time@1", tools: {deny: [convert]}}
"""
HEAVY = {
    *("asyncio", "docker", "dotenv", "git", "httpcore2", "httptools", "httpx2", "mcp", "mcp_types", "msgspec", "rich"),
    *("ruamel", "uv", "uvicorn", "uvloop"),
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["validate"],
        ["plan", "--offline"],
        ["lock", "--check"],
        ["server", "list"],
        ["why", "time.convert"],
        ["tool", "allow", "--help"],
        ["config", "set", "--help"],
        ["fmt", "--help"],
    ],
    ids=" ".join,
)
def test_fast_paths_load_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    write_project(tmp_path, HUB, {"notes": ("add",), "time": ("now", "convert")})
    script = Path(MCPHUB).read_text("utf-8").partition("\n")[2]
    command = [sys.executable, "-X", "importtime", "-c", script, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "click" in loaded
    assert loaded & HEAVY == set()
    for idle in ("compiler.resolve.catalog", "compiler.report", "compiler.repair"):
        assert f"mcphub_gitops.{idle}" not in done.stderr
