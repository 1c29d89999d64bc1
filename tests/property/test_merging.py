"""Independent edits of a lock and of its readable definitions merge: git's own merge of lines is asked."""

import random
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.definitions import Definitions, read_definitions, write_definitions
from mcphub_gitops.compiler.lock.file import read_lock, write_lock
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.resolution import resolve

SERVERS, TOOLS, PAIRS = 100, 8, 150
MOST = 0.02

State = Mapping[str, tuple[LockedServer, Definitions]]


def definition(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"{text} of {name}.",
        "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    }


def locked(pins: LockedServer, definitions: Definitions) -> tuple[LockedServer, Definitions]:
    hashes = {name: fingerprint(each) for name, each in definitions.items()}
    return replace(pins, tools=MappingProxyType(hashes)), definitions


def server(number: int) -> tuple[LockedServer, Definitions]:
    name = f"pkg-{number}"
    digests = [fingerprint({"of": number, "part": part}) for part in range(4)]
    pins = LockedServer(
        launch=digests[0],
        era="modern",
        package=f"{name}==1.0",
        requirements=(f"anyio==4 --hash={digests[1]}", f"{name}==1.0 --hash={digests[2]}"),
        image=f"registry.example/{name}:1@{digests[3]}",
        platforms=MappingProxyType({"linux/amd64": digests[1], "linux/arm64": digests[2]}),
    )
    return locked(pins, {f"tool_{tool}": definition(f"tool_{tool}", "The use") for tool in range(TOOLS)})


def add_server(state: State, chance: random.Random) -> State:
    # Names that people give stand anywhere among those that are there.
    name = f"server-{chance.randrange(SERVERS):03}-{chance.randrange(10**6)}"
    return {**state, name: server(chance.randrange(10**6))}


def remove_server(state: State, chance: random.Random) -> State:
    gone = chance.choice(sorted(state))
    return {name: each for name, each in state.items() if name != gone}


def change_tools(state: State, chance: random.Random) -> State:
    name = chance.choice(sorted(state))
    pins, definitions = state[name]
    tool = chance.choice(sorted(definitions))
    kind = chance.choice(("add", "change", "remove"))
    others = {key: each for key, each in definitions.items() if key != tool}
    added = f"more_{chance.randrange(10**6)}"
    changed = {
        "add": {**definitions, added: definition(added, "More")},
        "change": {**others, tool: definition(tool, f"Another use, {chance.random()},")},
        "remove": others,
    }[kind]
    return {**state, name: locked(pins, changed)}


def bump(state: State, chance: random.Random) -> State:
    name = chance.choice(sorted(state))
    pins, definitions = state[name]
    digest = fingerprint({"bump": chance.random()})
    moved = replace(
        pins,
        package=pins.package.replace("==1.0", "==2.0"),
        requirements=tuple(line.replace("==1.0", "==2.0") for line in pins.requirements),
        image=f"{pins.image.partition('@')[0]}@{digest}",
        platforms=MappingProxyType(dict.fromkeys(pins.platforms, digest)),
    )
    return {**state, name: (moved, definitions)}


EDITS: tuple[Callable[[State, random.Random], State], ...] = (add_server, remove_server, change_tools, bump)
BASE: State = {f"server-{number:03}": server(number) for number in range(SERVERS)}


def lock_of(state: State) -> Lock:
    return Lock(servers=MappingProxyType({name: pins for name, (pins, _) in sorted(state.items())}))


def texts_of(state: State) -> dict[str, bytes]:
    tools = {f"mcp-hub.tools/{name}.json": write_definitions(each) for name, (_, each) in state.items()}
    return {"mcp-hub.lock": write_lock(lock_of(state)), **tools}


def merge(folder: Path, *sides: bytes) -> bytes | None:
    """Return what git makes of base, ours and theirs, None where that is a conflict (git-merge-file(1))."""
    names = ("ours", "base", "theirs")
    base, ours, theirs = sides
    for name, text in zip(names, (ours, base, theirs), strict=True):
        (folder / name).write_bytes(text)
    done = subprocess.run(["git", "merge-file", "-p", *names], cwd=folder, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def pairs() -> Iterator[tuple[int, State, State]]:
    for seed in range(PAIRS):
        chance = random.Random(seed)  # noqa: S311  (a fixed list of seeds is the point)
        ours, theirs = (chance.choice(EDITS)(BASE, chance) for _ in range(2))
        yield seed, ours, theirs


def test_independent_edits_merge(tmp_path: Path) -> None:
    base = texts_of(BASE)
    conflicts = []
    for seed, ours, theirs in pairs():
        mine, others = texts_of(ours), texts_of(theirs)
        both = {name for name in mine.keys() & others.keys() & base.keys() if mine[name] != others[name]}
        merged = {name: merge(tmp_path, base[name], mine[name], others[name]) for name in sorted(both)}
        if None in merged.values():
            conflicts.append(seed)
        elif merged.get("mcp-hub.lock"):
            lock, _, problems = read_lock("mcp-hub.lock", merged["mcp-hub.lock"] or b"")
            assert (lock is not None, problems) == (True, ()), seed
    assert len(conflicts) <= MOST * PAIRS, conflicts


@pytest.mark.parametrize("seed", range(0, PAIRS, 10))
def test_what_resolving_keeps_is_what_one_side_had(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (a fixed list of seeds is the point)
    sides: list[State] = []
    for _ in range(2):
        state = BASE
        for _ in range(12):
            state = chance.choice(EDITS)(state, chance)
        sides.append(state)
    ours, theirs = sides
    found = resolve(lock_of(BASE), lock_of(ours), lock_of(theirs))
    for name in {*BASE, *ours, *theirs}:
        had = [each.get(name) for each in (BASE, ours, theirs)]
        changed = {side for side, each in zip(("ours", "theirs"), had[1:], strict=True) if each != had[0]}
        if len(changed) == 2 and had[1] != had[2]:
            assert name in found.asked
            assert name not in found.lock.servers
            continue
        expected = had[1] if changed != {"theirs"} else had[2]
        assert found.lock.servers.get(name) == (expected[0] if expected else None)
        if expected:
            assert not read_definitions("a", write_definitions(expected[1]), found.lock.servers[name].tools)[1]
