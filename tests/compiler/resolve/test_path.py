import pytest

from mcphub_gitops.compiler.resolve.path import (
    is_below,
    looks_like_path,
    why_not_at,
    why_not_granted,
    why_not_mounted,
    why_sensitive,
)

OUTSIDE = "lies outside of the hub's folder"
OWN = "is where mcphub keeps its own files"


@pytest.mark.parametrize(
    ("word", "is_path"),
    [
        ("srv/a", True),
        ("a.py", True),
        ("a.js", True),
        ("a.mjs", True),
        ("a.cjs", True),
        ("a.ts", True),
        ("a.sh", True),
        ("..", True),
        ("../a", True),
        ("a.pyc", False),
        ("python3", False),
        ("-a/b", False),
        ("--file=a/b", False),
        ("/usr/bin/a", False),
        ("https://a.example/b", False),
        ("a b/c", False),
        ("a\u200b/c", False),
        ("a\n/c", False),
        ("", False),
    ],
)
def test_what_looks_like_a_path(word: str, is_path: bool) -> None:  # noqa: FBT001  (expected)
    assert looks_like_path(word) is is_path


@pytest.mark.parametrize(
    ("path", "folders", "found"),
    [
        ("a", {"a"}, True),
        ("a/b", {"a"}, True),
        ("a/../b", {"a"}, False),
        ("./a/b", {"a"}, True),
        ("ab", {"a"}, False),
        ("a", {"a/b"}, False),
        ("c/d", {"a", "c"}, True),
        ("a", set(), False),
    ],
)
def test_what_lies_below(path: str, folders: set[str], found: bool) -> None:  # noqa: FBT001  (expected)
    assert is_below(path, folders) is found


@pytest.mark.parametrize(
    ("path", "reading", "writing"),
    [
        ("a", "", ""),
        (".", "", "is the hub's own folder"),
        ("..", OUTSIDE, OUTSIDE),
        ("../a", OUTSIDE, OUTSIDE),
        ("..a", "", ""),
        ("/a", OUTSIDE, OUTSIDE),
        (".mcphub", OWN, OWN),
        (".mcphub/token", OWN, OWN),
        (".mcphubs", "", ""),
        (".git", "", "decides what runs"),
        (".git/hooks", "", "decides what runs"),
        ("mcp-hub.yaml", "", "decides what runs"),
        ("mcp-hub.lock", "", "decides what runs"),
        ("mcp-hub.tools/a.json", "", "decides what runs"),
        ("a/mcp-hub.yaml", "", ""),
    ],
)
def test_what_is_not_granted(path: str, reading: str, writing: str) -> None:
    assert (why_not_granted(path, "read"), why_not_granted(path, "write")) == (reading, writing)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("data", ""),
        (".", "holds mcphub's own files"),
        ("~", "begins with a tilde, which nothing here expands"),
        ("~/data", "begins with a tilde, which nothing here expands"),
        ("/srv/data", ""),
        ("/srv/hub/.mcphub", OWN),
        ("/srv/hub/.mcphub/secrets", OWN),
        ("/srv/hub/x.mcphub", ""),
        ("..", OUTSIDE),
        (".mcphub", OWN),
    ],
)
def test_what_is_never_mounted(source: str, why: str) -> None:
    assert why_not_mounted(source, "read") == why


PROGRAMS = "holds what the host's own programs run or trust"
HOME = "is somebody's home, with all that is kept there"
SOCKET = "is the socket of an engine: whoever can speak to it is root on the host"


@pytest.mark.parametrize(
    ("source", "reading", "writing"),
    [
        ("/srv/data", "", ""),
        ("data", "", ""),
        ("/", "is the whole host", "is the whole host"),
        *((path, f"belongs to {path}, which is the host's own", None) for path in ("/boot", "/dev", "/etc", "/proc")),
        *(
            (path, f"belongs to {path}, which is the host's own", None)
            for path in ("/root", "/run", "/sys", "/var/run")
        ),
        ("/etc/passwd", "belongs to /etc, which is the host's own", None),
        ("/etcetera", "", ""),
        ("/var/lib/docker/x", "belongs to /var/lib/docker, which is the host's own", None),
        ("/var/lib/containerd", "belongs to /var/lib/containerd, which is the host's own", None),
        ("/var/lib", "holds /var/lib/containerd, which is the host's own", None),
        ("/var", "holds /var/lib/containerd, which is the host's own", None),
        ("/srv/docker.sock", SOCKET, None),
        ("/var/run/docker.sock", SOCKET, None),
        ("/srv/containerd.sock", SOCKET, None),
        ("/srv/podman.sock", SOCKET, None),
        ("/srv/crio.sock", SOCKET, None),
        ("/home", HOME, None),
        ("/home/ada", HOME, None),
        ("/home/ada/data", "", ""),
        ("/srv/home", "", ""),
        *(
            (f"/home/ada/{name}", f"holds credentials (`{name}`)", None)
            for name in (".aws", ".azure", ".config", ".docker")
        ),
        *(
            (f"/home/ada/{name}", f"holds credentials (`{name}`)", None)
            for name in (".gnupg", ".kube", ".netrc", ".npmrc")
        ),
        *((f"/srv/{name}/x", f"holds credentials (`{name}`)", None) for name in (".pypirc", ".ssh", ".vault-token")),
        ("/srv/id_rsa", "holds credentials (`id_rsa`)", None),
        ("keys/id_ed25519", "holds credentials (`id_ed25519`)", None),
        ("/srv/valid_x", "", ""),
        *((path, "", PROGRAMS) for path in ("/bin", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/usr", "/usr/local")),
        ("/var/data", "", PROGRAMS),
        ("/tmp", "", "is where the host's programs put files that they trust"),  # noqa: S108  (refused)
        ("/tmp/x", "", ""),  # noqa: S108
    ],
)
def test_what_is_sensitive(source: str, reading: str, writing: str | None) -> None:
    assert why_sensitive(source) == reading
    assert why_sensitive(source, writable=True) == (reading if writing is None else writing)


@pytest.mark.parametrize(
    ("real", "writable", "why"),
    [
        ("/srv/hub/data", True, ""),
        ("/srv/hub/.mcphub/x", False, OWN),
        ("/srv/hub", False, "holds mcphub's own files"),
        ("/srv", False, "holds the hub's own folder"),
        ("/", False, "holds the hub's own folder"),
        ("/srv/hub2/data", True, ""),
        ("/srv/other/.mcphub", False, OWN),
    ],
)
def test_a_place_without_links_is_mounted_or_not(real: str, why: str, *, writable: bool) -> None:
    assert why_not_at(real, "/srv/hub", writable=writable, as_named=False) == why


def test_what_is_sensitive_is_mounted_where_it_was_granted_as_it_is() -> None:
    assert why_not_at("/etc/ssl", "/srv/hub", writable=False, as_named=False)
    assert why_not_at("/etc/ssl", "/srv/hub", writable=False, as_named=True) == ""
