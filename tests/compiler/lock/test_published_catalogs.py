"""Two published catalogs, each locked whole without asking anyone: what changed between them stands in the locks."""

from pathlib import Path

import pytest

from bench.hubs import write_locked
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.runtime.cli.sourcing import understand
from mcphub_gitops.runtime.project import Project
from tests.support.shared import SHARED, needs_shared_data

pytestmark = needs_shared_data


@pytest.fixture(scope="module")
def locks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Locked, Locked]:
    return locked(tmp_path_factory, "2025-11-20"), locked(tmp_path_factory, "2026-02-10")


def locked(folders: pytest.TempPathFactory, day: str) -> Locked:
    return write_locked((SHARED / f"catalog-{day}.yaml").read_bytes(), folders.mktemp(day))


def test_what_changed_between_the_catalogs_stands_in_their_locks(locks: tuple[Locked, Locked]) -> None:
    before, after = (each.lock.servers for each in locks)
    common = before.keys() & after.keys()
    assert len(after.keys() - before.keys()) == 44
    assert before.keys() - after.keys() == {"postgres", "root", "tembo"}
    assert len(common) == 268
    other_image = {name for name in common if before[name].image != after[name].image}
    assert len(other_image) == 104
    other_tools = {name for name in common if before[name].tools.keys() != after[name].tools.keys()}
    assert len(other_tools) == 32
    assert len(other_tools - other_image) == 3
    assert sum(len(after[name].tools.keys() - before[name].tools.keys()) for name in common) == 146
    assert sum(len(before[name].tools.keys() - after[name].tools.keys()) for name in common) == 57


def test_no_tool_of_theirs_is_more_than_a_name_and_the_lock_says_so(locks: tuple[Locked, Locked]) -> None:
    for each in locks:
        assert {server.definitions for server in each.lock.servers.values()} == {"catalog"}
        assert all(
            tool == {"name": name} for definitions in each.definitions.values() for name, tool in definitions.items()
        )


def test_the_hub_fits_its_lock(tmp_path: Path) -> None:
    write_locked((SHARED / "catalog-2026-02-10.yaml").read_bytes(), tmp_path)

    project = Project(root=tmp_path, understand_sourced=lambda document, read: understand(tmp_path, document, read))
    compiled = project.compile(locked=True)
    assert compiled.desired is not None
    assert len(compiled.desired.servers) == 312
