"""An answer that is remembered is given where nothing moved, and nowhere else: each way in which a world may differ."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mcphub_gitops.runtime.cli import entry, lazy, remembered
from mcphub_gitops.runtime.questions import fingerprint
from tests.support.unchanged import FILES, Applied, applied

Change = Callable[[Applied], object]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Applied]:
    with applied(tmp_path / "hub", monkeypatch) as found:
        yield found


def container(world: Applied, server: str = "search") -> str:
    return next(name for name in world.engine.containers if f"-{server}-" in name)


def edit(name: str, text: str) -> Change:
    def change(world: Applied) -> None:
        path = world.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return change


def seen(*keys: str, value: object) -> Change:
    """Change what the engine says of a container."""

    def change(world: Applied) -> None:
        document = world.engine.containers[container(world)]
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


def gone(world: Applied) -> None:
    del world.engine.containers[container(world)]


def renamed(world: Applied) -> None:
    document = world.engine.containers.pop(container(world))
    world.engine.containers["other"] = {**document, "Name": "/other"}


def another(world: Applied) -> None:
    document = world.engine.containers[container(world)]
    world.engine.containers["stray"] = {**document, "Name": "/stray"}


def older(world: Applied) -> None:
    world.engine.version = "1.40"


def refusing(world: Applied) -> None:
    world.engine.refuses = True


def moved(world: Applied) -> None:
    generation = world.runtime / "generations" / "7"
    generation.mkdir()
    (world.runtime / "current").unlink()
    (world.runtime / "current").symlink_to("generations/7")


def same_size_and_time(world: Applied) -> None:
    lock = world.folder / "mcp-hub.lock"
    status, text = lock.stat(), lock.read_text("utf-8")
    place = text.index("sha256:", text.index("registry.example/search")) + len("sha256:")
    lock.write_text(text[:place] + ("1" if text[place] == "0" else "0") + text[place + 1 :], "utf-8")
    os.utime(lock, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = lock.stat()
    assert (after.st_size, after.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert lock.read_text("utf-8") != text


def linked(world: Applied) -> None:
    (world.folder / "docs").rename(world.folder / "moved")
    (world.folder / "docs").symlink_to("moved")


def another_folder(world: Applied) -> None:
    (world.folder / "docs").rename(world.folder / "moved")
    (world.folder / "docs").mkdir()


DENYING = FILES["policies/base.yaml"].replace("!=", "==")

SEEN_BY_BOTH: dict[str, Change] = {
    "stopped": seen("State", "Status", value="exited"),
    "paused": seen("State", "Status", value="paused"),
    "restarting": seen("State", "Status", value="restarting"),
    "removed": gone,
    "renamed": renamed,
    "one more": another,
    "memory": seen("HostConfig", "Memory", value=1),
    "processes": seen("HostConfig", "PidsLimit", value=1),
    "privileged": seen("HostConfig", "Privileged", value=True),
    "network": seen("NetworkSettings", "Networks", value={"none": {}, "bridge": {}}),
    "variables": seen("Config", "Env", value=["OTHER=1"]),
    "other spec": seen("Config", "Labels", "io.mcphub.spec", value="sha256:2"),
    "not ours": seen("Config", "Labels", value={}),
    "other lineage on the engine": seen("Config", "Labels", "io.mcphub.lineage", value="b-lineage"),
    "engine too old": older,
    "engine refuses": refusing,
    "hub": edit("mcp-hub.yaml", FILES["mcp-hub.yaml"].replace("search:1", "search:2")),
    "hub broken": edit("mcp-hub.yaml", "{"),
    "lock": same_size_and_time,
    "lock gone": lambda world: (world.folder / "mcp-hub.lock").unlink(),
    "definitions": edit("mcp-hub.tools/find.json", "{}"),
    "definitions gone": lambda world: (world.folder / "mcp-hub.tools/find.json").unlink(),
    "included file": edit("teams/a.yaml", FILES["teams/a.yaml"].replace("find:1", "find:2")),
    "included file more": edit("teams/b.yaml", "servers: {late: {image: 'registry.example/late:1'}}\n"),
    "included file gone": lambda world: (world.folder / "teams/a.yaml").unlink(),
    "included file with two names": lambda world: os.link(world.folder / "teams/a.yaml", world.folder / "x.yaml"),
    "policy": edit("policies/base.yaml", DENYING),
    "policy more": edit("policies/b.yaml", DENYING.replace("allowed", "denied")),
    "another policy": edit("policies/b.yaml", FILES["policies/base.yaml"].replace("allowed", "again")),
    "policy gone": lambda world: (world.folder / "policies/base.yaml").unlink(),
    "program of a secret": edit("tools/token.sh", "tools/other.sh"),
    "program of a secret gone": lambda world: (world.folder / "tools/token.sh").unlink(),
    "mount leads elsewhere": linked,
    "mount gone": lambda world: shutil.rmtree(world.folder / "docs"),
    "other generation": moved,
    "no generation": lambda world: (world.runtime / "current").unlink(),
    "plan": edit(".mcphub/current/plan.json", "{}"),
    "state": edit(".mcphub/current/state.json", "{}"),
    "gateway's file": edit(".mcphub/current/gateway.json", "{}"),
    "lineage": edit(".mcphub/lineage", "b-lineage\n"),
    "secret gone": lambda world: (world.runtime / "secrets/search/FILE").unlink(),
    "secret more": edit(".mcphub/secrets/search/OLD", "x"),
    "secret of another": edit(".mcphub/secrets/old/FILE", "x"),
    "private folder": lambda world: (world.runtime / "scratch/old").mkdir(),
    "open to others": lambda world: world.runtime.chmod(0o777),
    "generations open to others": lambda world: (world.runtime / "generations").chmod(0o777),
}


@pytest.mark.parametrize("change", SEEN_BY_BOTH.values(), ids=SEEN_BY_BOTH.keys())
def test_what_an_apply_would_find_is_found(world: Applied, change: Change) -> None:
    world.remember()
    change(world)
    assert not world.repeats()
    assert world.decides() != ""


HARMLESS: dict[str, Change] = {
    "started again": seen("State", "StartedAt", value="2026-11-29T07:00:00Z"),
    "program": seen("Config", "Entrypoint", value=["/bin/sh"]),
    "somebody is inside": seen("ExecIDs", value=["1"]),
    "image gone": lambda world: world.engine.images.clear(),
    "engine is newer": lambda world: setattr(world.engine, "version", "1.45"),
    "a folder is gone": lambda world: (world.runtime / "probes").rmdir(),
    "an empty folder for packages": lambda world: (world.runtime / "packages/x").mkdir(),
    "a comment": edit("mcp-hub.yaml", FILES["mcp-hub.yaml"] + "# words\n"),
    "mount's inode": another_folder,
    "record gone": lambda world: (world.runtime / "unchanged").unlink(),
    "record damaged": lambda world: (world.runtime / "unchanged").write_bytes(b"x"),
    "record readable": lambda world: (world.runtime / "unchanged").chmod(0o644),
    "lock of the writer gone": lambda world: (world.runtime / "writer.lock").unlink(),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_not_the_same_is_decided_anew(world: Applied, change: Change) -> None:
    world.remember()
    change(world)
    assert not world.repeats()
    assert world.decides() == ""


def test_a_record_that_is_a_link_or_has_a_byte_changed_is_none(world: Applied) -> None:
    world.remember()
    record = world.runtime / "unchanged"
    data = record.read_bytes()
    for place in (0, 70, len(data) // 2, len(data) - 1):
        record.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert not world.repeats()
    record.rename(world.folder / "elsewhere")
    record.symlink_to(world.folder / "elsewhere")
    (world.folder / "elsewhere").write_bytes(data)
    assert not world.repeats()
    record.unlink()
    (world.folder / "elsewhere").rename(record)
    assert world.repeats()


def test_it_says_what_the_ordinary_way_says(world: Applied, capsys: pytest.CaptureFixture[str]) -> None:
    world.remember()
    capsys.readouterr()
    world.engine.asked.clear()
    assert world.repeats("--auto-approve")
    said = capsys.readouterr()
    assert said.out.startswith("No changes. What is applied is what the hub and its lock say.\nReview digest: sha256:")
    assert said.err == ""
    assert len(world.engine.asked) == 6
    assert {each.partition(" ")[0] for each in world.engine.asked} == {"GET"}


class _Full:
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device", text)


@pytest.mark.parametrize("output", [_Full(), None], ids=["full", "closed"])
def test_an_output_that_takes_nothing_is_left_to_the_ordinary_way(
    world: Applied, monkeypatch: pytest.MonkeyPatch, output: object
) -> None:
    world.remember()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        assert not world.repeats()
    assert world.repeats()


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan.json"],
        ["--replace", "search"],
        ["--expect", "sha256:1"],
        ["--as-of", "2026-11-29"],
        ["--output", "github"],
        ["--env", "prod"],
        ["--env", ""],
        ["--env"],
        ["--file", "other.yaml"],
        ["--file", ""],
        ["--file", "../hub/"],
        ["--file=mcp-hub.yaml"],
        ["--auto-approve", "--auto-approve"],
        ["-f", "mcp-hub.yaml", "--file", "mcp-hub.yaml"],
        ["--help"],
        ["--unknown"],
    ],
    ids=" ".join,
)
def test_other_ways_to_ask_are_not_answered(world: Applied, arguments: list[str]) -> None:
    world.remember()
    assert not world.repeats(*arguments)


@pytest.mark.parametrize("arguments", [["-f", "mcp-hub.yaml"], ["--file", "../hub/mcp-hub.yaml", "--auto-approve"]])
def test_the_same_project_by_another_way_is_answered(world: Applied, arguments: list[str]) -> None:
    world.remember()
    assert world.repeats(*arguments)


def test_another_document_in_the_folder_is_another_project(world: Applied) -> None:
    world.remember()
    (world.folder / "other.yaml").write_text(FILES["mcp-hub.yaml"], "utf-8")
    assert not world.repeats("-f", "other.yaml")


def test_whoever_changes_something_is_waited_for_by_the_ordinary_way(world: Applied) -> None:
    world.remember()
    with (world.runtime / "writer.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not world.repeats()
        assert "LockHeldError" in world.decides()
    assert world.repeats()


@pytest.mark.parametrize(
    ("name", "value"),
    [("HOME", "/elsewhere"), ("DOCKER_CONFIG", "/x"), ("XDG_CACHE_HOME", "/x"), ("PYTHONPATH", "/x"), ("LC_ALL", "C")],
)
def test_another_environment_is_asked_anew(
    world: Applied, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    world.remember()
    monkeypatch.setenv(name, value)
    assert not world.repeats()


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://10.0.0.1:2375", ""])
def test_another_engine_is_asked_anew(world: Applied, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    world.remember()
    monkeypatch.setenv("DOCKER_HOST", host)
    assert not world.repeats()
    assert world.decides() != ""


def test_an_engine_that_is_gone_is_told_by_the_ordinary_way(world: Applied) -> None:
    world.remember()
    Path(world.engine.socket).unlink()
    assert not world.repeats()
    # The engine's socket is looked for among what is mounted before it is asked.
    assert "the Docker engine cannot be reached" in world.decides()


def test_another_day_or_user_is_asked_anew(world: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    world.remember()
    tomorrow = time.gmtime(time.time() + 24 * 3600)
    with monkeypatch.context() as patch:
        patch.setattr(time, "gmtime", lambda: tomorrow)
        assert not world.repeats()
        # What is decided on that day holds on it.
        world.remember()
    assert not world.repeats()
    world.remember()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getgroups", lambda: [4711])
        assert not world.repeats()


def test_a_day_that_was_asked_for_is_remembered_as_that_day(world: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.decides("--as-of", "2027-01-02") == ""
    assert not world.repeats()
    then = time.strptime("2027-01-02", "%Y-%m-%d")
    monkeypatch.setattr(time, "gmtime", lambda: then)
    assert world.repeats()


def test_a_program_that_was_replaced_asks_anew(world: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "program"
    for name in ("compiler", "runtime/cli", "schemas", "templates"):
        (top / name).mkdir(parents=True)
    code = top / "compiler/phase.py"
    code.write_text("A = 1\n", "utf-8")
    monkeypatch.setattr(remembered, "__file__", str(top / "runtime/cli/remembered.py"))
    world.remember()
    status = code.stat()
    code.write_text("A = 2\n", "utf-8")
    os.utime(code, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not world.repeats()
    world.remember()
    (top / "compiler/more.py").write_text("", "utf-8")
    assert not world.repeats()


def test_a_package_that_comes_or_goes_asks_anew(
    world: Applied, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    (packages / "click-8.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(packages))
    world.remember()
    (packages / "click-8.dist-info").rename(packages / "click-9.dist-info")
    assert not world.repeats()


def test_a_program_that_is_replaced_meanwhile_remembers_nothing(
    world: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter("ab")
    monkeypatch.setattr(remembered, "_program", lambda: iter((next(times),)))
    assert world.decides() == ""
    assert not (world.runtime / "unchanged").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mcp-hub.yaml", FILES["mcp-hub.yaml"].replace("teams/*.yaml", "*/a.yaml")),
        ("mcp-hub.yaml", FILES["mcp-hub.yaml"].replace("policies/*.yaml", "policies/**/*.yaml")),
        ("policies/base.yaml", FILES["policies/base.yaml"].replace("level: deny", "level: warn").replace("!=", "==")),
    ],
    ids=["a pattern over folders", "a pattern over all folders", "a warning"],
)
def test_what_cannot_be_asked_again_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    with applied(tmp_path / "hub", monkeypatch, {**FILES, name: text}) as world:
        said = world.decides()
        assert said == "" or said.startswith("0 ")
        assert not (world.runtime / "unchanged").exists()


def test_mounts_are_the_same_in_any_order(world: Applied) -> None:
    mounts = world.engine.containers[container(world)]["Mounts"]
    assert len(mounts) == 3
    world.remember()
    mounts.reverse()
    assert world.repeats()
    mounts[0]["Source"] = "/elsewhere"
    assert not world.repeats()


def test_no_secret_or_address_stands_in_the_record(world: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_AUTH", "hunter2")
    world.remember()
    record = (world.runtime / "unchanged").read_bytes()
    assert b"hunter2" not in record
    assert (world.runtime / "unchanged").stat().st_mode & 0o777 == 0o600
    about, said, engine, _ = json.loads(record.partition(b"\n")[2])
    assert about[:5] == [
        remembered.FORMAT,
        str(world.folder),
        "mcp-hub.yaml",
        "",
        time.strftime("%Y-%m-%d", time.gmtime()),
    ]
    assert said.startswith("No changes. What is applied is what the hub and its lock say.\n")
    assert engine == world.engine.socket


def test_the_door_leaves_to_the_program_what_is_not_remembered(
    world: Applied, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded: list[str] = []
    load = lazy.load

    def note(name: str) -> ModuleType:
        loaded.append(name)
        return load(name)

    monkeypatch.setattr(lazy, "load", note)
    world.remember()
    for arguments, rooms in (
        (["apply"], ["remembered"]),
        (["apply", "--help"], ["remembered", "main", "apply"]),
        (["--version"], ["main"]),
    ):
        loaded.clear()
        monkeypatch.setattr(sys, "argv", ["mcphub", *arguments])
        with pytest.raises(SystemExit) as raised:
            entry.main()
        assert raised.value.code == 0
        assert loaded == rooms
    capsys.readouterr()


def test_little_is_loaded_for_it() -> None:
    # What an editable install loads by itself is no part of it.
    code = "import sys; had = {*sys.modules}; import mcphub_gitops.runtime.cli.remembered; print(*{*sys.modules} - had)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("mcphub_gitops.")}
    assert ours == {
        f"mcphub_gitops.{name}"
        for name in (
            *("runtime", "runtime.cli", "runtime.cli.remembered", "runtime.questions"),
            *("runtime.engines", "runtime.engines.docker", "runtime.engines.docker.replies"),
        )
    }
    assert not loaded & {"click", "asyncio", "pathlib", "yaml", "socket", "hashlib", "typing", "dataclasses"}


def test_parts_of_what_is_compared_are_kept_apart() -> None:
    assert fingerprint((b"ab", b"c")) != fingerprint((b"a", b"bc"))
    assert fingerprint((b"a",)) != fingerprint((b"a", b""))
