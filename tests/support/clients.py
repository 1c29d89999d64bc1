"""The real SDK's client, connected to a gateway."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

MODES: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")


def url_of(folder: Path, path: str = "/mcp") -> str:
    """Return where the gateway that serves the project in `folder` answers."""
    url: str = json.loads((folder / ".mcphub" / "serving.json").read_bytes())["url"]
    return url.removesuffix("/mcp") + path


@asynccontextmanager
async def connected(
    folder: Path, mode: Literal["auto", "legacy"], *, path: str = "/mcp", token: str = ""
) -> AsyncIterator[Client]:
    """Yield a client of the gateway that serves the project in `folder`, with its own token unless one is given."""
    url = url_of(folder, path)
    token = token or (folder / ".mcphub" / "token").read_text("utf-8").strip()
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60.0) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client
