"""Branches of the compiler that whole documents seldom take."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.assembly import ask_images, ask_targets
from mcphub_gitops.compiler.lock.file import read_lock, write_lock
from mcphub_gitops.compiler.lock.freshness import find_stale
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, TargetQuestion
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.read.syntax import MAX_DEPTH, MOST_PROBLEMS, parse
from mcphub_gitops.compiler.render.compose import render_compose
from mcphub_gitops.compiler.resolve.binding import bind
from mcphub_gitops.compiler.resolve.catalog import CatalogServer, read_catalog
from mcphub_gitops.compiler.resolve.model import Package
from mcphub_gitops.compiler.resolve.template import Scope, expand
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.sourcing import validate
from tests.support.hubs import hub_of, lock_of

HEAD = "apiVersion: mcphub/v1\nname: acme\ndefaults: {run: process}\n"
CONTAINERS = (
    "apiVersion: mcphub/v1\nname: acme\ndefaults: {run: container, base: {python: 'registry.example/python:3.13'}}\n"
    "servers:\n  search: {image: 'registry.example/search:3'}\n  time: {package: 'pypi:mcp-server-time'}\n"
    "  off: {image: 'registry.example/off:1', enabled: false}\n"
)
DIGEST = "sha256:" + "1" * 64


def told(body: str, catalog: str = "") -> list[str]:
    """Return the codes and places of what is wrong with a hub that has `body` after its head."""
    found = validate("h", (HEAD + body).encode(), {"catalog.yaml": catalog.encode()}).diagnostics
    return [f"{each.code.name} {each.span.start.line}:{each.span.start.column}" for each in found]


def server_of(entry: str) -> CatalogServer:
    catalog, _, problems = read_catalog("c", f"registry:\n  a:\n{entry}".encode())
    assert problems == ()
    found = catalog.get("a") if catalog is not None else None
    assert found is not None
    return found


def test_questions_about_images_and_what_runs_in_them() -> None:
    hub = hub_of(CONTAINERS)
    lock, _ = lock_of(hub, {"search": ("find",), "time": ("now",)})
    assert ask_images(hub, Lock(servers=MappingProxyType({}))) == {
        "search": ImageQuestion(reference="registry.example/search:3"),
        "time": ImageQuestion(reference="registry.example/python:3.13"),
    }
    assert ask_images(hub, lock)["search"] == ImageQuestion(reference=lock.servers["search"].image)
    other = hub_of(CONTAINERS.replace("search:3", "search:4"))
    assert ask_images(other, lock)["search"] == ImageQuestion(reference="registry.example/search:4")
    answers = {"time": ImageAnswer(digest=DIGEST), "search": ImageAnswer(digest=DIGEST)}
    image = f"registry.example/python@{DIGEST}"
    assert ask_targets(hub, answers) == {"time": TargetQuestion(image=image, ecosystem="pypi")}


def test_an_image_that_is_not_the_locked_one_is_stale() -> None:
    lock, _ = lock_of(hub_of(CONTAINERS), {"search": ("find",), "time": ("now",)})
    (stale,) = find_stale(hub_of(CONTAINERS.replace("search:3", "search:4")), lock, {})
    assert stale.reason == (f"is locked to {lock.servers['search'].image}, the hub asks for registry.example/search:4")


def test_a_lock_of_containers_is_read_as_it_was_written() -> None:
    lock, _ = lock_of(hub_of(CONTAINERS), {"search": ("find",), "time": ("now",)})
    servers = {**lock.servers, "search": replace(lock.servers["search"], user="1000:1000")}
    lock = Lock(servers=MappingProxyType(servers))
    assert read_lock("l", write_lock(lock)) == (lock, Source("l", ""), ())


def test_what_a_process_offers() -> None:
    hub = hub_of(HEAD + "servers:\n  a: {command: [x], tools: {deny: [b]}}\n")
    desired, problems = build(hub, *lock_of(hub, {"a": ("b", "c")}))
    assert problems == ()
    (server,) = desired.servers
    assert server.offered().keys() == {"b", "c"}
    assert server.spec_digest() == ""


def test_filters_that_leave_nothing() -> None:
    hub = hub_of(HEAD + "servers:\n  a: {command: [x], tools: {deny: ['*']}}\n")
    _, problems = build(hub, *lock_of(hub, {"a": ("b", "c")}))
    assert [(each.code.name, each.detail) for each in problems] == [
        ("MH306", "The filters of `a` leave none of its 2 tools.")
    ]


def test_a_compose_file_without_volumes() -> None:
    hub = hub_of("apiVersion: mcphub/v1\nname: acme\nservers:\n  search: {image: 'registry.example/search:3'}\n")
    desired, _ = build(hub, *lock_of(hub, {"search": ("find",)}))
    assert b"volumes:" not in render_compose(desired, "00000000-0000-4000-8000-000000000000", {})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: " + "[" * (MAX_DEPTH // 2 + 1) + "[" * MAX_DEPTH, "MH103"),
        ("a: [}\n" + "[" * (2 * MAX_DEPTH), "MH104"),
        ("a: \ufffe\n", "MH104"),
    ],
)
def test_a_parser_that_gives_up_early(text: str, code: str) -> None:
    assert [each.code.name for each in parse("t", text.encode()).diagnostics] == [code]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("vars: {a: 1}\nservers: {}\n", ["MH202 4:11"]),
        ("servers: {a: {remote: {url: 'https://a.example/', headers: {X: 1}}}}\n", ["MH202 4:64"]),
        ("servers: {a: {remote: {url: 'https://a.example/'}, run: process}}\n", ["MH311 4:57"]),
        ("servers: {a: {remote: {url: 'https://a:b/'}}}\n", ["MH204 4:29"]),
        ("servers: {a: {image: 'registry.example/a:1', readOnly: true}}\n", []),
        ("catalogs: {c: {path: ../c.yaml}}\nservers: {a: {from: c/a}}\n", ["MH308 4:22"]),
    ],
)
def test_mistakes_of_hubs(body: str, found: list[str]) -> None:
    assert told(body) == found


def test_a_requirement_of_npm_with_and_without_version() -> None:
    hub = hub_of(HEAD + "servers:\n  a: {package: 'npm:@x/a@1.0.0'}\n  b: {package: 'npm:b'}\n")
    assert [server.origin.requirement for server in hub.servers if isinstance(server.origin, Package)] == [
        "npm:@x/a@1.0.0",
        "npm:b",
    ]


def test_nothing_in_a_list_is_empty_text() -> None:
    scope = Scope(values={"s": {"l": [None]}}, declared=frozenset({"s.l"}))
    assert expand("x{{s.l|first}}", scope).value == "x"


def test_a_missing_key_in_a_list_is_told_where_the_list_has_it() -> None:
    _, _, problems = read_catalog("c", b"registry:\n  a: {image: a, env: [{name: A}]}\n")
    assert [(each.code.name, str(each.span)) for each in problems] == [("MH203", "c:2:23")]


@pytest.mark.parametrize("key", ["command", "volumes"])
def test_an_entry_with_too_many_mistakes_is_not_read_to_the_end(key: str) -> None:
    many = ", ".join(['"{{x}}"'] * 150)
    server = server_of(f"    image: a\n    {key}: [{many}]\n    env: [{{name: A, value: '{{{{x}}}}'}}]\n")
    assert len(bind(server, {})[1]) == 100
    server = server_of(f"    image: a\n    env: [{{name: A, value: '{'{{x}}' * 150}'}}]\n    {key}: ['{{{{x}}}}']\n")
    assert len(bind(server, {})[1]) == 150


def test_settings_are_plain_data() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        bind(server_of("    image: a\n    config: [{name: a, properties: {x: {}}}]\n"), {"x": {1}})


CATALOG = """\
registry:
  hosts: {image: IMAGE, extraHosts: ["x:127.0.0.1"]}
  bad: {image: "A:b:c@sha256:1"}
  loud: {image: IMAGE, command: ["$KEY", ""], secrets: [{name: loud.key, env: KEY}]}
  composed: {image: IMAGE, env: [{name: URL, value: "x-$KEY"}], secrets: [{name: composed.key, env: KEY}]}
  lists: {image: IMAGE, config: [{name: lists, properties: {l: {type: array, items: {type: string}}}}]}
  free: {image: IMAGE, env: [{name: URL, value: "x-$KEY"}], secrets: [{name: free.key, env: KEY, required: false}]}
""".replace("IMAGE", f"a@{DIGEST}")


@pytest.mark.parametrize(
    ("server", "found"),
    [
        ("{from: c/hosts}", ["MH330 5:21"]),
        ("{from: c/bad}", ["MH312 5:21"]),
        ('{from: c/loud, secrets: {loud.key: "env://K"}}', ["MH330 5:21"]),
        ('{from: c/composed, secrets: {composed.key: {ref: "file://k", as: file}}}', ["MH311 5:63"]),
        ("{from: c/lists, config: {l: [a, 1]}}", ["MH202 5:46"]),
        ("{from: c/lists, config: {l: {a: 1}}}", ["MH202 5:39"]),
        ("{from: c/free}", []),
    ],
)
def test_mistakes_between_hub_and_catalog(server: str, found: list[str]) -> None:
    assert told(f"catalogs: {{c: {{path: catalog.yaml}}}}\nservers: {{a: {server}}}\n", CATALOG) == found


def test_a_digest_is_of_bytes() -> None:
    assert digest(b"").startswith("sha256:e3b0c442")


def test_no_more_problems_of_one_document_are_told_than_anybody_reads() -> None:
    assert len(parse("t", b"a: 1\n" * 3000).diagnostics) == MOST_PROBLEMS
    hub = HEAD + "servers:\n  a:\n    command: [x]\n" + "".join(f"    k{number}: 1\n" for number in range(3000))
    assert len(validate("h", hub.encode()).diagnostics) == MOST_PROBLEMS
    env = "".join(f"      K{number}: 1\n" for number in range(3000))
    hub = f"{HEAD}servers:\n  a:\n    command: [x]\n    env:\n{env}"
    assert len(validate("h", hub.encode()).diagnostics) == MOST_PROBLEMS


def test_variables_after_too_many_mistakes_are_not_read() -> None:
    many = "{{x}}" * 150
    server = server_of(f"    image: a\n    env: [{{name: A, value: '{many}'}}, {{name: B, value: '{many}'}}]\n")
    assert len(bind(server, {})[1]) == 150
