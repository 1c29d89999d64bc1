import pytest

from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE, hide_secrets
from mcphub_gitops.compiler.source import Source, excerpt

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ"


@pytest.mark.parametrize(
    "token",
    [
        *(f"ghp_{LETTERS[:36]}", f"github_pat_{LETTERS[:30]}", f"glpat-{LETTERS[:20]}", f"sk-{LETTERS[:24]}"),
        *(f"xoxb-{LETTERS[:12]}", "AKIA" + "A1B2C3D4E5F6G7H8", f"AIza{LETTERS[:35]}", f"npm_{LETTERS[:36]}"),
        *(f"hvs.{LETTERS[:24]}", f"hvb.{LETTERS[:24]}", f"dckr_pat_{LETTERS[:24]}", f"glsa_{LETTERS[:32]}_0a1b2c3d"),
        *(f"sk_live_{LETTERS[:24]}", f"rk_live_{LETTERS[:24]}", f"SG.{LETTERS[:22]}.{LETTERS[:43]}"),
        *(f"pypi-AgEIcHlwaS5vcmc{LETTERS}", "-----BEGIN OPENSSH PRIVATE KEY-----"),
    ],
)
def test_tokens_are_known_by_their_shape(token: str) -> None:
    assert TOKEN_SHAPE.search(f"--token={token}")


@pytest.mark.parametrize(
    "text", ["npm_config_cache", "sk-learn", "SG.example", "hvs.short", "dckr_pat_", "pypi-server", "glsa_"]
)
def test_what_only_begins_like_one_is_none(text: str) -> None:
    assert not TOKEN_SHAPE.search(text)


def test_places_that_overlap_are_hidden_as_one() -> None:
    text = "a: https://user:q7Vd02LmXw9TzR4bKc1N@host b: q7Vd02LmXw9TzR4bKc1N c"
    source = hide_secrets(Source("f", text), None)
    shown, _ = excerpt(source, source.span(0, 1))
    assert shown == "a: https://****@host b: **** c"
    assert len(source.hidden) == 2


def test_what_holds_nothing_is_left_as_it_is() -> None:
    source = Source("f", "name: acme")
    assert hide_secrets(source, None) is source
