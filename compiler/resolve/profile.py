"""Profiles: which tools each of them has, and at which path.

Reserved paths are those of the gateway itself (`runtime/gateway/app.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, Node
from mcphub_gitops.compiler.resolve.exposure import Exposure, Known
from mcphub_gitops.compiler.resolve.model import Hub, Profile, Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts
from mcphub_gitops.compiler.source import Span

WHOLE = "/mcp"
"""Where all tools are served."""

WATCHED = ("/health", "/logs", "/ready", "/status")
"""Where the gateway tells how it fares; what is below these is its own as well."""

_MANY = 128
"""More tools than this are cut off by clients that hold to the models' own limit on functions."""


def decode_profiles(root: Node, problems: list[Diagnostic]) -> tuple[Profile, ...]:
    """Return the profiles of the hub in the order of their names, and put what is wrong with each to `problems`."""
    found = [each for each in map(_profile, entries(root, "profiles")) if each is not None]
    servers = {entry.key for entry in entries(root, "servers")}
    places: dict[str, tuple[Profile, Span]] = {}
    for profile, span in found:
        problems.extend(_path_problems(profile, span, places))
        problems.extend(_server_problems(profile, servers))
        places.setdefault(profile.path, (profile, span))
    return tuple(sorted((profile for profile, _ in found), key=lambda each: each.name))


def _profile(entry: Entry) -> tuple[Profile, Span] | None:
    """Return a profile and the place that its path is known from; None where it has no servers, which was told."""
    path = text(child(entry.value, "path"))
    servers = tuple(texts(entry.value, "servers"))
    if not servers:
        return None
    profile = Profile(
        name=entry.key,
        path=path.value if path is not None else f"/{entry.key}{WHOLE}",
        groups=tuple(texts(entry.value, "groups")),
        servers=servers,
        allow=_globs(entry.value, "allow"),
        deny=_globs(entry.value, "deny"),
        span=entry.key_span,
    )
    return profile, path.span if path is not None else entry.key_span


def _globs(node: Node, key: str) -> tuple[Text, ...]:
    return tuple(each for each in texts(node, "tools", key) if each.value.count("/") == 1)


def _path_problems(profile: Profile, span: Span, places: Mapping[str, tuple[Profile, Span]]) -> Iterator[Diagnostic]:
    path = profile.path
    if path == WHOLE or any(path == own or path.startswith(f"{own}/") for own in WATCHED):
        detail = f"The gateway itself answers at `{path}`."
        yield Diagnostic(code=codes.PROFILE_PATH, detail=detail, span=span, help="give the profile another `path`")
    if path in places:
        other, place = places[path]
        yield Diagnostic(
            code=codes.PROFILE_PATH,
            detail=f"`{profile.name}` and `{other.name}` would both be served at `{path}`.",
            span=span,
            notes=(Note(message=f"`{other.name}` is served there", span=place),),
            help="give one of them another `path`",
        )


def _server_problems(profile: Profile, servers: set[str]) -> Iterator[Diagnostic]:
    for server in profile.servers:
        if server.value not in servers:
            detail = f"`{server.value}` is no server of this hub."
            help_ = suggest(server.value, servers)
            yield Diagnostic(code=codes.PROFILE, detail=detail, span=server.span, help=help_)
    own = {server.value for server in profile.servers}
    for glob in (*profile.allow, *profile.deny):
        server_glob = _parts(glob)[0]
        if not any(fnmatchcase(server, server_glob) for server in own):
            detail = f"`{server_glob}` is none of the servers of the profile `{profile.name}`."
            yield Diagnostic(code=codes.PROFILE, detail=detail, span=glob.span, help=suggest(server_glob, own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a profile has: the names of the tools of each of its servers, as far as these are known."""

    profile: Profile
    tools: Mapping[str, tuple[str, ...]]


def select(hub: Hub, exposed: Iterable[Exposure], known: Known) -> tuple[tuple[Selection, ...], tuple[Diagnostic, ...]]:
    """Return what each profile has of the `exposed` tools, and what is wrong.

    `known` are the servers whose tools are known: of the others, and of those that are not enabled, nothing is said.
    """
    if not hub.profiles:
        return (), ()
    served: dict[str, Sequence[str]] = {
        server.name: () for server in hub.servers if server.enabled and server.name in known
    }
    served.update((each.server.name, each.names) for each in exposed)
    problems: list[Diagnostic] = []
    found = []
    for profile in hub.profiles:
        own = {server.value: served[server.value] for server in profile.servers if server.value in served}
        selection = Selection(
            profile=profile, tools={name: _selected(profile, name, own[name]) for name in sorted(own)}
        )
        problems.extend(_glob_problems(profile, own))
        problems.extend(_size_problems(selection, own))
        found.append(selection)
    return tuple(found), tuple(problems)


def _selected(profile: Profile, server: str, tools: Sequence[str]) -> tuple[str, ...]:
    allowed = _matched(profile.allow, server, tools) if profile.allow else {*tools}
    return tuple(sorted(allowed - _matched(profile.deny, server, tools)))


def _matched(globs: Iterable[Text], server: str, tools: Sequence[str]) -> set[str]:
    own = [_parts(glob)[1] for glob in globs if _is_about(glob, server)]
    return {tool for tool in tools if any(fnmatchcase(tool, glob) for glob in own)}


def _glob_problems(profile: Profile, own: Mapping[str, Sequence[str]]) -> Iterator[Diagnostic]:
    for glob in (*profile.allow, *profile.deny):
        meant = [server.value for server in profile.servers if _is_about(glob, server.value)]
        if not meant or not own.keys() >= {*meant}:
            continue
        if not any(_matched([glob], server, own[server]) for server in meant):
            names = [f"{server}/{tool}" for server in meant for tool in own[server]]
            detail = f"`{glob.value}` matches none of the {len(names)} tools that clients see of {_listed(meant)}."
            yield Diagnostic(code=codes.PROFILE, detail=detail, span=glob.span, help=suggest(glob.value, names))


def _size_problems(selection: Selection, own: Mapping[str, Sequence[str]]) -> Iterator[Diagnostic]:
    profile = selection.profile
    for server in profile.servers:
        if own.get(server.value) and not selection.tools[server.value]:
            detail = f"`{profile.name}` would have none of the {len(own[server.value])} tools of `{server.value}`."
            help_ = "take the server out of it, or give it at least one of these tools"
            yield Diagnostic(code=codes.PROFILE, detail=detail, span=server.span, help=help_)
    count = sum(map(len, selection.tools.values()))
    if count > _MANY:
        detail = f"`{profile.name}` would have {count} tools."
        help_ = "name those that are needed under `tools: {allow: […]}`, or make several profiles of it"
        yield Diagnostic(code=codes.PROFILE_TOOLS, detail=detail, span=profile.span, help=help_)


def _parts(glob: Text) -> tuple[str, str]:
    server, _, tool = glob.value.partition("/")
    return server, tool


def _is_about(glob: Text, server: str) -> bool:
    return fnmatchcase(server, _parts(glob)[0])


def _listed(servers: Sequence[str]) -> str:
    return ", ".join(f"`{server}`" for server in servers)
