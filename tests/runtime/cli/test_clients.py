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


def declared(folder: Path, clients: str) -> None:
    (folder / "mcp-hub.yaml").write_text(f"{HUB}clients: {clients}\n", "utf-8")


def test_declared_clients_are_kept_in_their_files_beside_what_is_there(folder: Path) -> None:
    declared(folder, "{cursor: {profile: support}, all: {kind: vscode}, agents: {kind: codex, file: etc/codex.toml}}")
    (folder / ".cursor").mkdir()
    (folder / ".cursor" / "mcp.json").write_text('{"mcpServers": {"mine": {"url": "x"}}}', "utf-8")
    found = mcphub(folder, "clients", "--check")
    assert (found.returncode, found.stdout.count("Different: ")) == (2, 3)
    assert not (folder / ".vscode").exists()
    assert mcphub(folder, "clients", "--write").returncode == 0
    cursor = json.loads((folder / ".cursor" / "mcp.json").read_text("utf-8"))
    assert {name: each["url"] for name, each in cursor["mcpServers"].items()} == {
        "mine": "x",
        "acme-support": "http://127.0.0.1:8811/help",
    }
    assert "acme" in json.loads((folder / ".vscode" / "mcp.json").read_text("utf-8"))["servers"]
    assert "acme" in tomllib.loads((folder / "etc" / "codex.toml").read_text("utf-8"))["mcp_servers"]
    kept = mcphub(folder, "clients", "--check")
    assert (kept.returncode, kept.stdout.count("Up to date: ")) == (0, 3)


def test_two_clients_may_share_a_file(folder: Path) -> None:
    declared(folder, "{cursor: {}, ours: {kind: cursor, profile: support}}")
    assert mcphub(folder, "clients", "--write").stdout == "Written: .cursor/mcp.json\n"
    found = json.loads((folder / ".cursor" / "mcp.json").read_text("utf-8"))
    assert list(found["mcpServers"]) == ["acme", "acme-support"]


def test_a_file_that_cannot_be_understood_is_left_and_no_other_is_written(folder: Path) -> None:
    declared(folder, "{claude-code: {}, vscode: {}}")
    (folder / ".vscode").mkdir()
    (folder / ".vscode" / "mcp.json").write_text("{} // mine", "utf-8")
    done = mcphub(folder, "clients", "--write")
    assert (done.returncode, "It is no JSON without comments, line 1." in done.stderr) == (1, True)
    assert (folder / ".vscode" / "mcp.json").read_text("utf-8") == "{} // mine"
    assert not (folder / ".mcp.json").exists()


def test_no_file_outside_of_the_folder_is_written(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    declared(folder, "{cursor: {}}")
    (folder / ".cursor").symlink_to(outside)
    done = mcphub(folder, "clients", "--write")
    assert (done.returncode, "leads out of the hub's folder" in done.stderr) == (1, True)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "words"), [(b"\xff", "is no UTF-8"), (b" " * ((1 << 20) + 1), "is larger than 1 MiB")]
)
def test_what_is_no_text_of_a_client_is_refused(folder: Path, data: bytes, words: str) -> None:
    declared(folder, "{claude-code: {}}")
    (folder / ".mcp.json").write_bytes(data)
    done = mcphub(folder, "clients", "--write")
    assert (done.returncode, words in done.stderr) == (1, True)
    assert (folder / ".mcp.json").read_bytes() == data


def test_a_hub_without_clients_says_so(folder: Path) -> None:
    done = mcphub(folder, "clients", "--check")
    assert (done.returncode, done.stderr) == (0, "The hub declares no `clients`.\n")
    assert mcphub(folder, "clients", "--check", "cursor").returncode == 1


TOKENS = """\
  auth:
    tokens:
      ci: {value: "env://MCPHUB_TOKEN_CI", groups: [platform]}
      help-desk: {value: "file:///run/secrets/help-desk", groups: [support]}
      ops: {value: "env://OPS", groups: [platform, support]}
"""


@pytest.fixture
def grouped(folder: Path) -> Path:
    text = HUB.replace('gateway: {listen: "127.0.0.1:8811"}\n', f"gateway:\n  groups: [platform]\n{TOKENS}")
    text = text.replace("{path: /help,", "{path: /help, groups: [support],")
    only = "  desk: {groups: [support-only], servers: [notes]}\n"
    text = text.replace("groups: [support]}\n", "groups: [support, support-only]}\n", 1) + only
    (folder / "mcp-hub.yaml").write_text(text, "utf-8")
    return folder


def test_a_client_is_told_the_variable_of_the_token_that_opens_its_path(grouped: Path) -> None:
    (entry,) = told(grouped, "cursor", "--profile", "desk")["mcpServers"].values()
    assert entry["headers"] == {"Authorization": "Bearer ${env:MCPHUB_TOKEN_HELP_DESK}"}
    (entry,) = told(grouped, "claude-code", "--token", "ci")["mcpServers"].values()
    assert entry["headers"] == {"Authorization": "Bearer ${MCPHUB_TOKEN_CI}"}
    (entry,) = told(grouped, "codex", "--profile", "support", "--token", "ops")["mcp_servers"].values()
    assert entry == {"url": "http://127.0.0.1:8811/help", "bearer_token_env_var": "MCPHUB_TOKEN_OPS"}
    done = mcphub(grouped, "clients", "codex", "--profile", "desk")
    assert "the environment variable MCPHUB_TOKEN_HELP_DESK; the gateway reads it from file:///run" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cursor",), "several tokens open /mcp: ci, ops"),
        (("cursor", "--profile", "support", "--token", "ci"), "the token ci does not open /help"),
        (("cursor", "--token", "help-desc"), "did you mean `help-desk`?"),
        (("claude-desktop", "--token", "ci"), "needs no token"),
    ],
)
def test_a_token_that_does_not_open_the_path_is_told(grouped: Path, arguments: tuple[str, ...], words: str) -> None:
    done = mcphub(grouped, "clients", *arguments)
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert words in done.stderr


def test_a_path_that_no_token_opens_connects_nobody(grouped: Path) -> None:
    hub = grouped / "mcp-hub.yaml"
    hub.write_text(hub.read_text("utf-8").replace("groups: [support-only], ", ""), "utf-8")
    done = mcphub(grouped, "clients", "cursor", "--profile", "desk")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no token opens /desk/mcp" in done.stderr
    assert mcphub(grouped, "clients", "claude-desktop", "--profile", "desk").returncode == 0


def test_without_tokens_there_is_none_to_choose(folder: Path) -> None:
    done = mcphub(folder, "clients", "cursor", "--token", "ci")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the hub has no token ci" in done.stderr


def test_a_declared_client_is_given_the_variable_of_its_token(grouped: Path) -> None:
    hub = grouped / "mcp-hub.yaml"
    declared_clients = "clients: {cursor: {profile: desk}, claude-code: {profile: support, token: ops}}\n"
    hub.write_text(hub.read_text("utf-8") + declared_clients, "utf-8")
    assert mcphub(grouped, "clients", "--write").returncode == 0
    for file, variable in ((".cursor/mcp.json", "env:MCPHUB_TOKEN_HELP_DESK"), (".mcp.json", "MCPHUB_TOKEN_OPS")):
        (entry,) = json.loads((grouped / file).read_text("utf-8"))["mcpServers"].values()
        assert entry["headers"] == {"Authorization": f"Bearer ${{{variable}}}"}
