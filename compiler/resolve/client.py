"""Clients whose configuration a hub keeps: for which program, connected to which profile, in which file.

The files are those that each program's maker documents for a project.
"""

from collections.abc import Iterator, Mapping
from posixpath import normpath
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, Node
from mcphub_gitops.compiler.resolve.admission import holders_of
from mcphub_gitops.compiler.resolve.model import HubClient
from mcphub_gitops.compiler.resolve.nodes import child, entries, text
from mcphub_gitops.compiler.resolve.path import why_not_granted

FILES: Mapping[str, str] = MappingProxyType(
    {"claude-code": ".mcp.json", "codex": "", "cursor": ".cursor/mcp.json", "vscode": ".vscode/mcp.json"}
)
"""Where each kind of client looks in a project, empty where it does not."""

_ENDINGS = {"codex": ".toml"}
_ANY_PORT = ":0"


def decode_clients(root: Node, problems: list[Diagnostic]) -> tuple[HubClient, ...]:
    """Return the clients of the hub in the order of their names, and put what is wrong with each to `problems`."""
    found: list[HubClient] = []
    for entry in entries(root, "clients"):
        client = _client(entry, root)
        told = list(_problems(entry, client, root))
        other = next((each for each in found if (each.file, each.profile) == (client.file, client.profile)), None)
        if other is not None and not told:
            told.append(_second(client, other))
        problems.extend(told)
        found.append(client)
    problems.extend(_no_port(root) if found else ())
    return tuple(sorted(found, key=lambda each: each.name))


def _client(entry: Entry, root: Node) -> HubClient:
    kind, profile, file = (text(child(entry.value, key)) for key in ("kind", "profile", "file"))
    named = kind.value if kind is not None else entry.key
    token = text(child(entry.value, "token"))
    opening = () if token is not None else holders_of(root, profile.value if profile is not None else "")
    return HubClient(
        name=entry.key,
        kind=named,
        profile=profile.value if profile is not None else "",
        file=normpath(file.value) if file is not None else FILES.get(named, ""),
        token=token.value if token is not None else next(iter(opening), ""),
        span=file.span if file is not None else entry.key_span,
    )


def _problems(entry: Entry, client: HubClient, root: Node) -> Iterator[Diagnostic]:
    if client.kind not in FILES:
        detail = f"`{client.name}` does not say which program it is for."
        help_ = f"add `kind`, one of {', '.join(f'`{each}`' for each in FILES)}"
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=entry.key_span, help=help_)
    elif not client.file:
        detail = f"`{client.kind}` has no file of its own in a project."
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=client.span, help="add `file`, such as `codex.toml`")
    else:
        why = _why_no_file(client)
        if why:
            yield Diagnostic(code=codes.CLIENT, detail=f"`{client.file}` {why}.", span=client.span)
    profile = text(child(entry.value, "profile"))
    profiles = [each.key for each in entries(root, "profiles")]
    if profile is not None and profile.value not in profiles:
        detail = f"`{profile.value}` is no profile of this hub."
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=profile.span, help=suggest(profile.value, profiles))
    else:
        yield from _token_problems(entry, client, root)


def _token_problems(entry: Entry, client: HubClient, root: Node) -> Iterator[Diagnostic]:
    """Yield why it is not clear with which token a client connects."""
    opening, given = holders_of(root, client.profile), text(child(entry.value, "token"))
    if given is not None and given.value not in opening:
        detail = f"`{given.value}` is no token that opens the path of `{client.name}`."
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=given.span, help=suggest(given.value, opening))
    elif given is None and len(opening) > 1:
        detail = f"Several tokens open the path of `{client.name}`."
        help_ = f"add `token`, one of {', '.join(f'`{each}`' for each in opening)}"
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=client.span, help=help_)
    elif not opening and entries(root, "gateway", "auth", "tokens"):
        detail = f"No token opens the path of `{client.name}`."
        help_ = "add a group of a token to the `groups` of the profile, or to `gateway.groups`"
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=client.span, help=help_)


def _why_no_file(client: HubClient) -> str:
    ending = _ENDINGS.get(client.kind, ".json")
    if not client.file.endswith(ending):
        return f"does not end in `{ending}`, as the files of `{client.kind}` do"
    return why_not_granted(client.file, "write")


def _no_port(root: Node) -> Iterator[Diagnostic]:
    listen, public = text(child(root, "gateway", "listen")), text(child(root, "gateway", "publicUrl"))
    if listen is not None and listen.value.endswith(_ANY_PORT) and public is None:
        detail = f"`{listen.value}` takes any free port, and the hub's `clients` are to know a URL."
        yield Diagnostic(code=codes.CLIENT, detail=detail, span=listen.span, help="name a port, or add a `publicUrl`")


def _second(client: HubClient, other: HubClient) -> Diagnostic:
    return Diagnostic(
        code=codes.CLIENT,
        detail=f"`{client.name}` and `{other.name}` would be the same part of `{client.file}`.",
        span=client.span,
        notes=(Note(message=f"`{other.name}` stands there", span=other.span),),
        help="give one of them another `file`, or another `profile`",
    )
