"""Catalogs that were read once: kept for their owner, by what they were read of, and never believed when damaged."""

import os
from pathlib import Path

import pytest

from mcphub_gitops import schemas
from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.resolve.preserved import preserve
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.runtime.adapters.catalog_cache import CatalogCache
from mcphub_gitops.runtime.adapters.kept import MOST_KEPT, cache_folder

DATA = b"registry: {notes: {image: 'registry.example/notes:1'}}\n"
OTHER = b"registry: {other: {image: 'registry.example/other:1'}}\n"


def names(cache: CatalogCache, data: bytes = DATA) -> tuple[str, ...]:
    catalog, source, problems = cache.open("catalog.yaml", data, digest(data))
    assert problems == ()
    assert source.text == data.decode()
    assert catalog is not None
    return catalog.names


def other() -> bytes:
    catalog, source, _ = open_catalog("catalog.yaml", OTHER)
    assert catalog is not None
    return preserve(catalog, source)


@pytest.fixture
def cache(tmp_path: Path) -> CatalogCache:
    return CatalogCache(folder=tmp_path / "mcphub" / "catalogs")


def folder_of(cache: CatalogCache) -> Path:
    assert cache.folder is not None
    return cache.folder


def file_of(cache: CatalogCache) -> Path:
    (file,) = folder_of(cache).iterdir()
    return file


def test_what_was_read_is_not_read_again(cache: CatalogCache) -> None:
    assert names(cache) == ("notes",)
    # Nothing but another catalog in its place tells where the answer comes from.
    file_of(cache).write_bytes(other())
    assert names(cache) == ("other",)
    assert names(CatalogCache(folder=cache.folder)) == ("other",)


def test_the_cache_is_its_owners_alone(cache: CatalogCache) -> None:
    names(cache)
    folder = folder_of(cache)
    assert [each.stat().st_mode & 0o777 for each in (folder.parent, folder, file_of(cache))] == [0o700, 0o700, 0o600]


def test_other_bytes_are_another_catalog(cache: CatalogCache) -> None:
    assert names(cache) == ("notes",)
    assert names(cache, OTHER) == ("other",)
    assert len(list(folder_of(cache).iterdir())) == 2


@pytest.mark.parametrize("content", [b"", b"\x80", b"{}", b"sha256:0\n{}"])
def test_a_damaged_file_is_read_anew_and_written_again(cache: CatalogCache, content: bytes) -> None:
    names(cache)
    whole = file_of(cache).read_bytes()
    file_of(cache).write_bytes(content)
    assert names(cache) == ("notes",)
    assert file_of(cache).read_bytes() == whole


@pytest.mark.parametrize("data", [b"registry: {notes: {image: -x}}\n", b"registry: ["])
def test_a_wrong_catalog_is_told_of_each_time(cache: CatalogCache, data: bytes) -> None:
    for _ in range(2):
        catalog, _, problems = cache.open("catalog.yaml", data, digest(data))
        assert catalog is None
        assert problems == open_catalog("catalog.yaml", data)[2]
    assert list(folder_of(cache).iterdir()) == []


def test_another_edition_of_mcphub_reads_anew(
    cache: CatalogCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(cache)
    file_of(cache).write_bytes(other())
    edition = tmp_path / "schemas"
    edition.mkdir()
    (edition / "catalog.v1.json").write_text("{}")
    monkeypatch.setattr(schemas, "__path__", [str(edition)])
    assert names(CatalogCache(folder=cache.folder)) == ("notes",)


def test_the_oldest_go(cache: CatalogCache) -> None:
    names(cache)
    first = file_of(cache)
    os.utime(first, (0, 0))
    for number in range(MOST_KEPT):
        names(cache, DATA + f"# {number}\n".encode())
    kept = list(folder_of(cache).iterdir())
    assert len(kept) == MOST_KEPT
    assert first not in kept


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_to_is_not_used(cache: CatalogCache, mode: int) -> None:
    names(cache)
    file_of(cache).write_bytes(other())
    folder_of(cache).chmod(mode)
    assert names(cache) == ("notes",)


def test_the_folder_of_somebody_else_is_not_used(cache: CatalogCache, monkeypatch: pytest.MonkeyPatch) -> None:
    names(cache)
    file_of(cache).write_bytes(other())
    monkeypatch.setattr(os, "geteuid", lambda: folder_of(cache).stat().st_uid + 1)
    assert names(cache) == ("notes",)


def test_a_link_is_no_folder(cache: CatalogCache, tmp_path: Path) -> None:
    names(cache)
    file_of(cache).write_bytes(other())
    folder_of(cache).rename(tmp_path / "elsewhere")
    folder_of(cache).symlink_to(tmp_path / "elsewhere")
    assert names(cache) == ("notes",)


def test_what_cannot_be_kept_is_no_error(cache: CatalogCache, tmp_path: Path) -> None:
    (tmp_path / "mcphub").write_text("a file")
    assert names(cache) == ("notes",)
    assert names(CatalogCache(folder=None)) == ("notes",)


def test_what_is_no_file_in_its_place_is_no_error(cache: CatalogCache) -> None:
    names(cache)
    file = file_of(cache)
    file.unlink()
    file.mkdir()
    assert names(cache) == ("notes",)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/mcphub/catalogs"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/mcphub/catalogs"),
        ({"HOME": "/h"}, "/h/.cache/mcphub/catalogs"),
        ({"XDG_CACHE_HOME": "c", "HOME": "/h"}, None),
        ({"XDG_CACHE_HOME": "/p/.cache"}, None),
        ({"XDG_CACHE_HOME": "/p/../p/x"}, None),
        ({"HOME": "/p"}, None),
        ({"HOME": "."}, None),
        ({"HOME": ""}, None),
        ({"HOME": "/\0"}, None),
        ({}, None),
    ],
)
def test_where_catalogs_are_kept(environ: dict[str, str], place: str | None) -> None:
    assert cache_folder(environ, Path("/p"), "catalogs") == (Path(place) if place is not None else None)


def test_a_link_into_the_project_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "project")
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path / "project", "catalogs") is None
