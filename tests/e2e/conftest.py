import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.projects import serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A copy of the repository's own hub, where other users can walk, as an operator would have it."""
    with tempfile.TemporaryDirectory(prefix="mcphub-e2e-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        for each in ("mcp-hub.yaml", "mcp-hub.lock"):
            shutil.copy(ROOT / each, path)
        for each in ("mcp-hub.tools", "examples"):
            shutil.copytree(ROOT / each, path / each)
        hub = path / "mcp-hub.yaml"
        hub.write_text(hub.read_text("utf-8").replace("127.0.0.1:8811", "127.0.0.1:0"), "utf-8")
        author = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
        for command in (["init", "--quiet"], ["add", "mcp-hub.yaml"], [*author, "commit", "--quiet", "-m", "The hub"]):
            subprocess.run(["git", *command], cwd=path, check=True, capture_output=True)
        yield path


@pytest.fixture(scope="session")
def served(folder: Path) -> Iterator[Path]:
    """The same, applied and served in the background."""
    with serving(folder):
        yield folder
