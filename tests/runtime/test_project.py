import gc
import os
from pathlib import Path

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project
from tests.support.hubs import TIME_HUB
from tests.support.projects import mcphub, write_project

SOURCED = """\
apiVersion: mcphub/v1
name: acme
catalogs: {ours: {path: catalog.yaml}}
servers:
  notes: {from: ours/notes}
"""


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_looked_for_after_compiling_as_before(tmp_path: Path, *, enabled: bool) -> None:
    project = write_project(tmp_path, TIME_HUB, {"time": ("now",)})
    try:
        (gc.enable if enabled else gc.disable)()
        assert project.compile(locked=True).diagnostics == ()
        assert gc.isenabled() is enabled
        with pytest.raises(RuntimeFailure):
            Project(root=tmp_path / "absent").validate()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_a_catalog_is_kept_for_the_next_time_and_told_of_alike(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "mcp-hub.yaml").write_text(SOURCED)
    (tmp_path / "hub" / "catalog.yaml").write_text("registry:\n  notes: {image: 'registry.example/notes:1'}\n")
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = mcphub(tmp_path / "hub", "validate", env=env)
    (kept,) = (tmp_path / "cache" / "mcphub" / "catalogs").iterdir()
    before = kept.stat()
    second = mcphub(tmp_path / "hub", "validate", env=env)
    assert (first.returncode, first.stdout, first.stderr) == (second.returncode, second.stdout, second.stderr)
    assert "catalog.yaml:2:18: warning[MH" in first.stdout + first.stderr
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_cache_in_the_project_is_neither_read_nor_written(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(SOURCED)
    (tmp_path / "catalog.yaml").write_text("registry:\n  notes: {image: 'registry.example/notes:1'}\n")
    done = mcphub(tmp_path, "validate", env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / ".cache")})
    assert done.returncode == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["catalog.yaml", "mcp-hub.yaml"]
