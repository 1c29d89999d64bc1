import pytest

from mcphub_gitops.runtime.adapters.npm_complaints import explain, is_final, to_failure
from mcphub_gitops.runtime.adapters.npm_program import Said


@pytest.mark.parametrize(
    ("code", "reason", "retryable"),
    [
        ("EINTEGRITY", "is not the one that was locked", False),
        ("ENOSPC", "the disk is full", True),
        ("EACCES", "cannot be read or written", False),
        ("ENOTCACHED", "stay offline", False),
        ("SELF_SIGNED_CERT_IN_CHAIN", "no secure connection", False),
        ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "no secure connection", False),
        ("ERR_TLS_CERT_ALTNAME_INVALID", "no secure connection", False),
        ("E401", "refuses the credentials", False),
        ("EBADPLATFORM", "not for this machine", False),
        ("EUSAGE", "do not fit together", False),
        ("ETARGET", "does not have what was locked", False),
        ("E503", "does not answer as it should", True),
        ("E429", "does not answer as it should", True),
        ("ECONNREFUSED", "does not answer as it should", True),
        ("EAI_AGAIN", "does not answer as it should", True),
        ("ERR_SOCKET_TIMEOUT", "does not answer as it should", True),
        ("", "npm failed", False),
        ("EWHATEVER", "npm failed", False),
    ],
)
def test_an_error_is_told_by_its_code(code: str, reason: str, retryable: bool) -> None:  # noqa: FBT001  (a table)
    failure = to_failure("x cannot be installed", Said(status=1, code=code, words="words"))
    assert failure.brief.startswith("x cannot be installed: ")
    assert reason in failure.brief
    assert failure.detail == "words"
    assert failure.retryable == retryable


def test_a_run_that_said_nothing_is_told_as_such() -> None:
    assert to_failure("x", Said(status=1)).detail == "it said nothing"


@pytest.mark.parametrize(
    ("code", "words", "final"),
    [
        ("E404", "", True),
        ("ETARGET", "", True),
        ("ERESOLVE", "", True),
        ("EALLOWGIT", "", True),
        ("1", "An unknown git error occurred", True),
        ("E401", "", False),
        ("E500", "", False),
        ("ECONNREFUSED", "", False),
        ("ENOTCACHED", "", False),
        ("", "", False),
    ],
)
def test_only_what_the_registry_was_asked_about_is_final(code: str, words: str, final: bool) -> None:  # noqa: FBT001
    assert is_final(Said(status=1, code=code, words=words)) == final


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            Said(status=1, code="E404", words="Not Found - GET http://host/…\n'demo@1.0.0' is not in this registry."),
            "The package registry has no package called `demo`.",
        ),
        (
            Said(status=1, code="ETARGET", words="No matching version found for demo@1.0.0."),
            "`demo` has no version 1.0.0; the newest version is 0.9.0.",
        ),
        (
            Said(status=1, code="E404", words="Not Found\n'@acme/other@1' is not in this registry."),
            "`demo` 1.0.0 needs `@acme/other`, which the package registry does not have.",
        ),
        (
            Said(status=1, code="ETARGET", words="No matching version found for other@^7."),
            "`demo` 1.0.0 cannot be locked. No matching version found for other@^7.",
        ),
        (
            Said(status=1, code="EALLOWGIT", words='Refusing to fetch "n@github:a/b"'),
            (
                "`demo` 1.0.0 needs something that does not come from a package registry. "
                'Refusing to fetch "n@github:a/b"'
            ),
        ),
    ],
)
def test_why_a_package_cannot_be_locked_is_a_sentence(said: Said, sentence: str) -> None:
    assert explain("demo", "1.0.0", said, "0.9.0") == sentence
