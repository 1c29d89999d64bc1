"""Where a hub's catalogs are: files of its folder, files behind an HTTPS URL, files of a git repository at a commit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Literal

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, Node
from mcphub_gitops.compiler.resolve.address import why_no_endpoint
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.source import Span

GIT_SCHEMES = ("https://", "ssh://")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSource:
    """Where one catalog is, as the hub says it.

    `location` is a path of the hub's folder, a URL, or the URL of a git repository. Of git alone: `path` is the file in
    the repository, `commit` its full hash, and `reference` the branch or tag where the hub names no commit.
    """

    kind: Literal["path", "url", "git"]
    location: str
    path: str = ""
    commit: str = ""
    reference: str = ""
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        """Return the source as one text, which is what a lock has and what excerpts are known by."""
        if self.kind != "git":
            return self.location
        return f"{self.location}@{self.commit or self.reference}:{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """What is in a catalog's file, None where there is none; `commit` is the one that a git repository had it at.

    `made` is when that commit was made, in seconds since 1970, None where nothing was asked or no repository has it.
    """

    data: bytes | None
    commit: str = ""
    made: int | None = None


def declared_names(root: Node) -> tuple[str, ...]:
    """Return the names of the catalogs that the hub declares, also of those whose place has the wrong shape."""
    return tuple(entry.key for entry in entries(root, "catalogs"))


def declared_sources(root: Node) -> dict[str, CatalogSource]:
    """Return the sources of the catalogs that the hub declares, by name."""
    found = {entry.key: _source(entry) for entry in entries(root, "catalogs")}
    return {name: source for name, source in found.items() if source is not None}


def used_sources(root: Node) -> dict[str, CatalogSource]:
    """Return those of the declared catalogs in which the entry of some server is looked for."""
    declared = declared_sources(root)
    names: set[str] = set()
    for server in entries(root, "servers"):
        given = text(child(server.value, "from"))
        if given is not None:
            name, slash, _ = given.value.partition("/")
            names.update([name] if slash else search_order(root) or declared)
    return {name: source for name, source in declared.items() if name in names}


def search_order(root: Node) -> tuple[str, ...]:
    """Return the catalogs that count for a `from` without one, the first that has the server; none: all count alike."""
    return tuple(each.value for each in texts(root, "defaults", "catalogs"))


def source_problems(root: Node) -> Iterator[Diagnostic]:
    """Yield what is wrong with the places of catalogs and with their order, beyond their shape."""
    declared = declared_names(root)
    for each in texts(root, "defaults", "catalogs"):
        if each.value not in declared:
            help_ = suggest(each.value, declared) or "declare it under `catalogs:`"
            detail = f"No catalog is called `{each.value}`."
            yield Diagnostic(code=codes.UNKNOWN_NAME, detail=detail, span=each.span, help=help_)
    for entry in entries(root, "catalogs"):
        for given, problem in _problems(entry.value):
            yield Diagnostic(code=codes.CATALOG_SOURCE, detail=problem, span=given.span)


def _problems(catalog: Node) -> Iterator[tuple[Text, str]]:
    url, repository, path = (text(child(catalog, *keys)) for keys in (("url",), ("git", "repo"), ("git", "path")))
    for each in (url, repository):
        if each is not None and TOKEN_SHAPE.search(each.value):
            yield each, "It has the shape of an access token in it, which everybody who reads the hub would get."
    if url is not None and not _is_https(url.value):
        yield url, "It is no `https://HOST[:PORT]/PATH`, without user, spaces or fragment."
    if path is not None and (normpath(path.value) != path.value or why_not_granted(path.value, "read")):
        yield path, "It is no path of a file in the repository, such as `catalogs/ours.yaml`."


def _is_https(url: str) -> bool:
    return url.startswith("https://") and not why_no_endpoint(url, private=False)


def _source(catalog: Entry) -> CatalogSource | None:
    path, url = (text(child(catalog.value, key)) for key in ("path", "url"))
    if path is not None:
        return CatalogSource(kind="path", location=path.value, span=path.span)
    if url is not None:
        return CatalogSource(kind="url", location=url.value, span=url.span)
    return _repository(child(catalog.value, "git"))


def _repository(git: Node | None) -> CatalogSource | None:
    repository, file, commit, reference = (text(child(git, key)) for key in ("repo", "path", "commit", "ref"))
    wanted = commit or reference
    if repository is None or file is None or wanted is None:
        return None  # the shape check has told
    if not repository.value.startswith(GIT_SCHEMES) or not _REVISION.fullmatch(wanted.value):
        # It has told of this too, and what has the wrong shape is never handed to git.
        return None
    at = {"commit" if commit is not None else "reference": wanted.value}
    return CatalogSource(kind="git", location=repository.value, path=file.value, span=repository.span, **at)
