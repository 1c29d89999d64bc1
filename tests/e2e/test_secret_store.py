"""The whole loop with a secret that is in a real store."""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.clients import connected
from tests.support.openbao import OpenBao, needs_openbao, running_openbao
from tests.support.projects import mcphub

ROOT = Path(__file__).parents[2]
FIRST, SECOND = "canary-0c7b55-first", "canary-0c7b55-second"
POLICY = 'path "secret/data/mcp/*" { capabilities = ["read"] }'
SERVER = """\
import hashlib, os, pathlib, runpy
seen = hashlib.sha256(os.environ["NOTES_KEY"].encode()).hexdigest()
pathlib.Path(os.environ["HOME"], "seen").write_text(seen)
runpy.run_path("srv/notes.py", run_name="__main__")
"""

pytestmark = needs_openbao


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as bao:
        yield bao


@pytest.fixture
def environment(openbao: OpenBao) -> Mapping[str, str]:
    role, secret = openbao.approle("loop", POLICY)
    openbao.put("mcp/notes", {"key": FIRST})
    return {**os.environ, "VAULT_ROLE_ID": role, "VAULT_SECRET_ID": secret}


@pytest.fixture
def folder(openbao: OpenBao, tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    shutil.copy(ROOT / "examples" / "notes" / "server.py", tmp_path / "srv" / "notes.py")
    (tmp_path / "srv" / "server.py").write_text(SERVER, "utf-8")
    shutil.copy(openbao.ca, tmp_path / "ca.pem")
    write_hub(tmp_path, openbao, "info")
    return tmp_path


def write_hub(folder: Path, bao: OpenBao, level: str) -> None:
    text = f"""\
apiVersion: mcphub/v1
name: stored
defaults: {{run: process}}
secretStores:
  corp: {{vault: {{address: "{bao.address}", ca: ca.pem, auth: {{approle: {{role: "env://VAULT_ROLE_ID"}}}}}}}}
servers:
  notes:
    command: [python3, srv/server.py]
    env: {{LEVEL: {level}}}
    secrets: {{NOTES_KEY: {{store: corp, key: mcp/notes, field: key}}}}
gateway: {{listen: "127.0.0.1:0"}}
"""
    (folder / "mcp-hub.yaml").write_text(text, "utf-8")


class Operator:
    """Runs the program, and keeps all that it said."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.said = ""

    def run(self, *arguments: str, status: int = 0) -> str:
        done = mcphub(self._folder, *arguments, env=self._environment)
        output = done.stdout + done.stderr
        assert done.returncode == status, output
        self.said += output
        return output


def seen(folder: Path) -> str:
    return (folder / ".mcphub" / "scratch" / "notes" / "seen").read_text()


def everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def command_lines() -> bytes:
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes()
        except OSError:
            continue
    return found


async def call(folder: Path) -> None:
    """Ask the server something, which has started when it answers."""
    async with connected(folder, "auto") as client:
        assert not (await client.call_tool("list_notes", {})).is_error


def test_a_secret_of_a_store_reaches_its_server_and_nothing_else(
    folder: Path, openbao: OpenBao, environment: Mapping[str, str]
) -> None:
    operator = Operator(folder, environment)
    before = openbao.tokens()
    try:
        for arguments in (["validate"], ["lock"], ["plan", "-o", "plan.json"], ["apply", "plan.json"]):
            operator.run(*arguments)
        assert "store://corp/mcp/notes#key" in operator.said
        operator.run("up", "--detach")
        asyncio.run(call(folder))
        assert seen(folder) == sha256(FIRST.encode()).hexdigest()
        lines = command_lines()
        openbao.put("mcp/notes", {"key": SECOND})
        operator.run("drift")
        operator.run("down")
        operator.run("up", "--detach")
        asyncio.run(call(folder))
        assert seen(folder) == sha256(SECOND.encode()).hexdigest()
        lines += command_lines()
    finally:
        operator.run("down")
    written = everything_written(folder)
    for secret in (FIRST, SECOND, environment["VAULT_SECRET_ID"]):
        assert secret not in operator.said
        assert secret.encode() not in written + lines
    assert openbao.tokens() == before


def test_a_store_that_is_not_there_is_told_once(folder: Path, environment: Mapping[str, str]) -> None:
    text = (folder / "mcp-hub.yaml").read_text("utf-8")
    text = re.sub(r'address: "[^"]*"', 'address: "https://127.0.0.1:1"', text)
    server = text[text.index("  notes:") : text.index("gateway:")]
    text = text.replace("gateway:", server.replace("  notes:", "  other:") + "gateway:")
    (folder / "mcp-hub.yaml").write_text(text, "utf-8")
    done = mcphub(folder, "lock", env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: the secret store at https://127.0.0.1:1 cannot be used\n"
        "  It cannot be reached: the connection fails.\n"
        "  The server notes needs NOTES_KEY (store://corp/mcp/notes#key).\n"
        "  The server other needs NOTES_KEY (store://corp/mcp/notes#key).\n"
        "  help: see that it runs, and that the address is right\n"
    )


def test_a_secret_that_may_not_be_read_ends_an_apply_before_anything_is_changed(
    folder: Path, openbao: OpenBao, environment: Mapping[str, str]
) -> None:
    operator = Operator(folder, environment)
    operator.run("lock")
    operator.run("apply", "--auto-approve")
    served = (folder / ".mcphub" / "current").readlink()
    write_hub(folder, openbao, "debug")
    operator.run("lock")
    openbao.ask("DELETE", "sys/policies/acl/loop")
    output = operator.run("apply", "--auto-approve", status=1)
    assert "the secret store://corp/mcp/notes#key cannot be read" in output
    assert "The server notes needs NOTES_KEY (store://corp/mcp/notes#key)." in output
    assert "does not let mcphub read secret/mcp/notes" in output
    assert "What was applied before is still served." in output
    assert (folder / ".mcphub" / "current").readlink() == served
    openbao.ask("PUT", "sys/policies/acl/loop", {"policy": POLICY})
    operator.run("apply", "--auto-approve")
    assert (folder / ".mcphub" / "current").readlink() != served
    assert not re.search(f"{FIRST}|{environment['VAULT_SECRET_ID']}", operator.said)
