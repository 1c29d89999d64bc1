import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp_types import TextContent

from tests.support.clients import connected
from tests.support.projects import mcphub

SCRIPT = Path(__file__).parents[2] / "examples" / "notes" / "server.py"
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0"}
servers:
  notes: {command: [python3, srv/notes.py]}
"""
RENAMED = HUB.replace("servers:", "moved: [{from: notes, to: memos}]\nservers:").replace("  notes:", "  memos:")


@pytest.fixture
def project() -> Iterator[Path]:
    """A hub with one server that keeps things in its own folder, where other users can walk."""
    with tempfile.TemporaryDirectory(prefix="mcphub-rename-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        (path / "srv").mkdir()
        shutil.copy(SCRIPT, path / "srv" / "notes.py")
        (path / "mcp-hub.yaml").write_text(HUB)
        yield path
        assert mcphub(path, "down").returncode == 0


def run(project: Path, *arguments: str) -> str:
    done = mcphub(project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def call(project: Path, tool: str, arguments: dict[str, str]) -> str:
    async with connected(project, "auto") as client:
        result = await client.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        assert not result.is_error, content.text
        return content.text


def test_a_renamed_server_finds_what_it_kept_while_the_gateway_runs(project: Path) -> None:
    run(project, "lock")
    run(project, "up", "--detach")
    asyncio.run(call(project, "add_note", {"title": "one", "text": "kept"}))
    (project / "mcp-hub.yaml").write_text(RENAMED)
    run(project, "lock")
    shown = run(project, "plan")
    assert "-> server.memos will be renamed from server.notes" in shown
    assert "0 to create, 0 to update, 0 to replace, 0 to destroy, 1 to rename" in shown
    run(project, "apply", "--auto-approve")
    assert asyncio.run(call(project, "read_note", {"title": "one"})) == "kept"
    assert [each.name for each in (project / ".mcphub" / "scratch").iterdir()] == ["memos"]
    assert run(project, "drift").startswith("No drift. The world is what was applied.\n")
    (project / "mcp-hub.yaml").write_text(RENAMED.replace("moved:", "#"))
    assert run(project, "plan").startswith("No changes.")
