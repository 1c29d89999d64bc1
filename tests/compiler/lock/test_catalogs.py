from types import MappingProxyType

from mcphub_gitops.compiler.lock.catalogs import find_stale_catalogs, lock_catalogs
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.sourcing import validate

HUB = b"""\
apiVersion: mcphub/v1
name: acme
catalogs: {docker: {path: a.yaml}, idle: {path: b.yaml}}
servers: {echo: {from: docker/echo}}
"""
CATALOG = b"version: 3\nregistry: {echo: {image: 'registry.example/echo:1'}}\n"
EMPTY: MappingProxyType[str, LockedCatalog] = MappingProxyType({})


def stale(lock: Lock, catalog: bytes = CATALOG) -> dict[str, str]:
    hub = validate("mcp-hub.yaml", HUB, {"a.yaml": catalog}).hub
    assert hub is not None
    return {each.name: each.reason for each in find_stale_catalogs(hub, lock)}


def locked() -> Lock:
    hub = validate("mcp-hub.yaml", HUB, {"a.yaml": CATALOG}).hub
    assert hub is not None
    return Lock(servers=MappingProxyType({}), catalogs=lock_catalogs(hub))


def test_the_catalogs_that_servers_come_from_are_locked_by_their_bytes() -> None:
    lock = locked()
    assert list(lock.catalogs) == ["docker"]
    assert stale(lock) == {}
    assert stale(lock, CATALOG + b"\n") == {"docker": "has changed since it was locked"}


def test_what_is_not_locked_or_locked_from_elsewhere_is_stale() -> None:
    assert stale(Lock(servers=MappingProxyType({}))) == {"docker": "is not locked"}
    pin = locked().catalogs["docker"]
    other = LockedCatalog(source="c.yaml", digest=pin.digest)
    lock = Lock(servers=MappingProxyType({}), catalogs=MappingProxyType({"docker": other, "idle": pin}))
    assert stale(lock) == {
        "docker": "is locked as c.yaml, the hub asks for a.yaml",
        "idle": "is in the lock, but no server of the hub comes from it",
    }
