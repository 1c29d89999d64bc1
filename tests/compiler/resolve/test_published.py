"""What the MCP registry publishes as entries of a catalog: understood to the last key, or refused by name."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.binding import Bound, bind
from mcphub_gitops.compiler.resolve.catalog import Catalog, CatalogPackage, CatalogServer
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.compiler.resolve.template import SecretValue
from mcphub_gitops.compiler.sourcing import validate
from tests.support.shared import SHARED, needs_shared_data

NPM = "npmjs"
STDIO = {"type": "stdio"}
Make = Callable[[], CatalogServer]


def opened(**document: object) -> Catalog:
    data = json.dumps({"name": "io.example/files", **document}, indent=2).encode()
    catalog, _, problems = open_catalog("server.json", data)
    assert problems == ()
    assert catalog is not None
    return catalog


def entry(package: Mapping[str, Any], **document: object) -> CatalogServer:
    found = opened(packages=[{"transport": STDIO, **package}], **document).get("files")
    assert found is not None
    return found


def oci(**package: object) -> CatalogServer:
    return entry({"registryType": "oci", "identifier": "registry.example/files:1", **package})


def npm(**package: object) -> CatalogServer:
    return entry({"registryType": "npm", "identifier": "@example/files", "version": "1.2.3", **package})


def bound(server: CatalogServer, config: Mapping[str, Any] | None = None) -> Bound:
    found, problems = bind(server, config or {})
    assert problems == ()
    assert found is not None
    return found


def refused(server: CatalogServer) -> list[str]:
    found, problems = bind(server, {})
    assert found is None
    return [each.detail for each in problems]


def words(found: Bound) -> list[str | None]:
    return [word.text for word in found.args]


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ({"identifier": "registry.example/files:1"}, "registry.example/files:1"),
        ({"identifier": "files", "version": "1"}, "files:1"),
        ({"identifier": "files:2", "version": "1"}, "files:2"),
        ({"identifier": "files@sha256:" + "0" * 64, "version": "1"}, "files@sha256:" + "0" * 64),
        (
            {"identifier": "a/files", "version": "1", "registryBaseUrl": "https://r.example:5000/"},
            "r.example:5000/a/files:1",
        ),
        ({"identifier": "r.example/files", "registryBaseUrl": "https://r.example"}, "r.example/files"),
    ],
)
def test_images(package: dict[str, Any], expected: str) -> None:
    server = entry({"registryType": "oci", **package})
    assert (server.kind, server.image) == ("image", expected)


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ({"registryType": "pypi", "identifier": "Files_Server", "version": "1.0"}, ("pypi", "files-server", "1.0")),
        ({"registryType": "pypi", "identifier": "files", "version": "latest"}, ("pypi", "files", None)),
        ({"registryType": "npm", "identifier": "@a/files", "version": "1.0.0"}, ("npm", "@a/files", "1.0.0")),
        ({"registryType": "npm", "identifier": "files", "runtimeHint": "npx"}, ("npm", "files", None)),
    ],
)
def test_packages(package: dict[str, Any], expected: tuple[Any, str, str | None]) -> None:
    ecosystem, name, version = expected
    server = entry(package)
    assert server.kind == "package"
    assert server.package == CatalogPackage(ecosystem=ecosystem, name=name, version=version)
    assert bound(server).image == ""


def test_variables_are_settings_secrets_or_fixed() -> None:
    variables = [
        {"name": "FIXED", "value": "one"},
        {"name": "LEVEL", "default": "info", "choices": ["info", "debug"]},
        {"name": "PORT", "format": "number", "default": "8080"},
        {"name": "RATE", "format": "number", "default": "0.5"},
        {"name": "QUIET", "format": "boolean", "default": "true"},
        {"name": "HOST", "isRequired": True},
        {"name": "EMPTY"},
        {"name": "TOKEN", "isSecret": True, "isRequired": True},
        {"name": "SPARE", "isSecret": True},
        {"name": "LINE", "value": "Bearer {key}", "variables": {"key": {"isSecret": True, "isRequired": True}}},
        {"name": "URL", "value": "https://{host}/{other}", "variables": {"host": {"default": "a.example"}}},
        {"name": "KNOWN", "value": "{x}", "variables": {"x": {"value": "y"}}},
    ]
    server = npm(environmentVariables=variables)
    assert server.required == ("HOST",)
    assert [(secret.name, secret.required, secret.alone) for secret in server.secrets] == [
        ("TOKEN", True, True),
        ("SPARE", False, True),
        ("key", True, False),
    ]
    found = bound(server, {"HOST": "b.example"})
    assert found.env == {
        "FIXED": "one",
        "LEVEL": "info",
        "PORT": "8080",
        "RATE": "0.5",
        "QUIET": "true",
        "HOST": "b.example",
        "URL": "https://a.example/{other}",
        "KNOWN": "y",
    }
    assert found.composed["LINE"].parts == ("Bearer ", SecretValue("key"))
    assert [each.detail for each in bind(server, {"HOST": "b", "LEVEL": "loud"})[1]] == ["`config.LEVEL` is `loud`."]


def test_arguments_come_in_order_and_those_that_are_not_given_leave_nothing() -> None:
    arguments = [
        {"type": "positional", "value": "serve"},
        {"type": "named", "name": "--port", "value": "{port}", "variables": {"port": {"default": "80"}}},
        {"type": "named", "name": "--level"},
        {"type": "named", "name": "--verbose", "format": "boolean"},
        {"type": "named", "name": "--allow", "isRepeated": True},
        {"type": "positional", "valueHint": "folder", "isRepeated": True, "default": "/data"},
        {"type": "positional"},
    ]
    server = npm(packageArguments=arguments)
    assert words(bound(server)) == ["serve", "--port", "80", "/data"]
    config = {"level": "info", "verbose": True, "allow": ["a", "b"], "folder": ["/x", "/y"], "argument7": "z"}
    assert words(bound(server, config)) == [
        *("serve", "--port", "80", "--level", "info", "--verbose", "--allow", "a", "--allow", "b", "/x", "/y", "z")
    ]
    assert words(bound(server, {"verbose": False, "folder": []})) == ["serve", "--port", "80"]


def test_a_secret_of_the_command_line_stays_a_secret() -> None:
    server = npm(packageArguments=[{"type": "named", "name": "--key", "isSecret": True, "isRequired": True}])
    assert [word.text for word in bound(server).args] == ["--key", None]
    hub = {
        "apiVersion": "mcphub/v1",
        "name": "acme",
        "catalogs": {"files": {"path": "server.json"}},
        "servers": {"files": {"from": "files", "run": "process", "secrets": {"key": "env://KEY"}}},
    }
    package = {
        "registryType": "npm",
        "identifier": "files",
        "packageArguments": [{"type": "named", "name": "--key", "isSecret": True}],
    }
    document = json.dumps({"name": "io.example/files", "packages": [package]}).encode()
    found = validate("mcp-hub.yaml", json.dumps(hub).encode(), {"server.json": document})
    assert [each.code.name for each in found.diagnostics] == ["MH330"]


def test_arguments_of_a_container_are_its_mounts_variables_and_user() -> None:
    arguments = [
        {"type": "positional", "value": "run"},
        {"type": "named", "name": "-i"},
        {"type": "named", "name": "--rm"},
        {"type": "named", "name": "-v", "value": "{data}:/data:rw", "variables": {"data": {"isRequired": True}}},
        {
            "type": "named",
            "name": "--mount",
            "value": "type=bind,src={data},dst=/other,readonly",
            "variables": {"data": {}},
        },
        {"type": "named", "name": "-e", "value": "MODE=fast"},
        {"type": "named", "name": "--user", "value": "1000:1000"},
    ]
    found = bound(oci(runtimeArguments=arguments), {"data": "/srv"})
    assert [(mount.source, mount.target, mount.mode) for mount in found.mounts] == [
        ("/srv", "/data", "rw"),
        ("/srv", "/other", "ro"),
    ]
    assert (found.env, found.user) == ({"MODE": "fast"}, "1000:1000")


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (lambda: oci(runtimeArguments=[{"type": "named", "name": "--network", "value": "host"}]), "`--network` of"),
        (lambda: oci(runtimeArguments=[{"type": "named", "name": "--privileged"}]), "`--privileged` of"),
        (lambda: oci(runtimeArguments=[{"type": "positional"}]), "`?` of"),
        (lambda: oci(runtimeArguments=[{"type": "named", "name": "-e", "value": "MODE"}]), "`-e` of"),
        (
            lambda: oci(runtimeArguments=[{"type": "named", "name": "--mount", "value": "type=tmpfs,dst=/x"}]),
            "`--mount` of",
        ),
        (
            lambda: oci(runtimeArguments=[{"type": "named", "name": "--mount", "value": "type=bind,src=a,dst=/x,z=1"}]),
            "`--mount` of",
        ),
        (lambda: npm(runtimeArguments=[{"type": "named", "name": "--from", "value": "git"}]), "`--from` of"),
        (lambda: npm(fileSha256="0" * 64), "`fileSha256`"),
        (lambda: npm(transport={"type": "streamable-http", "url": "http://localhost"}), "speaks `streamable-http`"),
        (lambda: npm(registryBaseUrl="https://npm.corp.example"), "another index"),
        (lambda: npm(identifier="Not A Package"), "no package and version"),
        (lambda: npm(version="^1.0"), "no package and version"),
        (lambda: entry({"registryType": "nuget", "identifier": "Files"}), "Packages of `nuget`"),
        (lambda: entry({"registryType": "mcpb", "identifier": "https://a.example/a.mcpb"}), "Packages of `mcpb`"),
        (lambda: npm(environmentVariables=[{"name": "A", "format": "number", "default": "many"}]), "no number"),
        (lambda: npm(environmentVariables=[{"name": "A", "format": "boolean", "default": "1"}]), "no boolean"),
        (lambda: npm(environmentVariables=[{"name": "A", "value": "{{B}}"}]), "double braces"),
        (
            lambda: npm(
                environmentVariables=[
                    {"name": "A", "value": "{b}{c}", "variables": {"b": {"isSecret": True}, "c": {}}},
                ]
            ),
            "a secret and a setting",
        ),
        (lambda: entry({"registryType": "npm", "identifier": "files"}, status="deleted"), "was deleted"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(server: Make, words: str) -> None:
    assert words in "\n".join(refused(server()))


@pytest.mark.parametrize(
    ("hint", "server"),
    [
        ("npx", lambda: npm(runtimeArguments=[{"type": "positional", "value": "-y"}])),
        ("public", lambda: npm(registryBaseUrl=f"https://registry.{NPM}.org/")),
        ("deprecated", lambda: entry({"registryType": "npm", "identifier": "files"}, status="deprecated")),
        ("meta", lambda: entry({"registryType": "npm", "identifier": "files"}, _meta={"io.example/x_y": {"a_b": 1}})),
    ],
)
def test_what_means_nothing_here_is_taken(hint: str, server: Make) -> None:
    assert bound(server()).args == (), hint


def test_remotes_have_headers_of_settings_and_secrets() -> None:
    remote = {
        "type": "streamable-http",
        "url": "https://{tenant}.example/mcp",
        "variables": {"tenant": {"isRequired": True}},
        "headers": [
            {"name": "Authorization", "value": "Bearer {token}", "variables": {"token": {"isSecret": True}}},
            {"name": "X-Region", "default": "eu"},
        ],
    }
    server = opened(remotes=[remote]).get("files")
    assert server is not None
    found = bound(server, {"tenant": "acme"})
    assert found.url == "https://acme.example/mcp"
    assert found.headers["Authorization"].parts == ("Bearer ", SecretValue("token"))
    assert found.headers["X-Region"].text == "eu"
    assert "no URL" in "\n".join(refused_remote({"type": "sse"}))
    assert "does not speak `stdio`" in "\n".join(refused_remote({"type": "stdio", "url": "https://a.example"}))


def refused_remote(remote: dict[str, Any]) -> list[str]:
    server = opened(remotes=[remote]).get("files")
    assert server is not None
    return refused(server)


def test_several_ways_are_entries_of_their_own() -> None:
    packages = [
        {"registryType": "npm", "identifier": "files"},
        {"registryType": "oci", "identifier": "files:1"},
        {"registryType": "oci", "identifier": "files:2"},
    ]
    catalog = opened(packages=packages, remotes=[{"type": "sse", "url": "https://a.example"}])
    assert catalog.names == ("files/npm", "files/oci", "files/oci-2", "files/sse")
    remote = catalog.get("files/sse")
    assert remote is not None
    assert remote.remote is not None
    assert remote.remote.transport == "sse"
    second = catalog.get("files/oci-2")
    assert second is not None
    assert bound(second).image == "files:2"
    assert catalog.get("files") is None


def test_what_is_wrong_stands_at_its_place() -> None:
    document = (
        b'{\n\t"name": "a/b",\n\t"packages": [{"registry_type": "npm", "registryType": "npm", "idntifier": "x"}]\n}\n'
    )
    catalog, _, problems = open_catalog("server.json", document)
    assert catalog is None
    assert [(each.code.name, each.span.start.line) for each in problems] == [("MH203", 3), ("MH105", 3), ("MH201", 3)]


def test_variables_that_are_no_mapping_are_told() -> None:
    package = {"registryType": "npm", "identifier": "x", "environmentVariables": [{"name": "A", "variables": 3}]}
    catalog, _, problems = open_catalog("server.json", json.dumps({"name": "a/b", "packages": [package]}).encode())
    assert (catalog, "MH202" in {each.code.name for each in problems}) == (None, True)


def test_a_document_that_is_neither_is_told_as_a_catalog_would_be() -> None:
    for data in (b"{}", b"[1]", b'{"packages": [', b'{"a": ' * 10_000):
        catalog, _, problems = open_catalog("server.json", data)
        assert catalog is None
        assert problems


KEYS = ("headers", "identifier", "name", "packageArguments", "packages", "registryType", "type", "value", "variables")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    )
)
def test_no_document_is_too_strange(document: object) -> None:
    data = json.dumps({"name": "a/b", "packages": document}).encode()
    catalog, _, problems = open_catalog("server.json", data)
    assert (catalog is None) is bool(problems)
    for name in catalog.names if catalog is not None else ():
        found = catalog.get(name) if catalog is not None else None
        assert found is not None
        bind(found, {})


@needs_shared_data
def test_every_published_sample_is_understood_or_refused_by_name() -> None:
    kinds: dict[str, tuple[str, ...]] = {}
    for file in sorted((SHARED / "server-json").glob("*.json")):
        catalog, _, problems = open_catalog(file.name, file.read_bytes())
        assert problems == ()
        assert catalog is not None
        (name,) = catalog.names
        server = catalog.get(name)
        assert server is not None
        settings = dict.fromkeys(server.required, "/srv")
        found = bound(server, settings)
        kinds[name] = (server.kind, found.image or found.url, *sorted(found.secrets))
    assert len(kinds) == 6
    assert kinds["filesystem"] == ("image", "docker.io/mcp/filesystem:1.0.2")
    assert kinds["cockroach"] == ("image", "mcp/cockroach:latest", "CRDB_PWD")
    assert kinds["gadget"] == ("image", "mcp/gadget:latest")
    assert kinds["remote"][0] == "remote"
