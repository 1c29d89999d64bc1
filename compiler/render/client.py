"""What a client is to be told so that it connects: the part of its own configuration, without the token.

The forms are those that each client's maker documents: Claude Code (`.mcp.json`, "Environment variable expansion"),
Claude Desktop (`claude_desktop_config.json`), Codex (`config.toml`, ``bearer_token_env_var``), Cursor (`mcp.json`,
"Config interpolation") and Visual Studio Code (`mcp.json`, "Input variables for sensitive data").
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

VARIABLE = "MCPHUB_TOKEN"
"""The environment variable in which clients find the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What a client connects to: under which name it knows it, the URL, and the program that serves it alone."""

    name: str
    url: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client: the `file` that its configuration stands in, and what makes its part of it.

    `handover` says how the token gets to it, where it needs one.
    """

    title: str
    file: str
    handover: str
    render: Callable[[Endpoint], str]

    @property
    def starts_it(self) -> bool:
        """Whether it starts the gateway itself, and needs neither URL nor token."""
        return not self.handover


def _claude_code(endpoint: Endpoint) -> str:
    headers = {"Authorization": f"Bearer ${{{VARIABLE}}}"}
    return _json({"mcpServers": {endpoint.name: {"type": "http", "url": endpoint.url, "headers": headers}}})


def _claude_desktop(endpoint: Endpoint) -> str:
    program, *arguments = endpoint.argv
    return _json({"mcpServers": {endpoint.name: {"command": program, "args": arguments}}})


def _codex(endpoint: Endpoint) -> str:
    # A name of letters, digits and hyphens is a bare key, and a URL without control characters a string, of TOML.
    return f'[mcp_servers.{endpoint.name}]\nurl = "{endpoint.url}"\nbearer_token_env_var = "{VARIABLE}"\n'


def _cursor(endpoint: Endpoint) -> str:
    headers = {"Authorization": f"Bearer ${{env:{VARIABLE}}}"}
    return _json({"mcpServers": {endpoint.name: {"url": endpoint.url, "headers": headers}}})


def _vscode(endpoint: Endpoint) -> str:
    asked = f"{endpoint.name}-token"
    words = f"Token of the MCP hub {endpoint.name}"
    headers = {"Authorization": f"Bearer ${{input:{asked}}}"}
    return _json(
        {
            "inputs": [{"type": "promptString", "id": asked, "description": words, "password": True}],
            "servers": {endpoint.name: {"type": "http", "url": endpoint.url, "headers": headers}},
        }
    )


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_FROM_VARIABLE = f"from the environment variable {VARIABLE}"

CLIENTS: Mapping[str, Client] = MappingProxyType(
    {
        "claude-code": Client(
            title="Claude Code", file=".mcp.json of a project", handover=_FROM_VARIABLE, render=_claude_code
        ),
        "claude-desktop": Client(
            title="Claude Desktop", file="claude_desktop_config.json", handover="", render=_claude_desktop
        ),
        "codex": Client(title="Codex", file="~/.codex/config.toml", handover=_FROM_VARIABLE, render=_codex),
        "cursor": Client(
            title="Cursor",
            file=".cursor/mcp.json of a project, or ~/.cursor/mcp.json",
            handover=_FROM_VARIABLE,
            render=_cursor,
        ),
        "vscode": Client(
            title="Visual Studio Code",
            file=".vscode/mcp.json of a workspace",
            handover="asked for when the server starts first, and kept by the editor",
            render=_vscode,
        ),
    }
)
"""Each client by the name that the command line knows it by."""
