"""What a client is to be told so that it connects: the part of its own configuration, without the token.

The forms are those that each client's maker documents: Claude Code (`.mcp.json`, "Environment variable expansion"),
Claude Desktop (`claude_desktop_config.json`), Codex (`config.toml`, ``bearer_token_env_var``), Cursor (`mcp.json`,
"Config interpolation") and Visual Studio Code (`mcp.json`, "Input variables for sensitive data").
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Form = Literal["json", "toml"]
Part = Mapping[str, Any]
"""What connects a client, as data: under each key an object of named things, or a list of objects with an ``id``."""

VARIABLE = "MCPHUB_TOKEN"
"""The environment variable in which clients find the gateway's own token."""


def variable_of(token: str) -> str:
    """Return the environment variable in which clients find the token that the hub calls `token`."""
    return f"{VARIABLE}_{token.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What a client connects to: under which name it knows it, the URL, and the program that serves it alone.

    `variable` is where it finds the token, in its environment.
    """

    name: str
    url: str
    argv: tuple[str, ...]
    variable: str = VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client: the `file` that its configuration stands in, the `form` of that, and what makes its part of it.

    A token gets to it as `handover` says, or as the environment variable that its part names (`reads_variable`).
    """

    title: str
    file: str
    part: Callable[[Endpoint], Part]
    handover: str = ""
    reads_variable: bool = False
    form: Form = "json"

    @property
    def starts_it(self) -> bool:
        """Whether it starts the gateway itself, and needs neither URL nor token."""
        return not (self.handover or self.reads_variable)

    def describe_handover(self, variable: str) -> str:
        """Return how the token gets to it, as the end of a sentence."""
        return f"from the environment variable {variable}" if self.reads_variable else self.handover


def _claude_code(endpoint: Endpoint) -> Part:
    headers = {"Authorization": f"Bearer ${{{endpoint.variable}}}"}
    return {"mcpServers": {endpoint.name: {"type": "http", "url": endpoint.url, "headers": headers}}}


def _claude_desktop(endpoint: Endpoint) -> Part:
    program, *arguments = endpoint.argv
    return {"mcpServers": {endpoint.name: {"command": program, "args": arguments}}}


def _codex(endpoint: Endpoint) -> Part:
    return {"mcp_servers": {endpoint.name: {"url": endpoint.url, "bearer_token_env_var": endpoint.variable}}}


def _cursor(endpoint: Endpoint) -> Part:
    headers = {"Authorization": f"Bearer ${{env:{endpoint.variable}}}"}
    return {"mcpServers": {endpoint.name: {"url": endpoint.url, "headers": headers}}}


def _vscode(endpoint: Endpoint) -> Part:
    asked = f"{endpoint.name}-token"
    words = f"Token of the MCP hub {endpoint.name}"
    headers = {"Authorization": f"Bearer ${{input:{asked}}}"}
    return {
        "inputs": [{"type": "promptString", "id": asked, "description": words, "password": True}],
        "servers": {endpoint.name: {"type": "http", "url": endpoint.url, "headers": headers}},
    }


CLIENTS: Mapping[str, Client] = MappingProxyType(
    {
        "claude-code": Client(
            title="Claude Code", file=".mcp.json of a project", reads_variable=True, part=_claude_code
        ),
        "claude-desktop": Client(title="Claude Desktop", file="claude_desktop_config.json", part=_claude_desktop),
        "codex": Client(title="Codex", file="~/.codex/config.toml", reads_variable=True, part=_codex, form="toml"),
        "cursor": Client(
            title="Cursor",
            file=".cursor/mcp.json of a project, or ~/.cursor/mcp.json",
            reads_variable=True,
            part=_cursor,
        ),
        "vscode": Client(
            title="Visual Studio Code",
            file=".vscode/mcp.json of a workspace",
            handover="asked for when the server starts first, and kept by the editor",
            part=_vscode,
        ),
    }
)
"""Each client by the name that the command line knows it by."""
