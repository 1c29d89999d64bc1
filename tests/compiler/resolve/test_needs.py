from mcphub_gitops.compiler.resolve.catalog import CatalogServer, read_catalog
from mcphub_gitops.compiler.resolve.needs import needs_of
from tests.support.shared import SHARED, needs_shared_data

CATALOG = b"""\
version: 3
name: x
registry:
  a:
    title: A
    description: It is one.
    type: server
    image: mcp/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    secrets:
      - {name: a.key, env: KEY}
      - {name: a.more, env: MORE, required: false}
    config:
      - name: a
        type: object
        properties:
          free: {type: string, enum: [x, 1], description: Which.}
          url: {type: string, default: here}
          deep: {type: object, properties: {one: {type: string}, two: {}}, required: [one]}
        required: [url, deep, undeclared]
        anyOf: [{required: [free]}, {required: [url, deep]}]
"""


def server(data: bytes, name: str) -> CatalogServer:
    catalog, _, problems = read_catalog("c", data)
    assert catalog is not None, problems
    found = catalog.get(name)
    assert found is not None
    return found


def test_what_an_entry_needs_and_takes() -> None:
    needs = needs_of(server(CATALOG, "a"))
    assert [(need.name, need.required, need.detail, need.variable) for need in needs.each] == [
        ("a.key", True, "a secret", "KEY"),
        ("a.more", False, "a secret that may be left out", "MORE"),
        ("deep.one", True, "string", ""),
        ("undeclared", True, "anything", ""),
        ("free", False, "string; one of x, 1; Which.", ""),
        ("url", False, "string; here by default", ""),
        ("deep.two", False, "anything", ""),
    ]
    assert [need.name for need in needs.missing({"a.key"}, {"undeclared"})] == ["deep.one"]
    assert [need.name for need in needs.optional({"a.more"}, {"free", "url"})] == ["deep.two"]
    assert needs.open_choices({"url"}) == (("free",), ("url", "deep"))
    assert needs.open_choices({"free"}) == ()


@needs_shared_data
def test_every_server_of_the_published_catalog_can_be_told() -> None:
    catalog, _, _ = read_catalog("c", (SHARED / "docker-mcp-catalog.yaml").read_bytes())
    assert catalog is not None
    found = [needs_of(each) for each in map(catalog.get, catalog.names) if each is not None]
    assert len(found) == 328
    assert sum(bool(each.choices) for each in found) >= 2
    assert sum(any(need.kind == "secret" and need.required for need in each.each) for each in found) > 100
