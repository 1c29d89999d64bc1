import json

import pytest

from mcphub_gitops.runtime.adapters.npm_pins import (
    NpmPin,
    keep_libc,
    parse_pin,
    read_lock,
    registry_range,
    split_requirement,
    write_lock,
    write_manifest,
)

HASH = f"sha512-{'A' * 86}=="
OTHER = f"sha512-{'B' * 86}=="

DEMO = (
    f"npm:@acme/demo@1.2.3-rc.1 node_modules/@acme/demo {HASH} "
    "dependencies=@acme/helper@>=1%20<3,other@npm:@else/other@*,range@^1||^2 peerDependencies=react@* "
    "bin=demo@dist/index.js engines=node@>=18 optionalPeers=react os=darwin,!win32 libc=glibc optional hasInstallScript"
)


def parsed(line: str) -> NpmPin:
    pin = parse_pin(line)
    assert pin is not None
    return pin


def lock_of(**packages: object) -> str:
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **packages}})


def test_a_line_is_read_and_written_as_it_is() -> None:
    pin = parsed(DEMO)
    assert str(pin) == DEMO
    assert (pin.name, pin.version, pin.place) == ("@acme/demo", "1.2.3-rc.1", "node_modules/@acme/demo")
    assert pin.map("bin") == {"demo": "dist/index.js"}
    assert pin.needs() == {"@acme/helper", "other", "range", "react"}
    assert pin.has("optional")
    assert not pin.has("peer")


def test_a_pin_is_an_entry_of_npms_own_lock() -> None:
    assert parsed(DEMO).entry() == {
        "version": "1.2.3-rc.1",
        "integrity": HASH,
        "dependencies": {"@acme/helper": ">=1 <3", "other": "npm:@else/other@*", "range": "^1||^2"},
        "peerDependencies": {"react": "*"},
        "bin": {"demo": "dist/index.js"},
        "engines": {"node": ">=18"},
        "peerDependenciesMeta": {"react": {"optional": True}},
        "os": ["darwin", "!win32"],
        "libc": ["glibc"],
        "optional": True,
        "hasInstallScript": True,
    }


def test_an_alias_is_told_by_its_place() -> None:
    pin = parsed(f"npm:b@1.0.0 node_modules/a/node_modules/c {HASH}")
    assert pin.entry()["name"] == "b"
    assert "name" not in parsed(f"npm:b@1.0.0 node_modules/a/node_modules/b {HASH}").entry()


@pytest.mark.parametrize(
    "line",
    [
        "demo==1.0 --hash=sha256:" + "0" * 64,
        f"npm:demo@1.0.0 {HASH}",
        "npm:demo@1.0.0 node_modules/demo",
        f"npm:demo@1.0.0 node_modules/demo sha1-{'A' * 27}=",
        f"npm:demo@1.0.0 node_modules/demo {HASH[:-3]}",
        f"npm:demo@^1.0.0 node_modules/demo {HASH}",
        f"npm:demo@1.0.0 ../demo {HASH}",
        f"npm:demo@1.0.0 node_modules/../../demo {HASH}",
        f"npm:demo@1.0.0 /node_modules/demo {HASH}",
        f"npm:demo@1.0.0 node_modules/demo/lib {HASH}",
        f"npm:node_modules@1.0.0 node_modules/node_modules {HASH}",
        f"npm:.bin@1.0.0 node_modules/.bin {HASH}",
        f"npm:demo@1.0.0 node_modules/demo {HASH} resolved=http://host/demo.tgz",
        f"npm:demo@1.0.0 node_modules/demo {HASH} link",
        f"npm:demo@1.0.0 node_modules/demo {HASH} optional=x",
        f"npm:demo@1.0.0 node_modules/demo {HASH} os",
        f"npm:demo@1.0.0 node_modules/demo {HASH} optional os=linux",
        f"npm:demo@1.0.0 node_modules/demo {HASH} optional optional",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=a@git+ssh://host/a",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=a@user/repository",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=a@file:../a",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=a@latest",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=../a@1",
        f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=a@%5E1",
        f"npm:demo@1.0.0 node_modules/demo {HASH} bin=demo@../../evil.js",
        f"npm:demo@1.0.0 node_modules/demo {HASH} bin=demo@/bin/sh",
        f"npm:demo@1.0.0 node_modules/demo {HASH} bin=a/b@x.js",
        f"npm:demo@1.0.0 node_modules/demo {HASH} ",
        f"npm:demo@1.0.0  node_modules/demo {HASH}",
        f"npm:demo@1.0.0 node_modules/demo {HASH}\n",
    ],
)
def test_nothing_else_is_a_line(line: str) -> None:
    assert parse_pin(line) is None


@pytest.mark.parametrize(
    ("requirement", "found"),
    [
        ("npm:demo", ("demo", "")),
        ("npm:demo@1.2.3", ("demo", "1.2.3")),
        ("npm:@acme/demo@1.2.3-rc.1+b", ("@acme/demo", "1.2.3-rc.1+b")),
        ("npm:@acme/demo", ("@acme/demo", "")),
        ("demo", None),
        ("npm:demo@^1", None),
        ("npm:demo@1.2", None),
        ("npm:demo@latest", None),
        ("npm:user/repository", None),
        ("npm:../demo", None),
        ("npm:demo --registry=x", None),
        ("pypi:demo", None),
    ],
)
def test_a_requirement_is_a_name_with_at_most_a_whole_version(requirement: str, found: object) -> None:
    assert split_requirement(requirement) == found


@pytest.mark.parametrize(
    ("wanted", "range_"),
    [
        ("^1.0.0", "^1.0.0"),
        ("^1.0.0 || ^2.0.0", "^1.0.0||^2.0.0"),
        (">=1.0  <2.0", ">=1.0 <2.0"),
        ("", "*"),
        ("x", "x"),
        ("v1.0.0", "v1.0.0"),
        ("1.x", "1.x"),
        ("latest", "*"),
        ("next", "*"),
        ("npm:other@^4.2.0", "npm:other@^4.2.0"),
        ("npm:@acme/other", "npm:@acme/other@*"),
        ("npm:other@latest", "npm:other@*"),
        ("npm:other@npm:third@1", ""),
        ("git+https://host/a", ""),
        ("github:user/repository", ""),
        ("user/repository", ""),
        ("https://host/a.tgz", ""),
        ("file:../a", ""),
        ("workspace:*", ""),
    ],
)
def test_what_a_registry_is_asked_for(wanted: str, range_: str) -> None:
    assert registry_range(wanted) == range_


def test_npms_lock_is_read_without_what_changes_by_itself() -> None:
    demo = {
        "version": "1.0.0",
        "integrity": f"sha1-x {HASH}",
        "license": "MIT",
        "deprecated": "use another",
        "funding": {"url": "https://host"},
        "dependencies": {"helper": "latest"},
        "peerDependencies": {"gone": "file:../gone"},
        "peerDependenciesMeta": {"gone": {"optional": True}},
        "bin": {"demo": "./cli.js"},
        "engines": {"node": ">= 18", "vscode": "1"},
    }
    helper = {
        "version": "2.0.0",
        "integrity": OTHER,
        "bin": {"helper": "x.js"},
        "engines": ["node >= 0.8"],
        "os": "linux",
    }
    text = lock_of(**{"node_modules/helper": helper, "node_modules/demo": demo})
    assert [str(pin) for pin in read_lock(text, "demo")] == [
        (
            f"npm:demo@1.0.0 node_modules/demo {HASH} dependencies=helper@* bin=demo@cli.js "
            "engines=node@>=%2018 optionalPeers=gone"
        ),
        f"npm:helper@2.0.0 node_modules/helper {OTHER} os=linux",
    ]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"resolved": "../a", "link": True}, "is a folder on this machine"),
        ({"version": "1.0.0", "inBundle": True}, "comes inside of another package"),
        (
            {"version": "1.0.0", "integrity": HASH, "resolved": "git+ssh://host/a"},
            "does not come from a package registry",
        ),
        ({"version": "1.0.0", "integrity": "sha1-x"}, "the registry gives no sha512 hash for"),
        ({"version": "1.0.0"}, "the registry gives no sha512 hash for"),
        ({"version": "one", "integrity": HASH}, "nothing that can be locked"),
        ({"version": "1.0.0", "integrity": HASH, "dependencies": {"b": "user/b"}}, "nothing that can be locked"),
    ],
)
def test_what_has_no_hash_of_a_registry_is_not_locked(entry: object, reason: str) -> None:
    with pytest.raises(ValueError, match=f"It needs `a`.*{reason}"):
        read_lock(lock_of(**{"node_modules/a": entry}), "demo")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"packages": []}'])
def test_what_is_no_lock_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not a lock"):
        read_lock(text, "demo")


def test_a_written_lock_names_the_package_and_a_folder_before_what_is_in_it() -> None:
    inner = parsed(f"npm:a@1.0.0 node_modules/z/node_modules/a {HASH}")
    outer = parsed(f"npm:z@1.0.0 node_modules/z {HASH} dependencies=a@1")
    text = write_lock("z", "1.0.0", [inner, outer])
    written = json.loads(text)
    assert list(written["packages"]) == ["", "node_modules/z", "node_modules/z/node_modules/a"]
    assert written["packages"][""]["dependencies"] == {"z": "1.0.0"}
    assert written["lockfileVersion"] == 3
    assert json.loads(write_manifest("z", "1.0.0"))["dependencies"] == {"z": "1.0.0"}
    assert read_lock(text.decode(), "z") == (inner, outer)


def test_the_c_library_that_npm_10_forgets_is_kept() -> None:
    locked = parsed(f"npm:a@1.0.0 node_modules/a {HASH} os=linux libc=musl optional")
    found = parsed(f"npm:a@1.0.0 node_modules/a {HASH} os=linux optional")
    other = parsed(f"npm:a@1.1.0 node_modules/a {OTHER} os=linux optional")
    assert keep_libc([found], [locked]) == (locked,)
    assert keep_libc([other], [locked]) == (other,)
    assert keep_libc([found], []) == (found,)
