"""Which URIs a template may stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.uri import UriTemplate

LITERALS = st.text("ab:/.%", max_size=4)
EXPRESSIONS = st.sampled_from(["{x}", "{+path}", "{?a,b}", "{/x*}", "{}"])
EXPANSIONS = st.text("ab/?=%", max_size=4)


@pytest.mark.parametrize(
    ("template", "uri", "fits"),
    [
        ("a://{x}", "a://", True),
        ("a://{x}", "a://b/c?d", True),
        ("a://{x}", "b://c", False),
        ("a://{x}/y", "a://x/y", True),
        ("a://{x}/y", "a://y", False),
        ("a://{x}/b/{y}/c", "a://1/b/2/c", True),
        ("a://{x}/b/{y}/c", "a://1/d/2/c", False),
        ("a://{x}/b/{y}/c", "a:///b/c", False),
        ("a://aa{x}aa", "a://aaa", False),
        ("a://plain", "a://plain", True),
        ("a://plain", "a://plainer", False),
        ("a://{open", "a://{open", True),
    ],
)
def test_a_template_fits_what_has_its_literal_text_in_order(template: str, uri: str, *, fits: bool) -> None:
    assert UriTemplate(template).fits(uri) is fits


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("a://{x}", "a://{y}", True),
        ("a://{x}", "a://b/{y}", True),
        ("a://b/{x}", "a://c/{y}", False),
        ("a://{x}/b", "a://{y}/c", False),
        ("a://{x}/b", "a://{y}", True),
        ("{+uri}", "a://{y}", True),
        ("a://b", "a://{y}", True),
        ("a://{y}", "b://b", False),
        # What stands between the expressions is not looked at: this is told although no URI fits both.
        ("a://{x}/b/{y}.txt", "a://{x}/c/{y}.txt", True),
    ],
)
def test_templates_meet_unless_their_ends_differ(one: str, other: str, *, meets: bool) -> None:
    assert UriTemplate(one).meets(UriTemplate(other)) is meets
    assert UriTemplate(other).meets(UriTemplate(one)) is meets


@given(st.lists(st.tuples(LITERALS, EXPRESSIONS, EXPANSIONS), max_size=4), LITERALS)
def test_whatever_a_template_is_expanded_to_fits_it(parts: list[tuple[str, str, str]], last: str) -> None:
    template = "".join(f"{literal}{expression}" for literal, expression, _ in parts) + last
    uri = "".join(f"{literal}{expansion}" for literal, _, expansion in parts) + last
    assert UriTemplate(template).fits(uri)


TEMPLATES = st.lists(st.one_of(LITERALS, EXPRESSIONS), max_size=5).map("".join)


@given(TEMPLATES, TEMPLATES, st.text("ab:/.%", max_size=8))
def test_templates_that_one_uri_fits_meet(one: str, other: str, uri: str) -> None:
    first, second = UriTemplate(one), UriTemplate(other)
    if first.fits(uri) and second.fits(uri):
        assert first.meets(second)
