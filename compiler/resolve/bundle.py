"""Bundles of policies that a hub names beside those of its folder."""

import re
from collections.abc import Iterator
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node
from mcphub_gitops.compiler.resolve.image import parse
from mcphub_gitops.compiler.resolve.model import PolicyBundle, Text
from mcphub_gitops.compiler.resolve.nodes import child, text
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.resolve.provenance import GIT_SCHEMES

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def decode_bundles(root: Node, problems: list[Diagnostic]) -> tuple[PolicyBundle, ...]:
    """Return the bundles under ``policies``; what is wrong with them beyond their shape goes to `problems`."""
    found = child(root, "policies")
    nodes = [node for node in found.items if isinstance(node, MapNode)] if isinstance(found, ListNode) else []
    bundles = []
    for node in nodes:
        wrong = tuple(_problems(node))
        problems.extend(Diagnostic(code=codes.BUNDLE, detail=why, span=given.span) for given, why in wrong)
        bundle = _bundle(node) if not wrong else None
        bundles.extend([bundle] if bundle is not None else [])
    return tuple(bundles)


def _problems(node: Node) -> Iterator[tuple[Text, str]]:
    repository, path, artifact = (text(child(node, *keys)) for keys in (("git", "repo"), ("git", "path"), ("oci",)))
    if repository is not None and TOKEN_SHAPE.search(repository.value):
        yield repository, "It has the shape of an access token in it, which everybody who reads the hub would get."
    if path is not None and (normpath(path.value) != path.value or why_not_granted(path.value, "read")):
        yield path, "It is no path of a file in the repository, such as `policies/all.yaml`."
    reference = parse(artifact.value) if artifact is not None else None
    if artifact is not None and isinstance(reference, str):
        yield artifact, reference


def _bundle(node: Node) -> PolicyBundle | None:
    artifact = text(child(node, "oci"))
    return _artifact(artifact) if artifact is not None else _repository(node)


def _artifact(artifact: Text) -> PolicyBundle | None:
    reference = parse(artifact.value)
    if isinstance(reference, str) or not reference.digest:
        return None
    return PolicyBundle(kind="oci", location=str(reference), span=artifact.span)


def _repository(node: Node) -> PolicyBundle | None:
    repository, commit, path = (text(child(node, "git", key)) for key in ("repo", "commit", "path"))
    if repository is None or commit is None or path is None:
        return None  # the shape check has told
    if not _COMMIT.fullmatch(commit.value) or not repository.value.startswith(GIT_SCHEMES):
        # It has told of this too, and what has the wrong shape is never handed to git.
        return None
    return PolicyBundle(
        kind="git", location=repository.value, commit=commit.value, path=path.value, span=repository.span
    )
