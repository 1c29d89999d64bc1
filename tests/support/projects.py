"""Projects on the disk: locked without asking anyone, or with servers that really run."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mcphub_gitops.compiler.lock.freshness import locked_files
from mcphub_gitops.runtime.project import Project
from tests.support.hubs import hub_of, lock_of

NOTES = Path(__file__).parents[2] / "examples" / "notes" / "server.py"
MCPHUB = str(Path(sys.executable).with_name("mcphub"))


def write_project(folder: Path, hub_text: str, tools: Mapping[str, tuple[str, ...]]) -> Project:
    """Write the hub `hub_text` with a lock that fits, as if its servers had answered with `tools`."""
    hub = hub_of(hub_text)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mcp-hub.yaml").write_text(hub_text, "utf-8")
    for server in hub.servers:
        for name in locked_files(server):
            # `lock_of` holds the digest of a file's name as the digest of its content.
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(name.encode())
    project = Project(root=folder)
    project.save_lock(*lock_of(hub, tools))
    return project


def mcphub(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed program in `folder`; `env` is the whole environment where it is given."""
    return subprocess.run(
        [MCPHUB, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=None if env is None else dict(env),
    )


@contextmanager
def serving(folder: Path, *, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Apply the hub in `folder` and serve it meanwhile; yield what `up` said."""
    done = mcphub(folder, "up", "--detach", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    yield done.stdout
    assert mcphub(folder, "down").returncode == 0


def apply_notes(folder: Path, hub_text: str) -> None:
    """Write the hub `hub_text` beside the example of a server, `server.py`; lock and apply it."""
    (folder / "mcp-hub.yaml").write_text(hub_text, "utf-8")
    shutil.copy(NOTES, folder)
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        done = mcphub(folder, *arguments)
        assert done.returncode == 0, done.stderr
