import os
import socket
from pathlib import Path

import pytest

from mcphub_gitops.compiler.resolve.confinement import Mount as Named
from mcphub_gitops.runtime.engines.docker.granting import NotGrantedError, grant
from mcphub_gitops.runtime.ports import GrantedFolder, Mount, ToolsSpec

NOWHERE = "/nowhere/docker.sock"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A hub's folder beside one that is granted to be read, with one below it that may be changed."""
    for folder in ("hub/media", "hub/.mcphub", "srv/out", "beside", "srv/.ssh"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "srv" / "film").write_bytes(b"1")
    (tmp_path / "srv" / "away").symlink_to(tmp_path / "beside")
    (tmp_path / "srv" / "near").symlink_to("out")
    (tmp_path / "way").symlink_to("srv")
    return tmp_path


def spec_of(host: Path, *granted: GrantedFolder) -> ToolsSpec:
    folders = granted or (
        GrantedFolder(path=str(host / "srv")),
        GrantedFolder(path=str(host / "srv" / "out"), writable=True),
        GrantedFolder(path=str(host / "hub"), writable=True),
    )
    return ToolsSpec(server="s", tools={}, granted=folders, root=str(host / "hub"))


def granted(host: Path, path: object, *, locked: bool = False, spec: ToolsSpec | None = None) -> Mount:
    named = Named(kind="bind", source=str(path), target="/x")
    (found,) = grant([named], frozenset({"/x"} if locked else ()), spec or spec_of(host), NOWHERE)
    return found


def test_what_lies_below_a_granted_folder_is_mounted_at_its_real_place_and_read_only(host: Path) -> None:
    for path, real, writable in (
        ("srv", "srv", False),
        ("srv/film", "srv/film", False),
        ("way/film", "srv/film", False),
        ("srv/out", "srv/out", True),
        ("srv/near", "srv/out", True),
        ("hub/media", "hub/media", True),
    ):
        mount = Mount(kind="bind", source=str(host / real), target="/x", read_only=not writable)
        assert granted(host, host / path) == mount


def test_what_the_catalog_says_is_read_only_stays_so(host: Path) -> None:
    assert granted(host, host / "srv" / "out", locked=True).read_only


def test_anything_else_is_refused_in_the_same_words(host: Path) -> None:
    paths = ["beside", "srv/away", "srv/none", "srv/../beside", "srv/.ssh", "srv2", "", "hub", "hub/.mcphub"]
    for path in [*(host / each for each in paths), "/", "/etc/passwd", f"{host}/srv/film/below", "/a\0b"]:
        with pytest.raises(NotGrantedError) as refused:
            granted(host, path)
        assert str(refused.value) == (f"`{path}` is not there, or lies below no folder that this hub grants to calls.")


def test_what_decides_what_runs_is_read_and_not_changed(host: Path) -> None:
    (host / "hub" / "mcp-hub.yaml").write_bytes(b"")
    path = host / "hub" / "mcp-hub.yaml"
    with pytest.raises(NotGrantedError):
        granted(host, path)
    assert granted(host, path, locked=True).read_only


def test_what_is_sensitive_was_granted_by_its_name(host: Path) -> None:
    keys = str(host / "srv" / ".ssh")
    named = spec_of(host, GrantedFolder(path=keys, as_named=True))
    assert granted(host, keys, spec=named).source == keys
    with pytest.raises(NotGrantedError):
        granted(host, keys, spec=spec_of(host, GrantedFolder(path=keys)))


def test_the_engine_is_never_among_it(host: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        place = host / "srv" / "out" / "engine"
        # A socket's name is short; the folder of a test may not be.
        before = Path.cwd()
        os.chdir(place.parent)
        listening.bind(place.name)
        os.chdir(before)
        for path in (place, place.parent, host / "srv"):
            with pytest.raises(NotGrantedError):
                grant([Named(kind="bind", source=str(path), target="/x")], frozenset(), spec_of(host), str(place))
