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


@asynccontextmanager
async def connected(folder: Path, mode: Literal["auto", "legacy"], *, path: str = "/mcp") -> AsyncIterator[Client]:
    """Yield a client of the gateway that serves the project in `folder`."""
    url = json.loads((folder / ".mcphub" / "serving.json").read_bytes())["url"].removesuffix("/mcp") + path
    token = (folder / ".mcphub" / "token").read_text("utf-8").strip()
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60.0) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client
