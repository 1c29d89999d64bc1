import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clients import connected
from tests.support.projects import mcphub

ROOT = Path(__file__).parents[2]
CANARY = "canary-6e1f0c2b9d"
HUB = """\
apiVersion: mcphub/v1
name: canary
defaults: {run: process}
servers:
  notes:
    command: [python3, server.py]
    secrets:
      NOTES_KEY: "env://CANARY"
      NOTES_FILE: "file://canary.txt"
      NOTES_LINE: "dotenv://canary.env#KEY"
      NOTES_WORD: {exec: [tools/secret.py, --for, notes]}
gateway: {listen: "127.0.0.1:0"}
"""
LEAKY = """\
import os, sys
sys.stderr.write("the key is " + os.environ["NOTES_KEY"] + "\\n")
sys.exit(3)
"""
ENVIRONMENT = {**os.environ, "CANARY": CANARY}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "examples" / "notes" / "server.py", tmp_path)
    (tmp_path / "mcp-hub.yaml").write_text(HUB, "utf-8")
    (tmp_path / "canary.txt").write_text(CANARY, "utf-8")
    (tmp_path / "canary.txt").chmod(0o600)
    (tmp_path / "canary.env").write_text(f"KEY={CANARY}\n", "utf-8")
    (tmp_path / "tools").mkdir()
    program = tmp_path / "tools" / "secret.py"
    program.write_text(f"#!{sys.executable}\nprint(open('canary.txt').read())\n", "utf-8")
    program.chmod(0o755)
    return tmp_path


def said(folder: Path, *arguments: str) -> str:
    done = mcphub(folder, *arguments, env=ENVIRONMENT)
    return f"{done.returncode} {done.stdout}{done.stderr}"


def everything_written(folder: Path) -> bytes:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return b"".join(path.read_bytes() for path in files if path.name not in {"canary.txt", "canary.env"})


def test_a_secret_reaches_its_server_and_nothing_else(folder: Path) -> None:
    outputs = []
    try:
        for arguments in (["lock"], ["plan", "-o", "plan.json"], ["apply", "plan.json"], ["up", "--detach"], ["drift"]):
            outputs.append(said(folder, *arguments))
            assert outputs[-1].startswith("0 "), outputs[-1]
        asyncio.run(call(folder))
        holders = holders_in(folder)
        command_lines = b"".join(read(entry) for entry in Path("/proc").glob("[0-9]*/cmdline"))
    finally:
        outputs.append(said(folder, "down"))
    assert len(holders) == 1
    assert CANARY.encode() not in command_lines
    assert CANARY not in "".join(outputs)
    assert CANARY.encode() not in everything_written(folder)


async def call(folder: Path) -> None:
    """Ask the server something, which has started when it answers."""
    async with connected(folder, "auto") as client:
        assert not (await client.call_tool("list_notes", {})).is_error


def holders_in(folder: Path) -> list[int]:
    """Return the processes of the hub in `folder` that have the secret as a server has it."""
    return [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/environ")
        if CANARY.encode() in read(entry) and b"NOTES_KEY" in read(entry) and place_of(entry) == folder.resolve()
    ]


def place_of(entry: Path) -> Path | None:
    try:
        return (entry.parent / "cwd").readlink()
    except OSError:
        return None


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_server_that_prints_its_secret_and_dies_does_not_get_it_into_the_message(folder: Path) -> None:
    (folder / "server.py").write_text(LEAKY, "utf-8")
    output = said(folder, "lock")
    assert output.startswith("1 ")
    assert "the key is [secret]" in output
    assert CANARY not in output
    assert CANARY.encode() not in everything_written(folder)


def test_a_secret_that_is_not_set_is_named_by_its_reference(folder: Path) -> None:
    done = mcphub(folder, "lock", env={name: value for name, value in os.environ.items() if name != "CANARY"})
    assert done.returncode == 1
    assert "env://CANARY" in done.stderr
    assert not (folder / "mcp-hub.lock").exists()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("canary.env", f"OTHER={CANARY}\n", "the secret dotenv://canary.env#KEY is not set"),
        ("canary.env", f"KEY={CANARY}\n'{CANARY}", "has a line that is not NAME=value"),
        ("tools/secret.py", f"#!/bin/sh\necho {CANARY}; echo {CANARY} >&2; exit 3\n", "ended with the exit status 3"),
    ],
    ids=["missing", "damaged", "failing"],
)
def test_a_secret_that_cannot_be_read_is_told_without_what_was_found(
    folder: Path, name: str, text: str, words: str
) -> None:
    (folder / name).write_text(text, "utf-8")
    output = said(folder, "lock")
    assert output.startswith("1 ")
    assert words in output
    assert CANARY not in output
    (folder / "tools" / "secret.py").unlink()
    assert CANARY.encode() not in everything_written(folder)


def test_a_program_that_was_changed_since_the_lock_is_not_run(folder: Path) -> None:
    assert said(folder, "lock").startswith("0 ")
    program = folder / "tools" / "secret.py"
    program.write_text("#!/bin/sh\ntouch ran\necho changed\n", "utf-8")
    output = said(folder, "apply", "--auto-approve")
    assert output.startswith("1 ")
    assert "runs `tools/secret.py`, which has changed since it was locked" in output
    assert not (folder / "ran").exists()


def test_a_bug_report_holds_no_value(tmp_path: Path) -> None:
    program = (
        "from mcphub_gitops.runtime.cli import exits\n"
        "def command():\n"
        f"    raise ValueError({CANARY!r})\n"
        "raise SystemExit(exits.run(command))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    (report,) = tmp_path.iterdir()
    assert done.returncode == 70
    assert str(report) in done.stderr
    assert CANARY not in done.stderr + report.read_text("utf-8")
