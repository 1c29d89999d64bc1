from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.template import (
    Fault,
    Scope,
    SecretValue,
    Word,
    expand,
    expand_argument,
    expand_env,
    expand_volume,
)

TOKEN = {"API_TOKEN": Word(parts=(SecretValue("API_TOKEN"),))}
DRIVE = "C:\\data\\in"


def scope_of(*given: Any, declared: str = "s.v s.w s.deep.er") -> Scope:  # noqa: ANN401  (any JSON value)
    """Return a scope where `s.v` and `s.w` have the values of `given`, as far as there are any."""
    return Scope(values={"s": dict(zip(("v", "w"), given, strict=False))}, declared=frozenset(declared.split()))


def expanded(template: str, *given: Any) -> object:  # noqa: ANN401  (any JSON value)
    found = expand(template, scope_of(*given))
    assert found.faults == ()
    return found.value


def faults_of(template: str, *given: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401  (any JSON value)
    faults = expand(template, scope_of(*given)).faults
    return [(each.detail, template[each.start : each.end], each.help) for each in faults]


@pytest.mark.parametrize(
    ("template", "given", "value"),
    [
        ("plain text", (), "plain text"),
        ("", (), ""),
        ("{{s.v}}", ("one",), "one"),
        ("{{ s.v }}", ("one",), "one"),
        ("{{s . v}}", ("one",), "one"),
        ("{{s.deep.er}}", ("one",), ""),
        ("{{s.v}}", (), ""),
        ("{{s.v}}", (None,), ""),
        ("{{s.v}}:{{s.w}}", ("one", "two"), "one:two"),
        ("--name={{s.v}}", ("one",), "--name=one"),
        ("--name={{s.v}}", (), "--name="),
        # One lone template keeps its type, anything else is text.
        ("{{s.v}}", (7,), 7),
        ("{{s.v}}", (True,), True),
        ("{{s.v}}", (["a", "b"],), ["a", "b"]),
        ("{{s.v}}", ({"a": 1},), {"a": 1}),
        ("n={{s.v}}", (7,), "n=7"),
        ("n={{s.v}}", (0.7,), "n=0.7"),
        ("n={{s.v}}", (2.0,), "n=2"),
        ("n={{s.v}}", (1e21,), "n=1e+21"),
        ("n={{s.v}}", (True,), "n=true"),
        ("n={{s.v}}", (False,), "n=false"),
        # What fills a template is not read again.
        ("{{s.v}}", ("{{s.w}}", "two"), "{{s.w}}"),
        ('{"a": {"b": "{{s.v}}"}}', ("one",), '{"a": {"b": "one"}}'),
        ("[{{s.v}}}]", ("one",), "[one}]"),
        # volume
        ("{{s.v|volume}}", ("/data",), "/data:/data"),
        ("{{s.v|volume}}", (DRIVE,), f"{DRIVE}:/C/data/in"),
        ("{{s.v|volume}}", (["/a", "/b"],), ["/a:/a", "/b:/b"]),
        ("{{s.v|volume}}", (), ""),
        ("{{s.v|volume}}", ([],), []),
        ("{{s.v|volume|into}}", (["/a", "/b"],), ["/a:/a", "/b:/b"]),
        # volume-target
        ("{{s.v|volume-target}}", ("/data",), "/data"),
        ("{{s.v|volume-target}}", ("name",), "name"),
        ("{{s.v|volume-target}}", (DRIVE,), "/C/data/in"),
        ("{{s.v|volume-target}}", ([DRIVE, "/b"],), ["/C/data/in", "/b"]),
        ("{{s.v|volume-target}}:/src", ("/data",), "/data:/src"),
        # into
        ("{{s.v|into}}", ("one",), ["one"]),
        ("{{s.v|into}}", (["one", "two"],), ["one", "two"]),
        ("{{s.v|into}}", (), []),
        # first and last
        ("{{s.v|first}}", ("one",), "one"),
        ("{{s.v|first}}", (["one", "two"],), "one"),
        ("{{s.v|first}}", ([],), ""),
        ("{{s.v|first}}", (), ""),
        ("{{s.v|first|into}}", (["one", "two"],), ["one"]),
        ("{{s.v|last}}", ("one",), "one"),
        ("{{s.v|last}}", (["one", "two"],), "two"),
        ("{{s.v|last}}", ([],), ""),
        ("{{s.v|last|into}}", ("one",), ["one"]),
        # or
        ("{{s.v|or:other}}", (), "other"),
        ("{{s.v|or:other}}", ("",), "other"),
        ("{{s.v|or:other}}", ("one",), "one"),
        ("{{s.v|or:other}}", (0,), 0),
        ("{{s.v|or:other}}", (False,), False),
        ("{{s.v|or:other}}", ([],), "other"),
        ("{{s.v|or:[]}}", (), []),
        ("{{s.v|or:[]}}", ([],), []),
        ("{{s.v|or:[ ]}}", (), []),
        ("{{s.v|or:[x]}}", (), ["x"]),
        ("{{s.v|or:[x, y]}}", (), ["x", "y"]),
        ("{{s.v|or:[]|volume|into}}", (), []),
        ("{{s.v|or:[]|volume|into}}", ("/data",), ["/data:/data"]),
        # mount_as
        ("{{s.v|mount_as:/logs}}", ("/data",), "/data:/logs"),
        ("{{s.v|mount_as: /logs }}", ("/data",), "/data:/logs"),
        ("{{s.v|mount_as:/logs:ro}}", ("/data",), "/data:/logs:ro"),
        ("{{s.v|mount_as:/logs}}", (["/data", "/ignored"],), "/data:/logs"),
        ("{{s.v|mount_as:/logs}}", (), ""),
        ("{{s.v|mount_as:/logs}}", ([],), ""),
        # left over in old catalogs
        ("{{s.v|safe}}", ("<one>",), "<one>"),
        ("{{ s.v | volume | into | safe }}", ("/data",), ["/data:/data"]),
    ],
)
def test_the_language(template: str, given: tuple[Any, ...], value: object) -> None:
    found = expanded(template, *given)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("template", "given", "fault"),
    [
        ("a {{s.v|volume-targe}}", ("x",), ("`volume-targe` is not a filter.", "volume-targe", "volume-target")),
        ("{{s.v|into|upper}}", ("x",), ("`upper` is not a filter.", "upper", "`first`")),
        ("{{s.v|}}", ("x",), ("`` is not a filter.", "", "`first`")),
        ("{{s.v|into:x}}", ("x",), ("The filter `into` takes nothing after a colon.", "into:x", "")),
        ("{{s.v|or}}", (), ("The filter `or` needs a colon and what follows it.", "or", "")),
        ("{{s.x}}", ("x",), ("`s.x` is no setting of the server.", "s.x", "did you mean `s.")),
        ("{{ other.v }}", ("x",), ("`other.v` is no setting of the server.", " other.v ", "`s.v`")),
        ("{{s}}", ("x",), ("`s` is no setting of the server.", "s", "`s.v`")),
        ("{{}}", (), ("The braces name no setting.", "", "`s.v`")),
        ("a {{s.v", ("x",), ("`{{` is not followed by `}}`.", "{{", "")),
        ("a {{s.v}}", (["x"],), ("A list cannot stand in a text.", "s.v", "")),
        ("a {{s.v}}", ({"a": 1},), ("A mapping cannot stand in a text.", "s.v", "")),
    ],
)
def test_what_is_not_understood_is_told_with_its_place(
    template: str, given: tuple[Any, ...], fault: tuple[str, str, str]
) -> None:
    ((detail, place, help_),) = faults_of(template, *given)
    assert (detail, place) == fault[:2]
    assert fault[2] in help_


def test_an_endless_name_is_not_repeated_whole() -> None:
    ((detail, place, _),) = faults_of("{{" + "n" * 5000 + "}}")
    assert (len(detail) < 200, len(place)) == (True, 5000)


@pytest.mark.parametrize(
    ("template", "given", "parts"),
    [
        ("plain", (), ("plain",)),
        ("", (), ()),
        ("{{s.v}}", (), ()),
        ("{{s.v}}", (5432,), ("5432",)),
        ("$API_TOKEN", (), (SecretValue("API_TOKEN"),)),
        ("${API_TOKEN}", (), (SecretValue("API_TOKEN"),)),
        ('{"A": "Bearer $API_TOKEN"}', (), ('{"A": "Bearer ', SecretValue("API_TOKEN"), '"}')),
        ("$API_TOKEN$API_TOKEN", (), (SecretValue("API_TOKEN"), SecretValue("API_TOKEN"))),
        ("^x$ 5$ $ $5", (), ("^x$ 5$ $ $5",)),
        # A setting cannot name a secret, and beside braces a dollar is a dollar.
        ("{{s.v}}", ("$API_TOKEN",), ("$API_TOKEN",)),
        ("$API_TOKEN {{s.v}}", ("x",), ("$API_TOKEN x",)),
    ],
)
def test_values_of_variables(template: str, given: tuple[Any, ...], parts: tuple[str | SecretValue, ...]) -> None:
    assert expand_env(template, scope_of(*given), TOKEN) == (Word(parts=parts), ())


def test_a_word_tells_its_text_only_without_secrets() -> None:
    with_secret, _ = expand_env("a$API_TOKEN", scope_of(), TOKEN)
    without, _ = expand_env("a", scope_of(), TOKEN)
    assert (with_secret.text, with_secret.secrets) == (None, ("API_TOKEN",))
    assert (without.text, without.secrets) == ("a", ())


@pytest.mark.parametrize(
    ("template", "place"), [("a $API_TOKE b", "$API_TOKE"), ("${HOME}", "${HOME}"), ("${}", "${}")]
)
def test_a_dollar_that_names_no_variable(template: str, place: str) -> None:
    _, (fault,) = expand_env(template, scope_of(), TOKEN)
    assert template[fault.start : fault.end] == place
    assert "API_TOKEN" in fault.help


@pytest.mark.parametrize(
    ("template", "given", "words"),
    [
        ("--stdio", (), [("--stdio",)]),
        ("", (), [()]),
        ("--name={{s.v}}", (), [("--name=",)]),
        ("--name={{s.v}}", ("one",), [("--name=one",)]),
        ("{{s.v}}", (), []),
        ("{{s.v}}", (7,), [("7",)]),
        ("{{s.v}}", (["a", 1, ""],), [("a",), ("1",), ()]),
        ("{{s.v|volume-target|into}}", (["/a", DRIVE],), [("/a",), ("/C/data/in",)]),
        ("{{s.v|into}}", (), []),
        ("$API_TOKEN", (), [(SecretValue("API_TOKEN"),)]),
        ("--k=$API_TOKEN,{{s.v}}", ("x$API_TOKEN",), [("--k=", SecretValue("API_TOKEN"), ",x$API_TOKEN")]),
        ("$LEVEL$API_TOKEN", (), [("info", SecretValue("API_TOKEN"))]),
    ],
)
def test_arguments(template: str, given: tuple[Any, ...], words: list[tuple[str | SecretValue, ...]]) -> None:
    variables = {**TOKEN, "LEVEL": Word(parts=("info",))}
    found, faults = expand_argument(template, scope_of(*given), variables)
    assert ([word.parts for word in found], faults) == (words, ())


def test_a_list_in_a_list_is_no_argument() -> None:
    _, (fault,) = expand_argument("{{s.v}}", scope_of(["a", ["b"]]))
    assert fault == Fault(detail="A list cannot stand in a text.", start=2, end=5)


@pytest.mark.parametrize(
    ("template", "given", "mounts"),
    [
        ("data:/data", (), ("data:/data",)),
        ("{{s.v|volume|into}}", (["/a", "", "/b"],), ("/a:/a", "/b:/b")),
        ("{{s.v|volume|into}}", (), ()),
        ("{{s.v}}", ("",), ()),
        ("{{s.v}}:/app", ("/a",), ("/a:/app",)),
        ("$HOME/x:/x", (), ("$HOME/x:/x",)),
    ],
)
def test_volumes(template: str, given: tuple[Any, ...], mounts: tuple[str, ...]) -> None:
    assert expand_volume(template, scope_of(*given)) == (mounts, ())


PIECES = [
    "{{",
    "}}",
    "{",
    "}",
    "|",
    "s.v",
    "s",
    ".",
    " ",
    "into",
    "volume",
    "or:",
    "[a,b]",
    "mount_as:/x",
    "$",
    "${",
    "A",
]
TEXTS = st.text(max_size=100) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**60), 10**60) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(TEXTS, JSON)
def test_any_text_with_any_value_gives_a_value_or_faults_that_lie_in_the_text(template: str, value: object) -> None:
    scope = scope_of(value)
    for faults in (
        expand(template, scope).faults,
        expand_env(template, scope, TOKEN)[1],
        expand_argument(template, scope, TOKEN)[1],
        expand_volume(template, scope)[1],
    ):
        assert all(0 <= fault.start <= fault.end <= len(template) for fault in faults)


@given(st.text().filter(lambda text: "{{" not in text and "$" not in text))
def test_text_without_templates_is_itself(template: str) -> None:
    assert expanded(template) == template
    assert expand_env(template, scope_of(), TOKEN)[0].text == template


@pytest.mark.parametrize("piece", ["{{", "{{s.v", "{{s.v}}", "}}", "|into", "${", "$A", "{{s.v|into", "{{x}}"])
def test_time_is_linear_in_the_length(piece: str) -> None:
    short, long = (min(_seconds(piece * (length // len(piece))) for _ in range(3)) for length in (4_000, 64_000))
    # Sixteen times the length; what is quadratic takes 256 times as long.
    assert long < 64 * short + 0.01


def _seconds(filling: str) -> float:
    begun = process_time()
    for template in (filling, "{{s.v" + filling, "{{s.v|or:" + filling + "}}"):
        expand(template, scope_of("x"))
        expand_argument(template, scope_of("x"), TOKEN)
    return process_time() - begun
