"""Definitions that were read once: kept for their owner, beside nothing of the project's."""

from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.runtime.adapters.definition_cache import DefinitionCache

TOOL = {"name": "add"}
FILE = write_definitions({"add": TOOL})
TOOLS = {"add": fingerprint(TOOL)}
PLACE = Path("/project/mcp-hub.tools")


@pytest.fixture
def cache(tmp_path: Path) -> DefinitionCache:
    return DefinitionCache(folder=tmp_path / "mcphub" / "definitions")


def kept_in(cache: DefinitionCache) -> list[Path]:
    assert cache.folder is not None
    return list(cache.folder.iterdir())


def test_what_is_new_is_kept_once(cache: DefinitionCache) -> None:
    with cache.open(PLACE) as read:
        assert read("s.json", FILE, TOOLS) == ({"add": TOOL}, ())
    (file,) = kept_in(cache)
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_mtime_ns
    with cache.open(PLACE) as read:
        assert read("s.json", FILE, TOOLS) == ({"add": TOOL}, ())
    assert file.stat().st_mtime_ns == before


def test_each_folder_of_definitions_has_its_own(cache: DefinitionCache) -> None:
    for place in (PLACE, PLACE.with_name("other.tools")):
        with cache.open(place) as read:
            read("s.json", FILE, TOOLS)
    assert len(kept_in(cache)) == 2


@pytest.mark.parametrize("content", [b"", b"\x80", b"sha256:0\n{}"])
def test_a_damaged_file_is_written_again(cache: DefinitionCache, content: bytes) -> None:
    for _ in range(2):
        with cache.open(PLACE) as read:
            assert read("s.json", FILE, TOOLS) == ({"add": TOOL}, ())
        (file,) = kept_in(cache)
        whole = file.read_bytes()
        assert whole != content
        file.write_bytes(content)


def test_what_does_not_fit_is_told_and_nothing_is_kept(cache: DefinitionCache) -> None:
    with cache.open(PLACE) as read:
        _, problems = read("s.json", FILE, {})
    assert [each.code.name for each in problems] == ["MH404"]
    assert kept_in(cache) == []


def test_without_a_folder_each_file_is_read() -> None:
    for _ in range(2):
        with DefinitionCache(folder=None).open(PLACE) as read:
            assert read("s.json", FILE, TOOLS) == ({"add": TOOL}, ())
