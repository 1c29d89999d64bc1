"""What is doubtful about a catalog's entry, and yet usable: told when a hub takes the entry."""

from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.resolve.catalog import CatalogServer, canonical
from mcphub_gitops.compiler.source import Span


def find_defects(server: CatalogServer) -> Iterator[Diagnostic]:
    """Yield a warning for each doubtful thing, at its line in the catalog."""
    if server.image and "@" not in server.image:
        yield _no_digest(f"`{server.name}`", server.image, server.place("image"))
    if server.contains_tools:
        yield from _untold_digests(server)
    wild = [host for host in server.allow_hosts if host.value.partition(":")[0] in {"", "*"}]
    if wild:
        detail = f"`{server.name}` asks for {' and '.join(f'`{host.value}`' for host in wild)}."
        yield Diagnostic(code=codes.WILDCARD_HOST, detail=detail, span=wild[0].span)
    if server.shares_names:
        yield from _foreign_names(server)


def _untold_digests(server: CatalogServer) -> Iterator[Diagnostic]:
    for tool in server.tools:
        if tool.container is not None and "@" not in tool.container.image.value:
            yield _no_digest(f"`{tool.name}` of `{server.name}`", tool.container.image.value, tool.container.image.span)


def _foreign_names(server: CatalogServer) -> Iterator[Diagnostic]:
    prefixes = (f"{server.name}.", f"{canonical(server.name)}.")
    for secret in server.secrets:
        if not secret.name.startswith(prefixes):
            detail = f"`{server.name}` calls a secret `{secret.name}`."
            yield Diagnostic(code=codes.SECRET_NAME, detail=detail, span=secret.span)


def _no_digest(whose: str, image: str, span: Span) -> Diagnostic:
    detail = f"{whose} is `{image}`: what the catalog's reviewers saw is not what a tag names now."
    help_ = "the lock pins what the tag names when it is written; ask the catalog for a digest"
    return Diagnostic(code=codes.NO_DIGEST, detail=detail, span=span, help=help_)
