"""Bundles of policies: kept once fetched, and told where they cannot be used."""

from pathlib import Path

import pytest

from mcphub_gitops.compiler.resolve.model import PolicyBundle
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.runtime.adapters.bundles import MAX_BYTES, BundleShelf
from mcphub_gitops.runtime.adapters.git import GitRepositories
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.repositories import git, make_repository

SPAN = Source("mcp-hub.yaml", "").span(0, 0)
ARTIFACT = PolicyBundle(kind="oci", location=f"registry.example/policies:7@sha256:{'a' * 64}", span=SPAN)


def refuse(bundle: PolicyBundle) -> dict[str, bytes]:
    raise AssertionError(f"{bundle} was asked for")


def test_what_was_fetched_is_kept_to_the_byte(tmp_path: Path) -> None:
    shelf = BundleShelf(folder=tmp_path / "bundles")
    files = {"a.yaml": b"\xff\x00\r\n", "b.yml": "ü\n".encode()}
    assert shelf.find(ARTIFACT) is None
    assert shelf.fetch(ARTIFACT, lambda _: {**files, "README.md": b"no policy"}) == files
    assert shelf.fetch(ARTIFACT, refuse) == files
    assert shelf.find(PolicyBundle(kind="oci", location="other", span=SPAN)) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff"])
def test_what_is_not_whole_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    shelf = BundleShelf(folder=tmp_path)
    shelf.fetch(ARTIFACT, lambda _: {"a.yaml": b"1"})
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert shelf.find(ARTIFACT) is None
    assert shelf.fetch(ARTIFACT, lambda _: {"a.yaml": b"2"}) == {"a.yaml": b"2"}


@pytest.mark.parametrize("files", [{}, {"a.txt": b""}, {"a.yaml": b"x" * (MAX_BYTES + 1)}])
def test_a_bundle_without_policies_or_with_too_many_is_told(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(RuntimeFailure, match="is not used"):
        BundleShelf(folder=tmp_path).fetch(ARTIFACT, lambda _: files)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_a_real_repository_is_a_bundle(tmp_path: Path) -> None:
    bare = make_repository(tmp_path / "repo", {"policies/all.yaml": "apiVersion: mcphub/policy/v1\n"})
    head = git(bare.parent / "work", "rev-parse", "HEAD")
    bundle = PolicyBundle(kind="git", location=bare.as_uri(), commit=head, path="policies/all.yaml", span=SPAN)
    reader = GitRepositories(limit=MAX_BYTES, schemes=("file",), seconds=20)
    shelf = BundleShelf(folder=tmp_path / "bundles")
    found = shelf.fetch(
        bundle, lambda each: {str(each): reader.fetch(each.location, each.path, each.commit, whose=str(each))[0]}
    )
    assert found == {str(bundle): b"apiVersion: mcphub/policy/v1\n"}
