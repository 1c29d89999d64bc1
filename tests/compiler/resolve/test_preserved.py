"""A catalog that was kept is the one that was read: entries, places and what no excerpt shows."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.diagnostic import render
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.resolve.binding import bind
from mcphub_gitops.compiler.resolve.catalog import Catalog, Opened
from mcphub_gitops.compiler.resolve.preserved import preserve, revive
from mcphub_gitops.compiler.resolve.provenance import CatalogFile
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.compiler.sourcing import understand_sourced
from mcphub_gitops.compiler.validation import open_document
from tests.compiler.resolve.test_catalog import CURL, GRAFANA, REMOTE, UNION
from tests.support.shared import SHARED, needs_shared_data

SERVER_JSON = json.dumps(
    {
        "name": "io.example/notes",
        "description": "Notes.",
        "version": "1.0.0",
        "packages": [
            {"registryType": "pypi", "identifier": "notes", "version": "1", "transport": {"type": "stdio"}},
            {"registryType": "nuget", "identifier": "notes", "version": "1", "transport": {"type": "stdio"}},
        ],
        "remotes": [{"type": "streamable-http", "url": "https://notes.example/mcp"}],
    }
)
ARGUMENTS = """\
registry:
  a:
    image: x
    tools:
      - {name: t, parameters: {type: object}}
      - {name: u, arguments: [{name: x, type: string}], annotations: {readOnlyHint: true}}
      - {name: v, annotations: {title: V}}
"""
WORDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=5,
)
SERVERS = st.fixed_dictionaries(
    {"image": st.just("registry.example/a:1")},
    optional={
        "title": WORDS,
        "command": st.lists(WORDS, max_size=3),
        "env": st.lists(st.fixed_dictionaries({"name": st.just("A"), "value": WORDS}), max_size=1),
        "secrets": st.lists(
            st.fixed_dictionaries({"name": NAMES, "env": st.just("B")}, optional={"required": st.booleans()}),
            max_size=2,
        ),
        "config": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.just("object"),
                    "properties": st.fixed_dictionaries({"a": st.fixed_dictionaries({"default": SETTINGS})}),
                }
            ),
            max_size=1,
        ),
        "disableNetwork": st.booleans(),
        "tools": st.lists(st.fixed_dictionaries({"name": NAMES, "description": WORDS}), max_size=3),
    },
)


def whole(value: object) -> object:
    """Return `value` with all that its types hold, that which no comparison sees included."""
    if is_dataclass(value):
        return type(value).__name__, {each.name: whole(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return [(key, whole(each)) for key, each in value.items()]
    if isinstance(value, tuple | list | Later):
        return [whole(each) for each in value]
    return type(value).__name__, value


def servers_of(catalog: Catalog) -> list[object]:
    return [whole(catalog.get(name)) for name in catalog.names]


def check(name: str, data: bytes) -> None:
    catalog, source, problems = open_catalog(name, data)
    assert (catalog is None) == bool(problems), problems
    if catalog is None:
        return
    kept = preserve(catalog, source)
    found = revive(name, data, kept)
    assert found is not None
    assert servers_of(found[0]) == servers_of(catalog)
    assert (found[1].name, found[1].text, found[1].hidden) == (source.name, source.text, source.hidden)
    assert preserve(*found) == kept
    assert found[0].get("absent") is None


@pytest.mark.parametrize("text", [GRAFANA, REMOTE, CURL, ARGUMENTS, SERVER_JSON, "registry: {}"])
def test_a_kept_catalog_is_the_one_that_was_read(text: str) -> None:
    check("catalog.yaml", text.encode())


def test_what_has_the_shape_of_a_token_stays_hidden() -> None:
    token = "ghp_" + "0123456789abcdefghij" * 2
    data = f"registry: {{a: {{image: x, title: '{token}'}}}}".encode()
    catalog, source, _ = open_catalog("c", data)
    assert catalog is not None
    assert source.hidden
    check("c", data)


@given(st.dictionaries(NAMES, SERVERS, max_size=3), st.sampled_from(["catalog.yaml", "https://a.example/ä b.yaml"]))
@settings(max_examples=100, deadline=None)
def test_any_catalog_that_is_right_can_be_kept(registry: dict[str, object], name: str) -> None:
    check(name, json.dumps({"registry": registry}, indent=2).encode())


@needs_shared_data
def test_published_catalogs_can_be_kept() -> None:
    check(UNION, (SHARED / UNION).read_bytes())
    for file in sorted((SHARED / "server-json").glob("*.json")):
        check(file.name, file.read_bytes())


def test_a_catalog_is_known_by_another_name_in_another_project() -> None:
    catalog, source, _ = open_catalog("catalog.yaml", GRAFANA.encode())
    assert catalog is not None
    found = revive("other.yaml", GRAFANA.encode(), preserve(catalog, source))
    again, _, _ = open_catalog("other.yaml", GRAFANA.encode())
    assert found is not None
    assert again is not None
    assert servers_of(found[0]) == servers_of(again)


@pytest.mark.parametrize("place", [0, 10, 80, -1])
def test_a_damaged_catalog_is_none(place: int) -> None:
    catalog, source, _ = open_catalog("catalog.yaml", GRAFANA.encode())
    assert catalog is not None
    kept = bytearray(preserve(catalog, source))
    kept[place] ^= 1
    assert revive("catalog.yaml", GRAFANA.encode(), bytes(kept)) is None


@pytest.mark.parametrize("kept", [b"", b"\n", b"{}"])
def test_what_is_no_catalog_is_none(kept: bytes) -> None:
    assert revive("catalog.yaml", GRAFANA.encode(), kept) is None


def test_a_server_pays_for_itself_alone() -> None:
    """Whatever stands in another server's line, and were it no JSON at all, is not looked at."""
    catalog, source, _ = open_catalog("catalog.yaml", (GRAFANA + "  other: {image: x}\n").encode())
    assert catalog is not None
    _, head, first, *_ = preserve(catalog, source).split(b"\n")
    body = b"\n".join([head, first, b"no JSON", b"no JSON", b"no JSON"])
    found = revive("catalog.yaml", b"", digest(body).encode() + b"\n" + body)
    assert found is not None
    grafana = found[0].get("grafana")
    assert grafana is not None
    with pytest.raises(json.JSONDecodeError):
        len(grafana.tools)
    with pytest.raises(json.JSONDecodeError):
        found[0].get("other")


HUB = b"""\
apiVersion: mcphub/v1
name: acme
catalogs: {ours: {path: catalog.yaml}}
servers:
  grafana: {from: ours/grafana, config: {url: 3}}
  docs: {from: ours/docs}
  none: {from: ours/none}
  tagged: {from: ours/tagged}
"""


def test_what_is_told_of_a_kept_catalog_is_what_was_told_of_it() -> None:
    data = (GRAFANA + REMOTE.removeprefix("registry:\n") + "  tagged: {image: x}\n").encode()

    def told(*, kept: bool) -> list[str]:
        def open_(name: str, data: bytes, _digest: str) -> Opened:
            catalog, source, problems = open_catalog(name, data)
            assert catalog is not None
            found = revive(name, data, preserve(catalog, source))
            assert found is not None
            return (*found, ()) if kept else (catalog, source, problems)

        understood = understand_sourced(open_document("mcp-hub.yaml", HUB), {"ours": CatalogFile(data=data)}, open_)
        sources = {each.name: each for each in understood.sources}
        return [render(each, sources) for each in understood.diagnostics]

    assert told(kept=True) == told(kept=False)
    assert any("catalog.yaml:" in each for each in told(kept=True))
    assert len(told(kept=True)) > 3


def test_bound_entries_are_the_same() -> None:
    catalog, source, _ = open_catalog("catalog.yaml", GRAFANA.encode())
    assert catalog is not None
    found = revive("catalog.yaml", GRAFANA.encode(), preserve(catalog, source))
    assert found is not None
    one, other = found[0].get("grafana"), catalog.get("grafana")
    assert one is not None
    assert other is not None
    settings_ = {"url": "https://a.example", "paths": ["/srv"]}
    assert bind(one, settings_) == bind(other, settings_)
