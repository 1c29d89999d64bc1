"""What is shown of what a server said."""

import asyncio
from pathlib import Path

import pytest

from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.cli import composition, logs
from mcphub_gitops.runtime.project import Project
from tests.support.machine import MemoryContainers

SAID, SHOWN = "asking https://api.example/?token=hunter2", "asking https://api.example/?token=…\n"


def test_a_key_in_a_url_that_a_process_said_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "ask_gateway", lambda _layout, _path: {"said": f"first\n{SAID}\n"})
    logs.show_process(Layout(folder=tmp_path), "notes", follow=False, tail=1)
    assert capsys.readouterr().out == SHOWN


def test_a_key_in_a_url_that_a_container_said_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(composition, "compose_engines", lambda _layout, _realm: MemoryContainers())
    # The engine in memory says the container's name.
    asyncio.run(composition.show_logs(Project(root=tmp_path), SAID, follow=False, tail=1))
    assert capsys.readouterr().out == SHOWN
