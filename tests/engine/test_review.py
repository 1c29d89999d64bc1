"""A new image of a server that wants more: from the branch that proposes it to what the engine runs."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bases import push_pinned_server
from tests.support.engine import Engine
from tests.support.forge import github, running_forge
from tests.support.hosted import Hosted, edit, host, lock
from tests.support.projects import NOTES, mcphub

KEY = "canary-of-the-new-image"
HUB = """\
apiVersion: mcphub/v1
name: reviewed
defaults: {run: container}
gateway: {listen: "127.0.0.1:0"}
servers:
  notes: {image: "IMAGE"}
"""
MORE = '{"name": "share_note", "description": "Send a note to the team.", "inputSchema": {"type": "object"}}'


def push(engine: Engine, script: Path) -> str:
    """Push what `script` is to the one tag, and return it with that tag and its digest."""
    return push_pinned_server(engine, "reviewed", script).replace("@", ":1@")


@pytest.fixture
def hosted(engine: Engine) -> Iterator[Hosted]:
    with tempfile.TemporaryDirectory(prefix="mcphub-reviewed-") as name, running_forge(github) as forge:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        hub = HUB.replace("IMAGE", push(engine, NOTES))
        made = host(forge, folder, "github", hub=hub, environment={"DOCKER_HOST": engine.host})
        try:
            ran = made.apply(expect=mcphub(made.work, "ci", "digest", "main").stdout.strip())
            assert ran.code == 0, ran.log
            yield made
        finally:
            down = mcphub(made.machines.host, "down", "--data", env={**os.environ, "DOCKER_HOST": engine.host})
        assert down.returncode == 0, down.stderr


def test_a_bumped_image_that_wants_a_secret_and_has_a_tool_more_is_reviewed_and_applied(
    hosted: Hosted, engine: Engine, tmp_path: Path
) -> None:
    old = (hosted.work / "mcp-hub.yaml").read_text("utf-8").partition('image: "')[2].partition('"')[0]
    script = tmp_path / "server.py"
    script.write_text(NOTES.read_text("utf-8"), "utf-8")
    edit(script, "Return the text of one note.", "Return the text of one note, as it was kept.")
    edit(script, "TOOLS = [\n", f"TOOLS = [\n    {MORE},\n")
    new = push(engine, script)
    assert new != old

    def bump(work: Path) -> None:
        edit(work / "mcp-hub.yaml", f'"{old}"', f'"{new}", secrets: {{NOTES_KEY: "env://NOTES_KEY"}}')
        lock(work, {"DOCKER_HOST": engine.host, "NOTES_KEY": KEY})

    change = hosted.propose("renovate/notes", bump)
    # Neither side needs an engine, nor the image.
    hosted.machines.environment = {}
    ran = hosted.review(change)
    assert (ran["check"].code, ran["review"].code) == (0, 0), ran["review"].log
    comment = change.comments[0]["body"]
    for words in ("secret NOTES_KEY (env://NOTES_KEY)", "`share_note`", "as it was kept", new.partition("@")[2][:19]):
        assert words in comment

    change.reviews.append(("ada", "APPROVED", change.head))
    hosted.merge(change, "renovate/notes")
    hosted.machines.environment = {"DOCKER_HOST": engine.host}
    applied = hosted.apply(environment={"NOTES_KEY": KEY})
    assert applied.code == 0, applied.log
    assert "Applied: 1 server with 4 tools." in applied.log
    hosted.machines.environment = {"DOCKER_HOST": engine.host, "NOTES_KEY": KEY}
    drift = hosted.run("drift", {}, commit=hosted.main)["drift"]
    assert drift.code == 0, drift.log + drift.summary
    assert KEY not in comment + applied.log + drift.summary + "".join(each.log for each in ran.values())
