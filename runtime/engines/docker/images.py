"""Images on the engine, each by its digest: which are there, and how one is fetched."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mcphub_gitops.runtime.engines.docker.client import Client, RefusedError
from mcphub_gitops.runtime.failure import RuntimeFailure

_ABSENT = 404
_DOCKER_HUB = "docker.io"

_SILENCE = 300.0
"""Seconds without a word about a fetch after which it is given up; the engine tells of each piece and each retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An image by its digest: `name` is registry and repository, without the tag that may stand beside the digest."""

    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}"

    @property
    def host(self) -> str:
        """The registry: the first word, if it has a dot or a port or is this machine, else Docker Hub."""
        first, slash, _ = self.name.partition("/")
        return first if slash and ("." in first or ":" in first or first == "localhost") else _DOCKER_HUB


def reference_of(image: str) -> Reference:
    """Return `image` taken apart; raises RuntimeFailure when it has no digest, and so could be anything."""
    name, _, digest = image.partition("@")
    if not name or not digest.startswith("sha256:"):
        raise RuntimeFailure(
            f"{image} is not an image by its digest", resolution="lock it: `mcphub lock` finds the digest"
        )
    last = name.rfind("/")
    return Reference(name=name[: last + 1] + name[last + 1 :].partition(":")[0], digest=digest)


async def has(client: Client, image: str) -> bool:
    """Return whether the engine has `image`, a reference by digest."""
    try:
        await client.ask("GET", f"/images/{quote(str(reference_of(image)), safe='/:@')}/json")
    except RefusedError as refusal:
        if refusal.status == _ABSENT:
            return False
        raise
    return True


async def pull(client: Client, image: str, tell: Callable[[int, int], None], credential: str) -> None:
    """Fetch `image`; `tell` gets the bytes done and the bytes known so far, `credential` is for X-Registry-Auth.

    Raises RuntimeFailure when the registry refuses, cannot be reached, or falls silent. A cancelled fetch ends at the
    engine too.
    """
    reference = reference_of(image)
    query = {"fromImage": reference.name, "tag": reference.digest}
    headers = {"X-Registry-Auth": credential} if credential else {}
    progress = Progress()
    try:
        with await client.open("POST", "/images/create", query=query, headers=headers, patience=_SILENCE) as reply:
            async for line in _documents(reply.lines(patience=_SILENCE)):
                if "error" in line:
                    raise _not_fetched(reference, str(line["error"]))
                if progress.take(line):
                    tell(progress.done, progress.known)
    except RefusedError as refusal:
        raise _not_fetched(reference, refusal.message) from refusal
    if not await has(client, image):
        raise _not_fetched(reference, "the engine said that it was done, and does not have it")


async def _documents(lines: AsyncIterator[bytes]) -> AsyncIterator[Mapping[str, Any]]:
    async for line in lines:
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RuntimeFailure("the Docker engine's answer cannot be read", detail=str(error)) from error


def _not_fetched(reference: Reference, message: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the image {reference} cannot be fetched",
        detail=message,
        resolution="look at its name, and whether this machine may read it: `docker login` for a private one",
        retryable=True,
    )


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a fetch is, of the layers that the engine has told a size of."""

    sizes: dict[str, int] = field(default_factory=dict)
    loaded: dict[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Bytes that have come."""
        return sum(self.loaded.values())

    @property
    def known(self) -> int:
        """Bytes of all layers that were heard of."""
        return sum(self.sizes.values())

    def take(self, line: Mapping[str, Any]) -> bool:
        """Take a line of the engine's report; return whether it changed anything."""
        layer, status = str(line.get("id", "")), line.get("status")
        detail = line.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self.sizes[layer] = detail["total"]
            self.loaded[layer] = detail.get("current", 0)
            return True
        if status in ("Download complete", "Pull complete") and layer in self.sizes:
            changed = self.loaded[layer] != self.sizes[layer]
            self.loaded[layer] = self.sizes[layer]
            return changed
        return False
