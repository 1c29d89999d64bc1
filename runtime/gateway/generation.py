"""The applied generation: what `apply` wrote and the gateway serves, and nothing else."""

from typing import Annotated, Final, Literal, Self

import msgspec

from mcphub_gitops.runtime.failure import RuntimeFailure

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exposed tool: its name here, its name on the server, the locked hash and the definition that clients see.

    `hash` is the fingerprint of the original definition, as the server sends it; `definition` is raw JSON.
    """

    name: Name
    upstream: Annotated[str, msgspec.Meta(min_length=1)]
    hash: Digest
    definition: msgspec.Raw


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server run as a child process; a `ports.Launchable`, with the digests of its code below `cwd`.

    `secrets` maps a variable to a reference; no value stands in this file. The gateway is ready without an `optional`
    server.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    cwd: str
    env: dict[str, str] = {}
    secrets: dict[str, str] = {}
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    files: dict[str, str] = {}
    code: str = ""
    optional: bool = False
    tools: tuple[Tool, ...] = ()

    def starts_like(self, other: Self) -> bool:
        """Whether a child started for `other` serves this one as well; the tools do not decide that."""
        return all(getattr(self, name) == getattr(other, name) for name in _LAUNCH)


_LAUNCH: Final = ("name", "argv", "cwd", "env", "secrets", "readable", "writable", "hidden", "files", "code")


class Generation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"public_url": "publicUrl"}
):
    """Everything one applied plan exposes; `plan` is the digest of that plan.

    `listen` is ``HOST:PORT``; `public_url` is the origin that clients use where it is another one, or empty.
    """

    format: Literal["mcphub.generation/v1"]
    hub: Annotated[str, msgspec.Meta(min_length=1)]
    plan: Digest
    listen: Annotated[str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}\Z")]
    public_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?\Z")] = ""
    servers: tuple[Server, ...]


class _Named(msgspec.Struct):
    name: str


def decode(data: bytes) -> Generation:
    """Return the generation in `data` (the bytes of ``gateway.json``); raises RuntimeFailure when it is damaged."""
    try:
        data.decode()  # msgspec leaves raw values unexamined
        found = msgspec.json.decode(data, type=Generation)
        problem = _problem(found)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise RuntimeFailure(
            "the applied generation cannot be read", detail=problem, resolution="run `mcphub apply` again"
        )
    return found


def listening_on(generation: Generation, listen: str) -> Generation:
    """Return `generation` at another address."""
    return msgspec.structs.replace(generation, listen=listen)


def _problem(found: Generation) -> str:
    servers: set[str] = set()
    exposed: set[str] = set()
    for server in found.servers:
        if server.name in servers:
            return f"the server {server.name!r} stands there twice"
        servers.add(server.name)
        for tool in server.tools:
            if tool.name in exposed:
                return f"the tool {tool.name!r} stands there twice"
            exposed.add(tool.name)
            if msgspec.json.decode(tool.definition, type=_Named).name != tool.name:
                return f"the definition of the tool {tool.name!r} has another name"
    return ""
