import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.projects import MCPHUB, mcphub

ROOT = Path(__file__).parents[2]
HUB = """\
apiVersion: mcphub/v1
name: broken-off
defaults: {run: process}
servers:
  notes: {command: [python3, notes/server.py], tools: {deny: [%s]}}
  memos: {command: [python3, notes/server.py], prefix: memo}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interruption")
    shutil.copytree(ROOT / "examples" / "notes", path / "notes", ignore=shutil.ignore_patterns("__pycache__"))
    # Locked with all tools served, the lock fits whatever is denied.
    (path / "mcp-hub.yaml").write_text(HUB.replace(", tools: {deny: [%s]}", ""), "utf-8")
    done = mcphub(path, "lock")
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.parametrize("delay", [0.05, 0.15, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8])
def test_an_apply_that_was_killed_is_finished_by_the_next_one(folder: Path, delay: float) -> None:
    denied = "list_notes" if int(delay * 100) % 2 else "read_note"
    (folder / "mcp-hub.yaml").write_text(HUB % denied, "utf-8")
    with subprocess.Popen(
        [MCPHUB, "apply", "--auto-approve"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as broken_off:
        time.sleep(delay)  # noqa: TID251  (the moment of the kill is what is varied)
        broken_off.kill()
    done = mcphub(folder, "apply", "--auto-approve")
    assert done.returncode == 0, done.stderr
    assert mcphub(folder, "plan", "--detailed-exitcode").returncode == 0
    assert list((folder / ".mcphub" / "probes").iterdir()) == []
    assert mcphub(folder, "drift").returncode == 0
