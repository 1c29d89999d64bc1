import pytest

from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE, hide_secrets, mask, plain_without_secrets
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.source import Source, excerpt, shown_lines

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


TOKEN = "ghp_" + "0123456789" * 4


def test_a_value_is_shown_without_what_may_be_a_secret() -> None:
    assert mask(f"run --token={TOKEN} https://me:word@a.example/x") == "run --token=**** https://****@a.example/x"
    assert mask("pypi:mcp-server-time") == "pypi:mcp-server-time"


def test_lines_are_shown_as_excerpts_show_them() -> None:
    text = f"a: {TOKEN} # {TOKEN}\r\nsecrets: {{X: word, Y: 'env://Y'}}\n\nb: \x07\n".replace("\x07", "\u00a0")
    parsed = parse("t", text.encode())
    assert shown_lines(hide_secrets(parsed.source, parsed.root)) == [
        "a: **** # ****",
        "secrets: {X: ****, Y: 'env://Y'}",
        "",
        "b: <U+00A0>",
    ]
    assert shown_lines(parse("t", b"a: 1").source) == ["a: 1"]


def test_data_is_shown_without_what_excerpts_hide() -> None:
    text = "\n".join(
        [
            "name: acme",
            "url: https://me:pw@a.example/x",
            "odd: 'a q7Vd02LmXw9TzR4bKc1N'",
            "secrets: {A: env://A, B: plain, C: 12, D: [AKIAA1B2C3D4E5F6G7H81]}",
            f"ghp_{LETTERS[:36]}: 1",
        ]
    )
    parsed = parse("f", text.encode())
    assert parsed.root is not None
    assert plain_without_secrets(parsed.root, (hide_secrets(parsed.source, parsed.root),)) == {
        "name": "acme",
        "url": "https://****@a.example/x",
        "odd": "****",
        "secrets": {"A": "env://A", "B": "****", "C": "****", "D": ["****"]},
        "****": 1,
    }


def test_beside_a_token_its_groups_are_shown_and_nothing_else_is() -> None:
    text = "gateway: {auth: {tokens: {ci: {value: hunter2, groups: [platform], scope: x9}, cd: {groups: [hunter3]}}}}\n"
    document = parse("f", text.encode())
    assert document.root is not None
    source = hide_secrets(Source("f", text), document.root)
    shown, _ = excerpt(source, source.span(0, 1))
    assert "groups: [platform]" in shown
    assert not any(word in shown for word in ("hunter2", "hunter3", "x9"))
