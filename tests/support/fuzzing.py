"""What must hold for any input of the compiler, and inputs to begin with: for hypothesis and for atheris."""

from collections.abc import Callable, Iterable, Mapping

from mcphub_gitops.compiler.compilation import compile_hub, open_lock
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, render, sort
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.resolve.binding import bind
from mcphub_gitops.compiler.resolve.catalog import Catalog, read_catalog
from mcphub_gitops.compiler.resolve.preserved import preserve, revive
from mcphub_gitops.compiler.resolve.template import (
    Scope,
    SecretValue,
    Word,
    expand,
    expand_argument,
    expand_env,
    expand_volume,
)
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.sourcing import validate

HUB = """\
apiVersion: mcphub/v1
name: acme
vars: {zone: UTC}
defaults: {run: process, base: {python: "registry.example/python:3.13"}}
catalogs: {mine: {path: catalog.yaml}}
servers:
  notes:  # a comment
    command: [python3, srv/notes.py]
    env: {B: "2", A: "${vars.zone}"}
    secrets: {KEY: "env://KEY", OTHER: "file://other"}
    paths: {read: [srv], write: [data]}
    tools: {allow: ["a*"], deny: [b]}
  time: {package: "pypi:mcp-server-time@1", args: ["${vars.zone}"], run: container, network: none}
  away: {remote: {url: "https://docs.example/mcp", headers: {Authorization: "Bearer ${secrets.K}"}}, secrets: {K: "env://K"}}
  search:
    from: mine/search
    config: {where: here, deep: {n: 1}, paths: [/data]}
    secrets: {search.key: "env://KEY"}
    relax: {mounts: ["/data:/data"], reason: it searches}
  box:
    image: registry.example/box:1
    mounts: ["./data:/data:rw"]
    resources: {cpus: 0.5, memory: 64Mi, pids: 9}
    capabilities: [NET_RAW]
    user: "1000"
    relax: {capabilities: [NET_RAW], reason: it pings}
"""
CATALOG = """\
version: 3
registry:
  search:
    title: Search
    description: >-
      Finds
      things.
    type: server
    image: example/search@sha256:0000000000000000000000000000000000000000000000000000000000000000
    command: [--transport=stdio, "{{search.paths|into}}", "$WHERE"]
    volumes: ["{{search.paths|volume|into}}"]
    env: [{name: WHERE, value: "{{search.where|or:nowhere}}"}]
    secrets: [{name: search.key, env: KEY}]
    config:
      - name: search
        type: object
        properties:
          where: {type: string, pattern: "^[a-z]+$", default: here}
          paths: {type: array, items: {type: string}}
          deep: {type: object, properties: {n: {oneOf: [{type: integer}, {type: string, enum: [a, b]}]}}}
        required: [where]
    tools: [{name: find, arguments: [{name: q, type: string}], annotations: {readOnlyHint: true}}]
  away: {remote: {url: "https://docs.example/mcp", transport_type: sse, headers: {Authorization: "Bearer ${KEY}"}}}
  curl:
    type: poci
    tools:
      - name: curl
        parameters: {type: object, properties: {args: {type: array, items: {type: string}}}, required: [args]}
        container: {image: "alpine/curl", command: ["{{args|into}}"], volumes: ["{{args|first}}:/x"], user: "1"}
"""
ENTRY = CATALOG.partition("  away:")[0]
"""The part of the catalog that the hub takes; it is read for each hub."""

LOCKED = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
"""
LOCK = """\
{
  "format": "mcphub.lock/v1",
  "servers": {
    "notes": {
      "era": "modern",
      "files": {"srv/notes.py": "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
      "launch": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
      "tools": {"add": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
    }
  }
}
"""
TEMPLATES = (
    "{{s.a}}",
    "x {{ s.b | first | or:[a, b] }} $KEY ${KEY}",
    "{{s.l|volume-target|into}}",
    "{{s.a|mount_as:/x}}",
)
TOKENS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "- ",
        "? ",
        "#",
        "\n",
        "\n  ",
        "\t",
        "'",
        '"',
        "|",
        ">",
        "&a ",
        "*a",
        "!!str ",
        "<<",
        "%",
    ),
    *(
        "---\n",
        "...\n",
        "${",
        "$$",
        "${vars.zone}",
        "{{",
        "}}",
        "|or:",
        "null",
        "~",
        "true",
        "no",
        "0x1F",
        "1e400",
        "007",
        "9" * 70,
    ),
    *(
        "\0",
        "\x85",
        "\u2028",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\U000e0041",
        "\\u0000",
        "\\ud800",
        "é",
        "\N{MAN}\u200d\N{PERSONAL COMPUTER}",
    ),
    *(
        "name",
        "servers",
        "from",
        "config",
        "secrets",
        "registry",
        "oneOf",
        "$ref",
        "pattern",
        "(",
        "default",
        "tools",
        "env://",
    ),
    *("..", "/", "../..", "C:\\", "::", "@", "sha256:", "<<<<<<< ", "http://[::1]:0/", "\\"),
)
SETTINGS: Mapping[str, object] = {"a": "x", "b": ["p", 1, 2.0, True, None], "l": ["/data", "C:\\x"], "m": {"n": 1}}


def check_parse(data: bytes) -> None:
    """Check that `data` gives a tree or problems at places."""
    parsed = parse("document.yaml", data)
    _check(parsed.diagnostics, [parsed.source])
    assert parsed.root is not None or has_errors(parsed.diagnostics)


def check_hub(data: bytes, catalog: bytes = ENTRY.encode()) -> None:
    """Check that `data` is a hub or has problems at places, and that no lock can change that."""
    validated = validate("mcp-hub.yaml", data, {"catalog.yaml": catalog})
    _check(validated.diagnostics, validated.sources)
    assert validated.hub is not None or has_errors(validated.diagnostics)
    lock = open_lock("mcp-hub.lock", LOCK.encode())
    compiled = compile_hub(validated, lock, {"notes": ("mcp-hub.tools/notes.json", None)}, {}, locked=True)
    _check(compiled.diagnostics, compiled.sources)


def check_catalog(data: bytes) -> None:
    """Check that `data` is a catalog or has problems at places, and that each of its servers is bound or is not."""
    catalog, source, problems = read_catalog("catalog.yaml", data)
    _check(problems, [source])
    assert catalog is not None or has_errors(problems)
    if catalog is not None:
        found = revive("catalog.yaml", data, kept := preserve(catalog, source))
        assert found is not None
        assert preserve(*found) == kept
    for name in catalog.names if catalog is not None else ():
        _check_server(catalog, name, source)
    check_hub(HUB.encode(), data)


def check_lock(data: bytes) -> None:
    """Check that `data` is a lock, which is written as it is read, or has problems at places."""
    opened = open_lock("mcp-hub.lock", data)
    _check(opened.diagnostics, [opened.source])
    if opened.lock is None:
        assert has_errors(opened.diagnostics)
        return
    assert open_lock("mcp-hub.lock", write_lock(opened.lock)).lock == opened.lock
    compiled = compile_hub(
        validate("mcp-hub.yaml", LOCKED.encode()),
        opened,
        {name: (f"mcp-hub.tools/{name}.json", data) for name in opened.lock.servers},
        {},
        locked=False,
    )
    _check(compiled.diagnostics, compiled.sources)


def check_template(data: bytes) -> None:
    """Check that a template is filled in, or has faults at places of it."""
    template = data.decode("utf-8", "replace")
    scope = Scope(values={"s": SETTINGS}, declared=frozenset({"s.a", "s.b", "s.l", "s.m", "s.m.n", "s.none"}))
    variables = {"KEY": Word(parts=(SecretValue("KEY"),))}
    faults = (
        *expand(template, scope).faults,
        *expand_env(template, scope, variables)[1],
        *expand_argument(template, scope, variables)[1],
        *expand_volume(template, scope)[1],
    )
    assert all(0 <= fault.start <= fault.end <= len(template) and fault.detail for fault in faults)


TARGETS: Mapping[str, tuple[Callable[[bytes], None], tuple[str, ...]]] = {
    "parse": (check_parse, (HUB, CATALOG, LOCK)),
    "hub": (check_hub, (HUB,)),
    "catalog": (check_catalog, (CATALOG,)),
    "lock": (check_lock, (LOCK,)),
    "template": (check_template, TEMPLATES),
}
"""What is tried, and what is changed to try it."""


def _check_server(catalog: Catalog | None, name: str, source: Source) -> None:
    server = catalog.get(name) if catalog is not None else None
    assert server is not None
    for config in ({}, SETTINGS):
        bound, problems = bind(server, config)
        assert (bound is None) == bool(problems)
        assert all(problem.detail and (problem.path or problem.span) for problem in problems)
        spans = [problem.span for problem in problems if problem.span is not None]
        assert all(span.source == source.name for span in spans)


def _check(found: Iterable[Diagnostic], sources: Iterable[Source]) -> None:
    known = {source.name: source for source in sources}
    diagnostics = tuple(found)
    assert sort(diagnostics) == sort(sort(diagnostics))
    for each in diagnostics:
        assert each.span.start.line >= 1
        assert each.span.start.column >= 1
        assert each.span.start <= each.span.end
        shown = render(each, known)
        assert f"[{each.code.name}]" in shown
        assert all(line.isprintable() or "\t" in line for line in shown.split("\n"))
