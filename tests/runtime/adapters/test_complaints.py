"""The texts are what uv 0.13.9 said; test_packages has uv itself say most of them."""

import pytest

from mcphub_gitops.runtime.adapters.complaints import explain, is_final, mask, to_failure

NONE = "error: No solution found when resolving dependencies\n  cause: "
SO = ", we can conclude that your requirements are unsatisfiable."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("at http://bob:hunter2@host.example:81/simple/six/", "at http://host.example:81/…"),
        ("(https://host.example/t0ken/simple?key=hunter2)", "(https://host.example/…"),
        ("for `https://host.example/simple`, why", "for `https://host.example/…`, why"),
        ("'https://bob:pa/ss@host/simple' for", "'https://host/…' for"),
        ("https://bob:pa/hunter2", "https://…"),
        ("git+ssh://hunter2@[::1]:22/x", "git+ssh://[::1]:22/…"),
        ("no address: a//b @ c", "no address: a//b @ c"),
        ("red \x1b[31m\x07 end\n  next", "red \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER} end\n  next"),
    ],
)
def test_of_an_address_only_the_host_is_shown(said: str, shown: str) -> None:
    assert mask(said) == shown


def test_only_a_search_that_asked_everything_is_final() -> None:
    nothing = f"{NONE}Because six was not found in the package registry and you require six{SO}"
    assert is_final(1, nothing)
    assert not is_final(2, nothing)
    assert not is_final(1, "error: Failed to fetch: http://127.0.0.1:9/…")
    assert not is_final(1, "")
    for hint in (
        "An index URL (http://h/…) could not be queried due to a lack of valid authentication credentials (401 …)",
        "An index (http://h/…) returned a 403 Forbidden error. Check that the index URL is correct.",
        "Packages were unavailable because the network was disabled.",
        "Packages were unavailable because index lookups were disabled and no additional package locations were given",
    ):
        assert not is_final(1, f"{nothing}\n\nhint: {hint}")


@pytest.mark.parametrize(
    ("name", "version", "said", "newest", "sentence"),
    [
        (
            "six",
            "",
            f"Because six was not found in the package registry and you require six{SO}",
            "",
            "The package index has no package called `six`.",
        ),
        (
            "six",
            "99",
            f"Because there is no version of six==99 and you require six==99{SO}",
            "1.17.0",
            "`six` has no version 99; the newest version that can be used is 1.17.0.",
        ),
        (
            "six",
            "",
            f"Because there are no versions of six and you require six{SO}",
            "",
            "`six` has no version in the package index.",
        ),
        (
            "docopt",
            "",
            f"Because all versions of docopt have no usable wheels and you require docopt{SO}\n\nhint: Wheels are …",
            "",
            "`docopt` is published as source only, and building it would run code that nobody locked.",
        ),
        (
            "docopt",
            "0.6.2",
            f"Because docopt==0.6.2 has no usable wheels and you require docopt==0.6.2{SO}",
            "0.6.3",
            (
                "`docopt` 0.6.2 is published as source only, and building it would run code that nobody locked; "
                "the newest version that can be used is 0.6.3."
            ),
        ),
        (
            "a-b",
            "0.3.0",
            (
                "Because the requested Python version (>=3.11) does not satisfy Python>=3.12 and a-b==0.3.0 depends on "
                "Python>=3.12, we can conclude that a-b==0.3.0 cannot be used.\n         And because only a-b<=0.3.0 "
                f"is available and you require a-b==0.3.0{SO}"
            ),
            "0.2.0",
            (
                "`a-b` 0.3.0 needs Python >=3.12, and a lock holds for 3.11 and later; the newest version that can be "
                "used is 0.2.0."
            ),
        ),
        (
            "a-b",
            "",
            "Because all versions of a-b depend on c>2 and only\n         c==1 is available, we can conclude so.",
            "",
            (
                "`a-b` cannot be resolved. Because all versions of a-b depend on c>2 and only c==1 is available, "
                "we can conclude so."
            ),
        ),
    ],
)
def test_why_there_are_no_pins_is_one_sentence(name: str, version: str, said: str, newest: str, sentence: str) -> None:
    assert explain(name, version, NONE + said, newest) == sentence


@pytest.mark.parametrize(
    ("said", "reason", "retryable"),
    [
        ("Failed to download `six==1`\n  cause: Hash mismatch for `six==1`", "not the one that was locked", False),
        ("Failed to install: six\n  cause: No space left on device (os error 28)", "the disk is full", True),
        ("Failed to initialize cache at `/c`\n  cause: Permission denied (os error 13)", "cannot be read or", False),
        ("Failed to download `six==1`\n  cause: Network connectivity is disabled, but", "stay offline", False),
        ("the argument `offline` (workspace configuration) cannot be used with `--refresh`", "stay offline", False),
        ("Failed to fetch: https://h/…\n  cause: invalid peer certificate: UnknownIssuer", "secure connection", False),
        ("Failed to fetch: https://h/…\n  cause: received corrupt message of type Inva", "secure connection", False),
        ("Failed to fetch: http://h/…\n  cause: HTTP status client error (407 Proxy Aut", "credentials", False),
        (f"{NONE}Because\n\nhint: An index (http://h/…) returned a 403 Forbidden error.", "credentials", False),
        ("No interpreter found at path `/nonexistent/python`", "base Python", False),
        ("Failed to parse: /etc/uv/uv.toml\n  cause: TOML parse error at line 1", "configuration is wrong", False),
        ("Failed to fetch: http://h/…\n  cause: tcp connect error\n  cause: refused (os error 111)", "answer", True),
        ("Failed to fetch: http://h/…\n  cause: HTTP status server error (503 Service)", "answer as it", True),
        (f"{NONE}Because a==1 has no wheels with a matching platform tag (e.g., `m`)", "no wheel of it", False),
        (f"{NONE}Because the current Python version (3.11.2) does not satisfy Python>=3.12", "this Python", False),
        (f"{NONE}Because there is no version of six==99 and you require six==99", "not have what was locked", False),
        ("something that nobody foresaw", "uv failed", False),
        ("", "uv failed", False),
    ],
)
def test_a_complaint_becomes_a_failure_that_says_what_to_do(said: str, reason: str, retryable: bool) -> None:  # noqa: FBT001  (a table's column)
    failure = to_failure("six cannot be installed", said)
    assert failure.brief.startswith("six cannot be installed: ")
    assert reason in failure.brief
    assert failure.retryable == retryable
    assert failure.detail == (said or "it said nothing")
    assert failure.resolution or "uv failed" in reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            f"{NONE}Because a==1 has no wheels with a matching platform tag (e.g., `m`)",
            "there is no wheel of it for python3.12-musl on this machine's architecture",
        ),
        (
            f"{NONE}Because a==1 has no wheels with a matching Python ABI tag (e.g., `cp312`)",
            "there is no wheel of it for python3.12-musl on this machine's architecture",
        ),
        (
            f"{NONE}Because the requested Python version (3.12.0) does not satisfy Python>=3.13",
            "it does not run on python3.12-musl",
        ),
    ],
)
def test_what_a_containers_interpreter_cannot_run_is_told_as_such(said: str, reason: str) -> None:
    failure = to_failure("a cannot be installed", said, target="python3.12-musl")
    assert failure.brief == f"a cannot be installed: {reason}"
    assert "base image" in failure.resolution


def test_what_has_nothing_to_do_with_the_interpreter_is_told_as_ever() -> None:
    said = "Failed to download `six==1`\n  cause: Hash mismatch for `six==1`"
    assert vars(to_failure("a", said, target="python3.12-gnu")) == vars(to_failure("a", said))
