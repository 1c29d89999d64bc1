"""Who may reach what: the tokens that the gateway takes, and the groups that its paths are for."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from posixpath import dirname, normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, Node
from mcphub_gitops.compiler.resolve.entry import Reference
from mcphub_gitops.compiler.resolve.location import locations_in
from mcphub_gitops.compiler.resolve.model import Command, Gateway, Profile, SecretRef, Server, Text, Token
from mcphub_gitops.compiler.resolve.nodes import child, entries, texts
from mcphub_gitops.compiler.resolve.path import is_below, looks_like_path
from mcphub_gitops.compiler.resolve.references import files_of, programs_of, written_by


def decode_tokens(root: Node, read: Reference, problems: list[Diagnostic]) -> tuple[Token, ...]:
    """Return the usable tokens in the order of their names; `read` reads a reference, `problems` takes mistakes."""
    found = (_token(entry, read, problems) for entry in _declared(root))
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.name))


def admission_problems(
    root: Node, gateway: Gateway, profiles: Sequence[Profile], servers: Sequence[Server]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with who may reach what of the hub that `root` declares."""
    yield from _group_problems(root, gateway, profiles)
    yield from _shared_tokens(gateway.tokens, servers)
    yield from _exposed_tokens(gateway.tokens, servers)


def holders_of(root: Node, profile: str) -> tuple[str, ...]:
    """Return the names of the tokens that share a group with `profile`, or with the whole hub where that is empty."""
    place = ("profiles", profile) if profile else ("gateway",)
    groups = {group.value for group in texts(root, *place, "groups")}
    holders = ((entry.key, {group.value for group in texts(entry.value, "groups")}) for entry in _declared(root))
    return tuple(sorted(name for name, own in holders if not own.isdisjoint(groups)))


def _declared(root: Node) -> tuple[Entry, ...]:
    return entries(root, "gateway", "auth", "tokens")


def _token(entry: Entry, read: Reference, problems: list[Diagnostic]) -> Token | None:
    node = child(entry.value, "value")
    value = read(entry.key, node) if node is not None else None
    how = child(node, "as")
    if how is not None:
        detail = "A token is handed to nobody, so `as` means nothing here."
        problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=how.span))
    if value is None:
        return None
    for program in programs_of(value):
        detail = f"`{program}` is a program of the hub's folder, which no lock pins for the gateway."
        help_ = "take one that is installed, or another reference"
        problems.append(Diagnostic(code=codes.TOKEN_SOURCE, detail=detail, span=value.span, help=help_))
    return Token(name=entry.key, value=value, groups=tuple(texts(entry.value, "groups")), span=entry.key_span)


def _group_problems(root: Node, gateway: Gateway, profiles: Sequence[Profile]) -> Iterator[Diagnostic]:
    # What is wrong with a token's value was told: its groups are known all the same.
    holders = {entry.key: tuple(texts(entry.value, "groups")) for entry in _declared(root)}
    held = {group.value for group in chain.from_iterable(holders.values())}
    wanted = [*gateway.groups, *chain.from_iterable(profile.groups for profile in profiles)]
    yield from (_nobodys(group, held) for group in wanted if group.value not in held)
    yield from _idle_groups(holders, {group.value for group in wanted})
    if holders:
        yield from (_closed(profile) for profile in profiles if not profile.groups)


def _nobodys(group: Text, held: Collection[str]) -> Diagnostic:
    help_ = suggest(group.value, held) or f"add it to the `groups` of a token, such as {_EXAMPLE}"
    return Diagnostic(code=codes.GROUP, detail=f"No token is in `{group.value}`.", span=group.span, help=help_)


def _idle_groups(holders: Mapping[str, Iterable[Text]], named: Collection[str]) -> Iterator[Diagnostic]:
    for name, groups in holders.items():
        yield from (_idle(name, group, named) for group in groups if group.value not in named)


def _idle(token: str, group: Text, named: Collection[str]) -> Diagnostic:
    detail = f"`{token}` is in `{group.value}`, and nothing is for that group."
    help_ = suggest(group.value, named) or "add it to the `groups` of a profile, or to `gateway.groups`"
    return Diagnostic(code=codes.IDLE_GROUP, detail=detail, span=group.span, help=help_)


def _closed(profile: Profile) -> Diagnostic:
    detail = f"`{profile.name}` names no groups, and whoever has a token is let in by a group."
    return Diagnostic(code=codes.CLOSED, detail=detail, span=profile.span, help="add `groups: […]` to it")


_EXAMPLE = '`gateway: {auth: {tokens: {NAME: {value: "env://VARIABLE", groups: […]}}}}`'


def _shared_tokens(tokens: Sequence[Token], servers: Sequence[Server]) -> Iterator[Diagnostic]:
    """Yield the tokens whose reference another token has as well, or a server."""
    first: dict[str, Token] = {}
    for token in tokens:
        for reference in _references(token.value):
            other = first.setdefault(reference, token)
            if other is not token:
                yield Diagnostic(
                    code=codes.TOKEN_SHARED,
                    detail=f"`{token.name}` and `{other.name}` are read from one place.",
                    span=token.value.span,
                    notes=(Note(message=f"`{other.name}` is read from there", span=other.value.span),),
                    help="give each a token of its own",
                )
    given = ((server, secret, each) for server in servers for secret in server.secrets for each in _references(secret))
    for server, secret, reference in given:
        if reference in first:
            token = first[reference]
            yield Diagnostic(
                code=codes.TOKEN_SHARED,
                detail=f"`{server.name}` is given the token `{token.name}` as `{secret.variable}`.",
                span=secret.span,
                notes=(Note(message=f"the token `{token.name}`", span=token.value.span),),
                help="give the server a secret of its own",
            )


def _references(secret: SecretRef) -> dict[str, None]:
    return {str(found): None for found in locations_in(str(secret))}


def _exposed_tokens(tokens: Sequence[Token], servers: Sequence[Server]) -> Iterator[Diagnostic]:
    """Yield the tokens whose file some server may read or write."""
    seen = {path: server.name for server in servers for path in _seen_by(server)}
    for token in tokens:
        for file in files_of(token.value):
            yield from _exposed(token, file, seen)


def _exposed(token: Token, file: str, seen: Mapping[str, str]) -> Iterator[Diagnostic]:
    holder = max((path for path in sorted(seen) if _is_within(file, path)), key=len, default="")
    if holder:
        detail = f"`{token.name}` is in `{file}`, and `{seen[holder]}` may look there."
        help_ = "keep it where no server may read or write"
        yield Diagnostic(code=codes.TOKEN_SOURCE, detail=detail, span=token.value.span, help=help_)


def _is_within(file: str, path: str) -> bool:
    whole = "/" if file.startswith("/") else "."
    return path == whole or is_below(file, {path})


def _seen_by(server: Server) -> Iterator[str]:
    """Yield what `server` may read or write of the hub's folder and of this machine, its own code with it."""
    yield from (text.value for text in server.read)
    yield from written_by(server)
    mounts = server.confinement.mounts if server.confinement is not None else ()
    yield from (mount.source for mount in mounts if mount.kind == "bind")
    yield from _code_of(server.origin.argv) if isinstance(server.origin, Command) else ()


def _code_of(argv: Iterable[Text]) -> Iterator[str]:
    """Yield what a command may read because it names it: the folder of its script, or the script alone."""
    named = [normpath(word.value) for word in argv if looks_like_path(word.value)]
    yield from named
    yield from (folder for folder in map(dirname, named[:1]) if folder)
