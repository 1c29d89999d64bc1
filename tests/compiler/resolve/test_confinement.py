import pytest

from mcphub_gitops.compiler.resolve.confinement import Mount, has_root_group, is_root, is_user


@pytest.mark.parametrize(
    ("user", "valid", "root", "group"),
    [
        ("1000", True, False, True),
        ("1000:1000", True, False, False),
        ("app", True, False, False),
        ("app:0", True, False, True),
        ("app:root", True, False, True),
        ("app:staff", True, False, False),
        ("0", True, True, True),
        ("000", True, True, True),
        ("0:1000", True, True, False),
        ("root", True, True, False),
        ("root:app", True, True, False),
        ("X", True, False, False),
        ("100", True, False, True),
        ("", False, True, False),
        (":app", False, True, False),
        ("+0", False, False, False),
        ("a b", False, False, False),
        ("\u0660", False, False, True),
        ("a" * 64, True, False, False),
        ("a" * 65, False, False, False),
    ],
)
def test_users(user: str, valid: bool, root: bool, group: bool) -> None:  # noqa: FBT001  (expected)
    assert (is_user(user), is_root(user), has_root_group(user)) == (valid, root, group)


def test_a_mount_in_words() -> None:
    assert str(Mount(kind="bind", source="/a", target="/b")) == "/a (bind, read-only)"
    assert str(Mount(kind="volume", source="a", target="/b", read_only=False)) == "a (volume, writable)"
