"""What the lock has of a server beside its tools."""

import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.file import read_lock, write_lock
from mcphub_gitops.compiler.lock.identity import lock_digest
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.movement import find_movements
from mcphub_gitops.compiler.lock.offers import (
    MOST,
    LockedOffers,
    as_locked,
    find_changes,
    fingerprints_of,
    lock_offers,
    read_offers,
    write_offers,
)
from mcphub_gitops.compiler.resolve.offer import KINDS, Kind
from tests.support.hubs import NOTES_HUB, hub_of, lock_of
from tests.support.offers import answer_of, with_offers

ALL = {"prompts": ["summary"], "resources": ["note://1"], "templates": ["note://{id}"]}


def locked(listed: dict[str, Any], keys: str = "") -> LockedOffers:
    (server,) = hub_of(NOTES_HUB.replace("]}", f"], {keys}}}") if keys else NOTES_HUB).servers
    return lock_offers(server, answer_of(listed))


def whole(offers: dict[str, Any]) -> Lock:
    hub = hub_of(NOTES_HUB)
    return with_offers(hub, lock_of(hub, {"notes": ("add",)})[0], {"notes": offers})[0]


@pytest.mark.parametrize(
    ("definition", "held"),
    [
        ({"uri": "a", "size": 3}, {"uri": "a"}),
        ({"uri": "a", "annotations": {"lastModified": "x"}}, {"uri": "a"}),
        (
            {"uri": "a", "annotations": {"lastModified": "x", "priority": 1}},
            {"uri": "a", "annotations": {"priority": 1}},
        ),
        ({"uri": "a", "annotations": {"priority": 1}}, {"uri": "a", "annotations": {"priority": 1}}),
        ({"uri": "a", "annotations": "odd"}, {"uri": "a", "annotations": "odd"}),
    ],
)
def test_what_is_in_a_resource_is_no_part_of_what_it_is(definition: dict[str, Any], held: dict[str, Any]) -> None:
    assert as_locked("resources", definition) == as_locked("templates", definition) == held
    assert as_locked("prompts", definition) == definition


def test_what_is_listed_is_locked_by_its_fingerprint() -> None:
    found = locked(ALL)
    assert found.hashes["templates"] == {"note://{id}": fingerprint({"uriTemplate": "note://{id}"})}
    assert set(found.hashes) == set(found.definitions) == {"prompts", "resources", "templates"}
    assert found.diagnostics == ()


def test_what_the_filters_leave_out_is_not_in_the_lock() -> None:
    found = locked(ALL, 'prompts: {deny: ["*"]}, uris: {allow: ["note://1"]}')
    assert found.hashes == {"resources": {"note://1": fingerprint({"uri": "note://1"})}}
    assert found.diagnostics == ()


def test_a_lock_is_written_and_read_a_line_each() -> None:
    lock = whole(ALL)
    text = write_lock(lock)
    assert read_lock("mcp-hub.lock", text)[0] == lock
    assert f'"note://1": "{lock.servers["notes"].offers["resources"]["note://1"]}"' in text.decode()


def test_a_lock_of_a_server_that_offers_nothing_is_as_it_was_before() -> None:
    assert b"prompts" not in write_lock(whole({}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_with_too_many_is_refused(kind: Kind) -> None:
    document = json.loads(write_lock(whole({})))
    names = {f"a://{number}": fingerprint(number) for number in range(MOST[kind] + 1)}
    document["servers"]["notes"][kind] = names
    assert read_lock("mcp-hub.lock", json.dumps(document).encode())[0] is None
    names.popitem()
    assert read_lock("mcp-hub.lock", json.dumps(document).encode())[0] is not None


def test_every_line_is_part_of_the_digest_of_the_lock() -> None:
    digests = {lock_digest(whole(offers)) for offers in ({}, ALL, {**ALL, "prompts": ["another"]}, {"prompts": ["x"]})}
    assert len(digests) == 4


def test_what_moved_is_told_by_kind() -> None:
    before, after = (
        whole({"prompts": ["old"], "resources": ["a://1"]}),
        whole({"prompts": ["new"], "templates": ["{x}"]}),
    )
    assert [str(each) for each in find_movements(before, after)] == [
        "notes: prompts + new, - old",
        "notes: resources - a://1",
        "notes: templates + {x}",
    ]


FOUND = locked(ALL)
TEXT = write_offers(FOUND.definitions)


def test_readable_definitions_are_those_of_the_lock() -> None:
    assert read_offers("notes.offers.json", TEXT, FOUND.hashes) == (FOUND.definitions, ())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "is missing"),
        (b"[]", "one definition a prompt"),
        (b'{"prompts": [], "tools": {}}', "one definition a prompt"),
        (b'{"prompts": []}', "one definition a prompt"),
        (b'{"prompts": {"a": 1}}', "one definition a prompt"),
        (b'{"prompts": {}, "prompts": {}}', "one definition a prompt"),
        (TEXT.replace(b"note://1", b"note://2"), "other fingerprints"),
        (b"<<<<<<< ours\n", ""),
    ],
)
def test_readable_definitions_that_are_not_those_of_the_lock_are_told(data: bytes | None, words: str) -> None:
    _, problems = read_offers("notes.offers.json", data, FOUND.hashes)
    assert problems
    assert {each.code.name for each in problems} <= {"MH404", "MH407"}
    assert words in problems[0].detail


def test_a_lock_beside_other_definitions_is_told_by_kind() -> None:
    other = MappingProxyType({**FOUND.hashes, "resources": MappingProxyType({})})
    (problem,) = read_offers("notes.offers.json", TEXT, other)[1]
    assert "`note://1`" in problem.detail


def test_changes_are_told_and_what_is_new_is_not() -> None:
    hashes = {"gone": "1", "other": "1", "same": "1", "twice": "1"}
    live = {"other": "2", "same": "1", "twice": None, "new": "1"}
    assert list(find_changes("prompts", hashes, live)) == [
        "the prompt `gone` is gone",
        "the prompt `other` has another definition",
        "the prompt `twice` is listed several times with definitions that differ",
    ]


def test_what_is_listed_is_compared_by_its_fingerprint() -> None:
    answer = answer_of({"resources": [{"uri": "a", "size": 1}, {"uri": "b", "name": "1"}, {"uri": "b", "name": "2"}]})
    assert fingerprints_of(answer) == {"resources": {"a": fingerprint({"uri": "a"}), "b": None}}


def test_a_hub_without_offers_keeps_its_digest() -> None:
    lock = whole({})
    (server,) = lock.servers.values()
    assert lock_digest(lock) == lock_digest(Lock(servers={"notes": replace(server, offers=MappingProxyType({}))}))
