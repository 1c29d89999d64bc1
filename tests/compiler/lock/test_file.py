from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.lock.file import read_lock, write_lock
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog, LockedServer

DIGEST = "sha256:" + "0" * 64
LOCK = Lock(
    servers=MappingProxyType(
        {
            "time": LockedServer(
                launch=DIGEST,
                era="modern",
                package="mcp-server-time==1",
                requirements=("mcp-server-time==1 --hash=" + DIGEST,),
                tools=MappingProxyType({"b": DIGEST, "a": DIGEST}),
            ),
            "notes": LockedServer(launch=DIGEST, era="legacy", files=MappingProxyType({"a/b.py": DIGEST})),
        }
    )
)


def test_what_is_written_is_read() -> None:
    lock, _, problems = read_lock("mcp-hub.lock", write_lock(LOCK))
    assert problems == ()
    assert lock == LOCK


def test_catalogs_are_written_and_read_beside_the_servers() -> None:
    catalogs = {
        "docker": LockedCatalog(source="catalog.yaml", digest=DIGEST),
        "ours": LockedCatalog(source="https://git.example/a.git@main:a.yaml", digest=DIGEST, commit="0" * 40),
    }
    lock = Lock(servers=LOCK.servers, catalogs=MappingProxyType(catalogs))
    assert read_lock("mcp-hub.lock", write_lock(lock))[0] == lock


def test_a_lock_without_catalogs_is_as_it_was_before_there_were_any() -> None:
    assert b"catalogs" not in write_lock(LOCK)


def test_one_tool_a_line_and_sorted() -> None:
    lines = write_lock(LOCK).decode().splitlines()
    assert [line.strip() for line in lines if line.strip().startswith(('"a"', '"b"'))] == [
        f'"a": "{DIGEST}",',
        f'"b": "{DIGEST}"',
    ]
    assert lines.index('    "notes": {') < lines.index('    "time": {')


def test_a_wrong_lock_is_told_at_its_place() -> None:
    text = write_lock(LOCK).replace(b'"era": "legacy"', b'"erra": "legacy"')
    lock, _, problems = read_lock("mcp-hub.lock", text)
    assert lock is None
    assert sorted(f"{each.span} {each.code.name}" for each in problems) == [
        "mcp-hub.lock:4:5 MH203",
        "mcp-hub.lock:5:7 MH201",
    ]


def test_a_key_given_twice_is_refused() -> None:
    text = write_lock(LOCK).replace(b'"b": "sha', b'"a": "sha')
    lock, _, problems = read_lock("mcp-hub.lock", text)
    assert lock is None
    assert [each.code.name for each in problems] == ["MH105"]


@pytest.mark.parametrize(
    "data", [b'{"format": "\\ud800", "servers": {}}', b"[" * 500 + b"]" * 500, b"[" * 100_000, b""]
)
def test_what_no_lock_can_be_is_refused(data: bytes) -> None:
    lock, _, problems = read_lock("mcp-hub.lock", data)
    assert lock is None
    assert problems


@pytest.mark.parametrize(
    ("change", "place"),
    [((b"{\n", b"{ # by hand\n"), "mcp-hub.lock:1:3"), ((b'"format"', b"format"), "mcp-hub.lock:2:3")],
)
def test_yaml_that_is_no_json_is_no_lock(change: tuple[bytes, bytes], place: str) -> None:
    lock, _, problems = read_lock("mcp-hub.lock", write_lock(LOCK).replace(*change, 1))
    assert lock is None
    assert [(each.code.name, str(each.span)) for each in problems] == [("MH104", place)]
    assert "restore it from git" in problems[0].help
