"""What clients are told, and that it leads to the gateway."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.compiler.render.client import CLIENTS
from tests.support.projects import MCPHUB, mcphub

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:8811"}
servers:
  notes: {command: [python3, server.py]}
profiles:
  support: {path: /help, servers: [notes]}
"""
BEARER = {
    "claude-code": "Bearer ${MCPHUB_TOKEN}",
    "cursor": "Bearer ${env:MCPHUB_TOKEN}",
    "vscode": "Bearer ${input:acme-token}",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mcp-hub.yaml").write_text(HUB, "utf-8")
    return tmp_path


def told(folder: Path, *arguments: str) -> Any:  # noqa: ANN401  (any JSON value)
    done = mcphub(folder, "clients", *arguments)
    assert done.returncode == 0, done.stderr
    return tomllib.loads(done.stdout) if arguments[0] == "codex" else json.loads(done.stdout)


def changed(folder: Path, before: str, after: str) -> None:
    assert before in HUB
    (folder / "mcp-hub.yaml").write_text(HUB.replace(before, after), "utf-8")


@pytest.mark.parametrize("client", ["claude-code", "cursor", "vscode"])
def test_a_client_is_told_the_url_and_where_the_token_is(folder: Path, client: str) -> None:
    servers = told(folder, client)["servers" if client == "vscode" else "mcpServers"]
    assert list(servers) == ["acme"]
    assert servers["acme"]["url"] == "http://127.0.0.1:8811/mcp"
    assert servers["acme"]["headers"] == {"Authorization": BEARER[client]}
    assert servers["acme"].get("type") == (None if client == "cursor" else "http")


def test_an_editor_asks_for_the_token_without_showing_it(folder: Path) -> None:
    found = told(folder, "vscode", "--profile", "support")
    (asked,) = found["inputs"]
    assert (asked["type"], asked["id"], asked["password"]) == ("promptString", "acme-support-token", True)
    assert asked["id"] in found["servers"]["acme-support"]["headers"]["Authorization"]


def test_codex_is_told_the_variables_name(folder: Path) -> None:
    assert told(folder, "codex", "--profile", "support") == {
        "mcp_servers": {"acme-support": {"url": "http://127.0.0.1:8811/help", "bearer_token_env_var": "MCPHUB_TOKEN"}}
    }


def test_a_client_that_knows_no_urls_starts_the_gateway_itself(folder: Path) -> None:
    found = told(folder, "claude-desktop", "--profile", "support")["mcpServers"]["acme-support"]
    hub = str(folder / "mcp-hub.yaml")
    assert found == {
        "command": MCPHUB,
        "args": ["gateway", "run", "--stdio", "--file", hub, "--profile", "support"],
    }
    assert told(folder, "claude-desktop")["mcpServers"]["acme"]["args"][-1] == hub


@pytest.mark.parametrize(
    ("gateway", "origin"),
    [
        ('listen: "0.0.0.0:80"', "http://127.0.0.1:80"),
        ('listen: "[::]:9000"', "http://[::1]:9000"),
        ('listen: "127.0.0.1:0", publicUrl: "https://mcp.acme.example"', "https://mcp.acme.example"),
    ],
)
def test_the_url_is_one_that_leads_somewhere(folder: Path, gateway: str, origin: str) -> None:
    changed(folder, 'listen: "127.0.0.1:8811"', gateway)
    assert told(folder, "claude-code", "--profile", "support")["mcpServers"]["acme-support"]["url"] == f"{origin}/help"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cursor", "--profile", "suport"), "did you mean `support`?"),
        (("netscape",), "claude-code"),
    ],
)
def test_what_there_is_not_is_an_error(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    done = mcphub(folder, "clients", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_a_port_that_nobody_knows_is_an_error(folder: Path) -> None:
    changed(folder, "8811", "0")
    done = mcphub(folder, "clients", "cursor")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the gateway's port is not known" in done.stderr
    assert mcphub(folder, "clients", "claude-desktop").returncode == 0


def test_a_hub_with_errors_connects_nobody(folder: Path) -> None:
    changed(folder, "path: /help", "path: /logs")
    done = mcphub(folder, "clients", "cursor")
    assert done.returncode == 1
    assert "MH345" in done.stdout + done.stderr


def test_every_client_is_listed_and_told_where_its_part_belongs_and_no_token(folder: Path) -> None:
    (folder / ".mcphub").mkdir(mode=0o700)
    (folder / ".mcphub" / "token").write_text("a-token-of-the-tests-0123456789\n", "utf-8")
    (folder / ".mcphub" / "token").chmod(0o600)
    listed = mcphub(folder, "clients").stdout.splitlines()[1:]
    assert [re.split(r"\s{2,}", line.strip())[0] for line in listed] == list(CLIENTS)
    for name, client in CLIENTS.items():
        done = mcphub(folder, "clients", name)
        assert done.returncode == 0, done.stderr
        assert client.file in done.stderr
        assert ("keeps it in" in done.stderr) is not client.starts_it
        assert "a-token-of-the-tests" not in done.stdout + done.stderr
