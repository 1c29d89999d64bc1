from collections.abc import Mapping

import pytest

from mcphub_gitops.compiler import layering
from mcphub_gitops.compiler.explanation import Explained
from mcphub_gitops.compiler.explanation import explain as explain_nodes
from mcphub_gitops.compiler.layering import Environment, open_layers
from mcphub_gitops.compiler.read.syntax import MAX_BYTES, plain
from mcphub_gitops.compiler.validation import Document, open_document, understand

HUB = b"""\
apiVersion: mcphub/v1
name: acme
include: [one.yaml]
vars: {host: dev.example}
servers:
  docs: {remote: {url: "https://${vars.host}/${env}"}, enabled: false}
"""


def opened(files: Mapping[str, bytes | str], environment: bytes | None = None, hub: bytes = HUB) -> Document:
    over = Environment("prod", "environments/prod.yaml", environment) if environment is not None else None
    return open_layers("mcp-hub.yaml", hub, lambda name: {name: files[name]} if name in files else {}, over)


def explain(document: Document, path: str) -> Explained:
    assert document.root is not None
    return explain_nodes(document.root, document.layers, path)


def codes_of(document: Document) -> list[str]:
    return [each.code.name for each in document.diagnostics]


def test_a_hub_is_what_its_files_and_its_environment_make_it() -> None:
    document = opened(
        {"one.yaml": b"include: [two.yaml]\nservers: {a: {image: x}}", "two.yaml": b"servers: {b: {image: y}}"},
        b"vars: {host: prod.example}\nservers: {docs: {enabled: null}}",
    )
    assert document.diagnostics == ()
    validated = understand(document)
    assert validated.hub is not None
    assert [(each.name, each.enabled) for each in validated.hub.servers] == [("a", True), ("b", True), ("docs", True)]
    assert validated.hub.servers[2].origin.url.value == "https://prod.example/prod"  # type: ignore[union-attr]
    assert [each.name for each in validated.sources] == [
        "mcp-hub.yaml",
        "one.yaml",
        "two.yaml",
        "environments/prod.yaml",
    ]


def test_a_file_that_two_include_counts_once() -> None:
    hub = HUB.replace(b"[one.yaml]", b"[one.yaml, two.yaml]")
    document = opened({"one.yaml": b"include: [two.yaml]", "two.yaml": b"servers: {b: {image: y}}"}, b"{}", hub)
    assert document.diagnostics == ()


def test_a_wide_glob_means_none_of_the_files_that_mcphub_keeps() -> None:
    hub = HUB.replace(b"one.yaml", b'"**/*.yaml"')
    files: dict[str, bytes | str] = {".mcphub/packages/a.yaml": b"vars: {host: evil.example}", "teams/a.yaml": b"{}"}
    document = open_layers("mcp-hub.yaml", hub, lambda _: files, None)
    assert document.diagnostics == ()
    assert [each.name for each in (document.source, *document.others)] == ["mcp-hub.yaml", "teams/a.yaml"]


def test_nothing_is_put_together_with_a_file_that_cannot_be_read() -> None:
    document = opened({"one.yaml": b"a: [\n"})
    assert (document.root, codes_of(document)) == (None, ["MH104"])
    assert codes_of(opened({"one.yaml": b""}, b"[")) == ["MH108", "MH104"]


def test_a_refused_file_is_told_with_the_reason() -> None:
    document = opened({"one.yaml": "is a link"})
    assert [each.detail for each in document.diagnostics] == ["`one.yaml` is a link."]


def test_number_and_size_of_files_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    half = b"# " + b"x" * (MAX_BYTES // 2) + b"\nvars: {}\n"
    hub = HUB.replace(b"[one.yaml]", b"[one.yaml, two.yaml]").replace(b"vars: {host: dev.example}\n", b"")
    assert codes_of(opened({"one.yaml": half, "two.yaml": half}, None, hub)) == ["MH341"]
    monkeypatch.setattr(layering, "MAX_FILES", 1)
    every = open_layers("mcp-hub.yaml", hub, lambda _: {"one.yaml": b"{}", "two.yaml": b"{}"})
    assert [str(each.span) for each in every.diagnostics] == ["mcp-hub.yaml:3:11", "mcp-hub.yaml:3:21"]
    monkeypatch.setattr(layering, "MAX_FILES", 2)
    assert codes_of(opened({"one.yaml": b"{}", "two.yaml": b"{}"}, None, hub)) == ["MH341"]


def test_a_document_that_is_no_mapping_is_told() -> None:
    assert codes_of(opened({"one.yaml": b"[1]"})) == ["MH340"]


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("vars.host", ["overridden", "counts"]),
        ("servers.docs.enabled", ["overridden", "deletes"]),
        ("vars", ["part", "part"]),
        ("servers.a.secrets.a.b", ["counts"]),
        ("servers.docs.remote", ["part"]),
    ],
)
def test_each_place_of_a_setting_is_told_with_what_becomes_of_it(path: str, roles: list[str]) -> None:
    document = opened(
        {"one.yaml": b"servers: {a: {image: x, secrets: {a.b: 'env://A'}}}"},
        b"vars: {host: prod.example}\nservers: {docs: {enabled: null}}",
    )
    found = explain(document, path)
    assert [each.role for each in found.settings] == roles
    assert (found.value is None) is ("deletes" in roles)


def test_what_nothing_sets_is_told_with_what_is_near() -> None:
    document = opened({"one.yaml": b"{}"})
    assert explain(document, "servers.docs.remot").help == "did you mean `remote`?"
    assert explain(document, "servers.doc.remote.url").help == "did you mean `docs`?"
    assert explain(document, "server").help == "did you mean `servers`?"
    assert explain(document, "name.more").help == ""


def test_items_of_a_list_are_found_by_their_names() -> None:
    hub = b"rules: [{name: one, level: deny}, {level: warn}, {name: [1]}]\n"
    document = open_layers("mcp-hub.yaml", hub, lambda _: {})
    found = explain(document, "rules.one.level")
    assert found.value is not None
    assert plain(found.value) == "deny"


def test_a_document_tells_what_it_is_to_be_read_with() -> None:
    found = open_document("mcp-hub.yaml", HUB)
    assert (found.includes, found.uses_catalogs) == (True, False)
    sourced = open_document("mcp-hub.yaml", b"servers: {a: {from: b/c}}")
    assert (sourced.includes, sourced.uses_catalogs) == (False, True)


def test_what_has_the_wrong_shape_is_told_once_and_gone_on_with() -> None:
    hub = b"apiVersion: mcphub/v1\nname: a\nservers: {a: {remote: {}}, b: {image: x, tools: {rename: {y: 1}}}}\n"
    validated = understand(open_document("mcp-hub.yaml", hub))
    assert [each.code.name for each in validated.diagnostics] == ["MH203", "MH202"]
    assert validated.hub is not None
    assert [each.name for each in validated.hub.servers] == ["b"]
