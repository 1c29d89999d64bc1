"""Catalogs that others keep: by digest, once, and nothing else in their place."""

from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.model import LockedCatalog
from mcphub_gitops.compiler.resolve.provenance import CatalogFile, CatalogSource
from mcphub_gitops.compiler.source import Span
from mcphub_gitops.runtime.adapters.catalogs import CatalogShelf, Fetch, fetch_locked, fetch_newest
from mcphub_gitops.runtime.failure import RuntimeFailure

HERE = Span("mcp-hub.yaml", 1, 1, 1, 2)
SOURCE = CatalogSource(kind="git", location="https://git.example/a.git", path="a.yaml", reference="main", span=HERE)
DATA = b"version: 3\n"
LOCKED = LockedCatalog(source=str(SOURCE), digest=digest(DATA), commit="0" * 40)


class World:
    """Holds `data`, and remembers which commits it was asked for."""

    def __init__(self, data: bytes | None = DATA) -> None:
        self.data = data
        self.asked: list[str] = []

    def __call__(self, _source: CatalogSource, commit: str, _whose: str) -> CatalogFile:
        self.asked.append(commit)
        return CatalogFile(data=self.data, commit=commit or "1" * 40)


def refuse(_source: CatalogSource, _commit: str, _whose: str) -> CatalogFile:
    raise AssertionError("nobody is to be asked")


@pytest.fixture
def shelf(tmp_path: Path) -> CatalogShelf:
    return CatalogShelf(folder=tmp_path / "catalogs")


def test_what_is_locked_is_fetched_at_its_commit_once(shelf: CatalogShelf) -> None:
    world = World()
    expected = CatalogFile(data=DATA, commit="0" * 40)
    assert fetch_locked(SOURCE, LOCKED, shelf, world) == expected
    assert world.asked == ["0" * 40]
    nobody: Fetch = refuse
    assert fetch_locked(SOURCE, LOCKED, shelf, nobody) == expected
    assert [file.name for file in shelf.folder.iterdir()] == [LOCKED.digest.removeprefix("sha256:")]


def test_a_file_that_was_changed_on_the_shelf_is_fetched_again(shelf: CatalogShelf) -> None:
    shelf.keep(DATA)
    (file,) = shelf.folder.iterdir()
    file.write_bytes(b"version: 2\n")
    assert shelf.find(LOCKED).data is None
    assert fetch_locked(SOURCE, LOCKED, shelf, World()).data == DATA
    assert shelf.find(LOCKED).data == DATA


@pytest.mark.parametrize("data", [b"version: 2\n", None])
def test_something_else_in_its_place_is_never_taken(shelf: CatalogShelf, data: bytes | None) -> None:
    with pytest.raises(RuntimeFailure, match="is not what was locked") as raised:
        fetch_locked(SOURCE, LOCKED, shelf, World(data))
    assert "mcphub lock --catalogs" in raised.value.resolution
    assert not shelf.folder.exists()


def test_what_is_not_locked_is_taken_as_it_is_and_kept(shelf: CatalogShelf) -> None:
    world = World(b"version: 2\n")
    assert fetch_newest(SOURCE, shelf, world) == CatalogFile(data=b"version: 2\n", commit="1" * 40)
    assert world.asked == [""]
    assert [file.read_bytes() for file in shelf.folder.iterdir()] == [b"version: 2\n"]
    assert fetch_newest(SOURCE, shelf, World(None)).data is None
