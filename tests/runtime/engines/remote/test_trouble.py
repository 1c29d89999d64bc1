"""What statuses mean, in words."""

import pytest

from mcphub_gitops.runtime.engines.remote.trouble import REFUSED, UNAVAILABLE, status_trouble
from mcphub_gitops.runtime.gateway import wire


def test_the_codes_are_those_of_the_gateway() -> None:
    assert (UNAVAILABLE, REFUSED) == (wire.UNAVAILABLE, wire.REFUSED)


@pytest.mark.parametrize(
    ("status", "code", "lasting", "words"),
    [
        (401, REFUSED, True, "wants credentials (status 401)"),
        (403, REFUSED, True, "wants other credentials (status 403)"),
        (404, UNAVAILABLE, True, "status 404 (Not Found)"),
        (429, UNAVAILABLE, False, "status 429 (Too Many Requests)"),
        (500, UNAVAILABLE, False, "status 500"),
        (503, UNAVAILABLE, False, "status 503 (Service Unavailable)"),
        (599, UNAVAILABLE, False, "status 599"),
    ],
)
def test_a_status_is_told_with_its_meaning(status: int, code: int, words: str, *, lasting: bool) -> None:
    trouble = status_trouble(status)
    assert (trouble.code, trouble.lasting, trouble.unknown) == (code, lasting, status == 401)
    assert words in trouble.words


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://other.example/mcp?token=secret", "to https://other.example (status 307)"),
        ("/elsewhere?token=secret", "to another place (status 307)"),
        ("https://user:secret@other.example/", "to another place (status 307)"),
        ("https://evil\x1b[31m.example/secret", "to another place (status 307)"),
        ("", "to another place (status 307)"),
    ],
)
def test_a_redirect_names_the_origin_alone(location: str, words: str) -> None:
    trouble = status_trouble(307, location)
    assert words in trouble.words
    assert "secret" not in trouble.words
    assert trouble.lasting
