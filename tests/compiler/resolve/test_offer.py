"""Which prompts and resources are served, under which names."""

import pytest

from mcphub_gitops.compiler.resolve.offer import KnownOffers, expose_offers
from tests.support.hubs import hub_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  blog: {command: [python3, srv/blog/main.py], %s}
  notes: {command: [python3, srv/notes/main.py], %s}
gateway: {onConflict: %s}
"""
SUMMARIES: KnownOffers = {"blog": {"prompts": ["summary"]}, "notes": {"prompts": ["summary", "outline"]}}


def served(
    known: KnownOffers, *, blog: str = "optional: false", notes: str = "optional: false", on_conflict: str = "error"
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return server, own name and name of each that is served, and the codes of what is wrong."""
    exposed, problems = expose_offers(hub_of(HUB % (blog, notes, on_conflict)), known)
    return [(each.server.name, each.own, each.name) for each in exposed], [each.code.name for each in problems]


def test_a_prompt_has_the_prefix_of_its_server_and_a_uri_has_none() -> None:
    known: KnownOffers = {"notes": {"prompts": ["summary"], "resources": ["note://1"], "templates": ["note://{id}"]}}
    assert served(known, notes="prefix: n") == (
        [("notes", "summary", "n_summary"), ("notes", "note://1", "note://1"), ("notes", "note://{id}", "note://{id}")],
        [],
    )


def test_a_server_that_is_not_enabled_serves_nothing() -> None:
    assert served(SUMMARIES, blog="enabled: false")[0] == [
        ("notes", "outline", "outline"),
        ("notes", "summary", "summary"),
    ]


@pytest.mark.parametrize(
    ("on_conflict", "names", "codes"),
    [
        ("error", [("blog", "summary"), ("notes", "outline"), ("notes", "summary")], ["MH360"]),
        ("prefix", [("blog", "blog_summary"), ("notes", "notes_summary"), ("notes", "outline")], []),
        ("first", [("blog", "summary"), ("notes", "outline")], []),
    ],
)
def test_one_prompt_of_two_servers(on_conflict: str, names: list[tuple[str, str]], codes: list[str]) -> None:
    found, problems = served(SUMMARIES, on_conflict=on_conflict)
    assert sorted((server, name) for server, _, name in found) == names
    assert problems == codes


def test_a_prefix_that_makes_the_name_of_another_is_told() -> None:
    known: KnownOffers = {"blog": {"prompts": ["summary"]}, "notes": {"prompts": ["summary", "blog_summary"]}}
    assert served(known, on_conflict="prefix")[1] == ["MH360"]


CLASHES: list[tuple[dict[str, list[str]], dict[str, list[str]]]] = [
    ({"resources": ["a://b"]}, {"resources": ["a://b"]}),
    ({"resources": ["a://b"]}, {"templates": ["a://{x}"]}),
    ({"templates": ["a://{x}"]}, {"resources": ["a://b"]}),
    ({"templates": ["a://{x}"]}, {"templates": ["a://{x}"]}),
    ({"templates": ["a://{x}"]}, {"templates": ["a://b/{x}"]}),
]


@pytest.mark.parametrize(("blog", "notes"), CLASHES)
@pytest.mark.parametrize("on_conflict", ["error", "prefix", "first"])
def test_one_uri_that_could_mean_both(
    blog: dict[str, list[str]], notes: dict[str, list[str]], on_conflict: str
) -> None:
    found, problems = served({"blog": blog, "notes": notes}, on_conflict=on_conflict)  # type: ignore[dict-item]
    assert [server for server, _, _ in found] == ["blog"]
    assert problems == ([] if on_conflict == "first" else ["MH360"])


@pytest.mark.parametrize(
    ("blog", "notes"),
    [
        ({"resources": ["a://b"]}, {"resources": ["a://c"]}),
        ({"resources": ["a://b"]}, {"templates": ["a://c/{x}"]}),
        ({"templates": ["a://b/{x}"]}, {"templates": ["a://c/{x}"]}),
        ({"prompts": ["b"]}, {"resources": ["b"]}),
    ],
)
def test_what_no_uri_could_mean_is_left_alone(blog: dict[str, list[str]], notes: dict[str, list[str]]) -> None:
    found, problems = served({"blog": blog, "notes": notes})  # type: ignore[dict-item]
    assert (len(found), problems) == (2, [])


def test_a_server_may_have_a_resource_and_a_template_that_fits_it() -> None:
    known: KnownOffers = {"notes": {"resources": ["a://b"], "templates": ["a://{x}", "a://{y}"]}}
    found, problems = served(known)
    assert (len(found), problems) == (3, [])


def test_filters_leave_what_they_say() -> None:
    known: KnownOffers = {
        "notes": {"prompts": ["one", "two"], "resources": ["a://1", "a://2"], "templates": ["b://{x}"]}
    }
    found, _ = served(known, notes='prompts: {deny: [two]}, uris: {allow: ["a://*", "b://{x}"], deny: ["a://2"]}')
    assert [own for _, own, _ in found] == ["one", "a://1", "b://{x}"]
