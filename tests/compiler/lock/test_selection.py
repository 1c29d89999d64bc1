from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.age import seconds_of
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.selection import Selection, find_pinned, fitting, narrow, put_back
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
catalogs: {docker: {path: catalog.yaml}, spare: {path: catalog2.yaml}}
servers:
  clock: {from: docker/clock}
  echo: {from: spare/echo}
  fixed: {package: "pypi:time@1"}
  free: {package: "npm:free"}
  pinned: {image: "registry.example/a:1@sha256:%s"}
""" % ("0" * 64)
CLOCK, OTHER_CLOCK, ECHO, OTHER_ECHO = (
    f"version: 3\nregistry:\n  {name}: {{type: server, image: 'registry.example/{name}:{tag}'}}\n".encode()
    for name, tag in (("clock", 1), ("clock", 2), ("echo", 1), ("echo", 2))
)
OLD = {"catalog.yaml": CLOCK, "catalog2.yaml": ECHO}
NEW = {"catalog.yaml": OTHER_CLOCK, "catalog2.yaml": OTHER_ECHO}
TOOLS = dict.fromkeys(("clock", "echo", "fixed", "free", "pinned"), ("a",))
LOCK = lock_of(hub_of(HUB, OLD), TOOLS)[0]


def names(hub_servers: object) -> list[str]:
    assert isinstance(hub_servers, tuple)
    return [server.name for server in hub_servers]


def test_a_named_server_alone_is_asked_and_keeps_no_pin() -> None:
    asked, kept = narrow(hub_of(HUB, OLD), LOCK, {}, Selection(servers=frozenset({"free"})))
    assert names(asked.servers) == ["free"]
    assert kept.servers.keys() == {"clock", "echo", "fixed", "pinned"}


def test_of_a_named_catalog_what_no_longer_fits_is_asked_and_keeps_what_does() -> None:
    asked, kept = narrow(hub_of(HUB, NEW), LOCK, {}, Selection(catalogs=frozenset({"docker"})))
    assert names(asked.servers) == ["clock"]
    assert kept == Lock(servers=LOCK.servers)
    assert narrow(hub_of(HUB, OLD), LOCK, {}, Selection(catalogs=frozenset({"docker"})))[0].servers == ()


def test_everything_is_asked_without_a_pin() -> None:
    hub = hub_of(HUB, NEW)
    assert narrow(hub, LOCK, {}, Selection(everything=True)) == (hub, Lock(servers=MappingProxyType({})))


def test_all_that_was_not_asked_stays_as_it_was() -> None:
    hub = hub_of(HUB, NEW)
    found = Lock(servers=MappingProxyType({"clock": replace(LOCK.servers["clock"], era="legacy")}))
    after = put_back(hub, LOCK, found, Selection(catalogs=frozenset({"docker"})))
    assert {name for name in LOCK.servers if after.servers[name] != LOCK.servers[name]} == {"clock"}
    assert after.catalogs["docker"].digest == digest(OTHER_CLOCK)
    assert after.catalogs["spare"] == LOCK.catalogs["spare"]
    assert fitting(hub, after, {})[1] == ("clock", "echo")
    assert put_back(hub, LOCK, found, Selection(everything=True)).servers == found.servers


def test_a_renamed_server_takes_its_old_name_out_of_the_lock() -> None:
    hub = hub_of(HUB.replace("free:", "freed:") + "moved: [{from: free, to: freed}]\n", OLD)
    found = Lock(servers=MappingProxyType({"freed": LOCK.servers["free"]}))
    after = put_back(hub, LOCK, found, Selection(servers=frozenset({"freed"})))
    assert after.servers.keys() == {"clock", "echo", "fixed", "freed", "pinned"}


def test_what_the_hub_pins_is_told_with_its_line() -> None:
    told = [(str(each.span), each.detail) for each in find_pinned(hub_of(HUB, OLD), TOOLS)]
    assert [place for place, _ in told] == ["mcp-hub.yaml:8:20", "mcp-hub.yaml:10:19"]
    assert told[0][1] == "`fixed` asks for version 1 of time itself: no update moves that."
    assert [*find_pinned(hub_of(HUB, OLD), {"free"})] == []


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        ("12h", 43200),
        ("7d", 604800),
        ("2w", 1209600),
        ("0d", 0),
        ("", None),
        ("7", None),
        ("d", None),
        ("-1d", None),
        ("٣d", None),
        ("12345d", None),
        ("7y", None),
    ],
)
def test_an_age_is_hours_days_or_weeks(age: str, seconds: int | None) -> None:
    assert seconds_of(age) == seconds
