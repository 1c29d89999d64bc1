import asyncio
import socket
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.desired import DesiredServer, build
from mcphub_gitops.compiler.resolve.model import Transport
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.launch import launch_of
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import check_code
from mcphub_gitops.runtime.ports import ChildSpec, RemoteSpec
from tests.support.hubs import hub_of, lock_of
from tests.support.machine import MemoryContainers, ScriptedProber, site_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py, --db, data/notes.db], paths: {read: [docs], write: [data]}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for name in ("srv", "docs", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "srv" / "notes.py").write_bytes(b"srv/notes.py")
    return site_of(tmp_path, ScriptedProber({}))


@pytest.fixture
def server() -> DesiredServer:
    hub = hub_of(HUB)
    desired, problems = build(hub, *lock_of(hub, {"notes": ("add",)}))
    assert problems == ()
    return desired.servers[0]


def test_a_command_may_read_its_own_folder_and_what_it_is_granted(site: Site, server: DesiredServer) -> None:
    launch = launch_of(server, "acme", site, site.layout.scratch / "notes")
    spec = launch.spec
    assert isinstance(spec, ChildSpec)
    assert spec.readable == (str(site.root / "docs"), str(site.root / "srv"))
    assert spec.writable == (str(site.layout.scratch / "notes"), str(site.root / "data"))
    assert server.files.keys() == {"srv/notes.py"}
    assert (launch.code, spec.env["PYTHONPYCACHEPREFIX"]) == ("srv", spec.env["HOME"])


@pytest.mark.parametrize(
    ("link", "target", "words"),
    [
        ("docs", ".mcphub", "is where mcphub keeps its own files"),
        ("docs", ".mcphub/generations", "is where mcphub keeps its own files"),
        ("docs", "..", "leads out of the hub's folder"),
        ("data", ".", "is the hub's own folder"),
        ("data", ".git", "decides what runs"),
        ("data", "mcp-hub.lock", "decides what runs"),
    ],
)
def test_a_link_does_not_widen_a_grant(site: Site, server: DesiredServer, link: str, target: str, words: str) -> None:
    (site.root / ".git").mkdir()
    (site.root / "mcp-hub.lock").write_text("{}")
    (site.root / link).rmdir()
    (site.root / link).symlink_to(site.root / target)
    with pytest.raises(RuntimeFailure, match=words):
        launch_of(server, "acme", site, site.layout.scratch / "notes")


@pytest.mark.parametrize("run", ['image: "registry.example/x:1"', 'package: "pypi:mcp-server-time@1", run: container'])
@pytest.mark.parametrize("source", ["./data", "./data/odd", "DATA", "HARD"])
def test_the_socket_that_the_engine_has_is_not_mounted_wherever_it_is(tmp_path: Path, source: str, run: str) -> None:
    folder = tmp_path / "hub"
    (folder / "data").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "data" / "odd"))
        (tmp_path / "other").hardlink_to(folder / "data" / "odd")
        path = source.replace("DATA", str(folder / "data")).replace("HARD", str(tmp_path / "other"))
        base = 'defaults: {base: {python: "registry.example/python:3"}}\n'
        hub = hub_of(f'apiVersion: mcphub/v1\nname: acme\n{base}servers:\n  x: {{{run}, mounts: ["{path}:/data"]}}\n')
        desired, problems = build(hub, *lock_of(hub, {"x": ("add",)}))
        assert problems == ()
        containers = MemoryContainers(path=str(folder / "data" / "odd"))
        site = site_of(folder, ScriptedProber({}), containers=containers)
        with pytest.raises(RuntimeFailure, match="is or holds the socket of the engine"):
            asyncio.run(observe(desired, site))
        containers.path = str(tmp_path / "elsewhere")
        assert asyncio.run(observe(desired, site)).containers == {}


def test_a_loop_of_links_is_told(site: Site, server: DesiredServer) -> None:
    (site.root / "docs").rmdir()
    (site.root / "docs").symlink_to("docs")
    with pytest.raises(RuntimeFailure, match="granted docs, which is not there"):
        launch_of(server, "acme", site, site.layout.scratch / "notes")


def test_the_code_is_what_was_locked_or_the_server_is_not_started(site: Site, server: DesiredServer) -> None:
    check_code(site.root, server.files, server.code)
    (site.root / "data" / "notes.db").write_text("data may change")
    (site.root / "srv" / "__pycache__").mkdir()
    (site.root / "srv" / "__pycache__" / "notes.pyc").write_bytes(b"not used")
    check_code(site.root, server.files, server.code)
    (site.root / "srv" / "json.py").write_text("print('instead of the standard library')")
    with pytest.raises(RuntimeFailure, match=r"srv/json\.py is not what was locked"):
        check_code(site.root, server.files, server.code)
    (site.root / "srv" / "json.py").unlink()
    (site.root / "srv" / "notes.py").write_text("edited")
    with pytest.raises(RuntimeFailure, match=r"srv/notes\.py is not what was locked"):
        check_code(site.root, server.files, server.code)


@pytest.mark.parametrize(("said", "transport"), [("", "streamable-http"), (", transport: sse", "sse")])
def test_a_remote_is_spoken_to_as_the_hub_says(site: Site, said: str, transport: Transport) -> None:
    hub = hub_of(
        f"apiVersion: mcphub/v1\nname: acme\nservers: {{far: {{remote: {{url: 'https://far.example/mcp'{said}}}}}}}\n"
    )
    desired, _ = build(hub, *lock_of(hub, {"far": ("go",)}))
    launch = launch_of(desired.servers[0], "acme", site, site.layout.scratch / "far")
    assert launch.spec == RemoteSpec(server="far", url="https://far.example/mcp", transport=transport)
