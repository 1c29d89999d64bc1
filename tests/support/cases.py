"""Golden cases: a folder holds the input and what is expected of it; nothing else has to be written for a new one.

``diagnostics/CASE``: `mcp-hub.yaml`, with the catalogs `catalog*.yaml` and `server*.json` that it names; `tools.json`
(tool names by server) makes the lock that fits, with `offers.json` beside it (names and URIs by server and kind), a
`mcp-hub.lock` is taken as it is; `answers.json` (``packages``,
``images`` and ``tools`` by server) asks for a new lock; with an empty file `locked` the hub is compiled for a plan,
with `frozen` for one whose lock counts as it is, with `offline` it is locked without a network; `update` names the
servers that an update is about; the number in `repeat` says how often the document is repeated; `environment` names the
one that is read over the hub.
Expected: `diagnostics.txt`.

``render/CASE``: `mcp-hub.yaml` and `tools.json`. Expected: `compose.yaml`.

``reports/CASE``: `mcp-hub.yaml`. Expected: `reports.txt`, with the diagnostics in each format for programs.

``accounts/CASE``: like ``diagnostics``; the lock is that of `locked.yaml` where there is one, and `applied.yaml` with
`applied-tools.json` is what was applied. Expected: `accounts.txt`.

``reviews/CASE``: see `tests.support.reviews`. Expected: `review.txt`.

``plan/CASE``: `mcp-hub.yaml` with its catalogs, and `tools.json`; `applied.yaml` (and `applied-tools.json`) is what was
applied before, with `offers.json` and `applied-offers.json` beside them; `outside.json` what was changed since: the
servers whose containers were ``stopped`` or are ``gone``, the names of those whose ``files`` are gone, and the paths
that are ``new``. Expected: `plan.txt`, and the same as
`plan.json` where there is one.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from mcphub_gitops.compiler.account.server import account_of_server
from mcphub_gitops.compiler.account.statement import Asked
from mcphub_gitops.compiler.account.text import render_account
from mcphub_gitops.compiler.account.tool import account_of_tool, names_of
from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.compilation import NO_LOCK, Compiled, compile_hub, open_lock
from mcphub_gitops.compiler.diagnostic import Diagnostic, render, sort
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.layering import Environment, open_layers
from mcphub_gitops.compiler.lock.assembly import assemble, pin
from mcphub_gitops.compiler.lock.definitions import Definitions, write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.lock.freshness import locked_files
from mcphub_gitops.compiler.lock.offline import answer_offline
from mcphub_gitops.compiler.lock.questions import ImageAnswer, PackageAnswer, ToolsAnswer
from mcphub_gitops.compiler.lock.selection import find_pinned
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.file import write_plan
from mcphub_gitops.compiler.plan.observed import Observed, SeenContainer
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.text import render_plan
from mcphub_gitops.compiler.read.syntax import MAX_BYTES
from mcphub_gitops.compiler.render.compose import render_compose
from mcphub_gitops.compiler.report.document import render_json, render_json_lines
from mcphub_gitops.compiler.report.github import render_github
from mcphub_gitops.compiler.report.gitlab import render_gitlab
from mcphub_gitops.compiler.report.identity import Report
from mcphub_gitops.compiler.report.sarif import render_sarif
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.sourcing import understand_with, validate
from mcphub_gitops.compiler.validation import Document, Validated
from mcphub_gitops.runtime.cli.enforcing import enforce_project
from mcphub_gitops.runtime.files import find_files
from mcphub_gitops.runtime.tree import Folder
from tests.support.hubs import hub_of, lock_of
from tests.support.offers import answer_of, files_of, offers_in_case, with_offers

AS_OF = "2026-06-15"
CATALOGS = ("catalog*.yaml", "server*.json")
CASES = Path(__file__).parents[1] / "cases"


def run_diagnostics(case: Path) -> str:
    """Return the diagnostics of the case's hub as people read them."""
    _, validated, compiled = _compile(case)
    answers = case / "answers.json"
    found = compiled.diagnostics
    if answers.exists() and validated.hub is not None:
        found = _answered(validated.hub, json.loads(answers.read_bytes()))
    if (case / "offline").exists() and validated.hub is not None:
        found = answer_offline(
            validated.hub, open_lock("mcp-hub.lock", _lock(case, validated.hub)[0]).lock or NO_LOCK
        ).problems
    if (case / "update").exists() and validated.hub is not None:
        found = tuple(find_pinned(validated.hub, (case / "update").read_text("utf-8").split()))
    return _shown(found, compiled.sources)


def run_accounts(case: Path) -> str:
    """Return what can be said of each server of the case's hub and of each of its tools that is known."""
    document, _, compiled = _compile(case)
    assert document.root is not None
    assert compiled.hub is not None
    data, definitions = _lock(case, compiled.hub)
    applied = case / "applied.yaml"
    asked = Asked(
        root=document.root,
        layers=document.layers,
        hub=compiled.hub,
        lock=open_lock("mcp-hub.lock", data).lock or NO_LOCK,
        lock_name="mcp-hub.lock",
        stale=compiled.stale,
        bound=compiled.bound,
        applied=_desired(applied, case / "applied-tools.json") if applied.exists() else None,
        verdicts=compiled.verdicts if isinstance(compiled, Enforced) else (),
        diagnostics=compiled.diagnostics,
    )
    shown = []
    for server in asked.hub.servers:
        shown.append(render_account(server.name, asked.hub.name, account_of_server(asked, server)))
        about = replace(asked, definitions=definitions.get(server.name, {}))
        for tool in names_of(asked, server):
            account = account_of_tool(about, server, tool)
            shown.append(render_account(f"{server.name}.{tool}", asked.hub.name, account))
    return "\n".join(shown)


def _compile(case: Path) -> tuple[Document, Validated, Compiled]:
    """Return the case's hub with its catalogs, lock and policies."""
    document = open_layers(
        "mcp-hub.yaml",
        _hub_text(case),
        partial(find_files, case, limit=MAX_BYTES),
        _environment(case),
    )
    validated = understand_with(document, _catalogs(case))
    lock, definitions = _lock(case, validated.hub)
    lock_file = open_lock("mcp-hub.lock", lock)
    offered = lock_file.lock or NO_LOCK
    offers = with_offers(validated.hub, offered, offers_in_case(case))[1] if validated.hub is not None else {}
    compiled = compile_hub(
        validated,
        lock_file,
        {
            name: (f"mcp-hub.tools/{name}.json", write_definitions(definitions[name]) if name in definitions else None)
            for name in (lock_file.lock or NO_LOCK).servers
        },
        _files(validated.hub),
        locked=(case / "locked").exists(),
        frozen=(case / "frozen").exists(),
        offers=files_of(offers),
    )
    if compiled.hub is not None and compiled.hub.has_policies:
        compiled = enforce_project(compiled, case, Folder(case), AS_OF)
    return document, validated, compiled


def _environment(case: Path) -> Environment | None:
    """Return the environment whose name the file `environment` has."""
    if not (case / "environment").exists():
        return None
    name = (case / "environment").read_text("utf-8").strip()
    file = f"environments/{name}.yaml"
    return Environment(name, file, (case / file).read_bytes())


def _hub_text(case: Path) -> bytes:
    """Return the case's hub: its text so often as `repeat` says, its last line as `many` says, each with its number."""
    text = (case / "mcp-hub.yaml").read_bytes()
    if (case / "repeat").exists():
        return text * int((case / "repeat").read_text("utf-8"))
    if (case / "many").exists():
        *head, last = text.splitlines(keepends=True)
        numbers = range(int((case / "many").read_text("utf-8")))
        return b"".join([*head, *(last.replace(b"@", str(number).encode()) for number in numbers)])
    return text


def run_reports(case: Path) -> str:
    """Return the diagnostics of the case's hub in each format for programs, as of a folder of a repository."""
    validated = validate("mcp-hub.yaml", (case / "mcp-hub.yaml").read_bytes())
    sources = {source.name: source for source in validated.sources}
    report = Report(diagnostics=validated.diagnostics, sources=sources, folder="hubs/a b", version="1.2.3")
    annotated = render_github(report)
    shown = {
        "json": render_json(report),
        "jsonl": render_json_lines(report),
        "github": annotated.commands,
        "github, summary": annotated.summary,
        "gitlab": render_gitlab(report),
        "sarif": render_sarif(report).text,
    }
    return "".join(f"== {name} ==\n{text}" for name, text in shown.items())


def run_plan(case: Path) -> str:
    """Return the plan from what the case has applied to its hub, in words."""
    return render_plan(_planned(case))


def run_saved_plan(case: Path) -> str:
    """Return the same plan as a document."""
    return json.dumps(json.loads(write_plan(_planned(case))), indent=2, ensure_ascii=False) + "\n"


def _planned(case: Path) -> Plan:
    desired = _desired(case / "mcp-hub.yaml", case / "tools.json")
    observed = Observed()
    if (case / "applied.yaml").exists():
        tools = case / "applied-tools.json"
        observed = as_observed(_desired(case / "applied.yaml", tools if tools.exists() else case / "tools.json"))
    if (case / "outside.json").exists():
        observed = _changed_outside(desired, observed, json.loads((case / "outside.json").read_bytes()))
    return reconcile(desired, observed, Options())


def _changed_outside(desired: Desired, observed: Observed, changed: Mapping[str, list[str]]) -> Observed:
    names = desired.container_names()
    gone, stopped = ({names[each] for each in changed.get(key, ())} for key in ("gone", "stopped"))
    containers = {
        name: replace(seen, state="exited", exit_code=137) if name in stopped else seen
        for name, seen in observed.containers.items()
        if name not in gone
    }
    lost = {each.environment.digest for each in desired.servers if each.environment and each.name in changed["files"]}
    return replace(
        observed,
        containers=MappingProxyType(containers),
        environments=observed.environments - lost,
        files=MappingProxyType({**observed.files, **{path: digest(b"new") for path in changed["new"]}}),
    )


def run_render(case: Path) -> str:
    """Return the compose file of the case's hub; a package has its environment in a folder of its server's name."""
    desired = _desired(case / "mcp-hub.yaml", case / "tools.json")
    packages = {
        server.name: Contained(
            folder=f".mcphub/packages/{server.name}",
            entrypoint=("python3", "/mcphub/package/run"),
            env={"PYTHONPATH": "/mcphub/package"},
        )
        for server in desired.servers
        if server.environment is not None
    }
    return render_compose(desired, "00000000-0000-4000-8000-000000000000", packages).decode()


def as_observed(desired: Desired) -> Observed:
    """Return what is seen where `desired` was reached."""
    environments = (server.environment for server in desired.servers)
    names = desired.container_names()
    return Observed(
        servers=MappingProxyType({server.name: MappingProxyType(server.fields()) for server in desired.servers}),
        environments=frozenset(each.digest for each in environments if each is not None),
        files=MappingProxyType({path: digest for server in desired.servers for path, digest in server.files.items()}),
        generation="sha256:1",
        scratch=frozenset(server.name for server in desired.servers if server.is_process),
        containers=MappingProxyType(
            {
                names[server.name]: SeenContainer(
                    name=names[server.name], server=server.name, spec=server.spec_digest(), state="running"
                )
                for server in desired.servers
                if server.name in names
            }
        ),
        images=frozenset(container.image for server in desired.servers for container in server.containers),
        secrets=MappingProxyType(desired.secret_files()),
        gateway=MappingProxyType(desired.gateway()),
        state=desired.state_digest(),
        standing=MappingProxyType(desired.standing()),
    )


def _desired(hub_file: Path, tools_file: Path) -> Desired:
    hub = hub_of(hub_file.read_text("utf-8"), _catalogs(hub_file.parent))
    lock, definitions = lock_of(hub, json.loads(tools_file.read_bytes()))
    offers = offers_in_case(tools_file.parent, tools_file.name.replace("tools", "offers"))
    lock, offered = with_offers(hub, lock, offers)
    desired, problems = build(hub, lock, definitions, offered)
    assert problems == ()
    return desired


def _catalogs(case: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for pattern in CATALOGS for file in case.glob(pattern)}


def _files(hub: Hub | None) -> dict[str, str]:
    servers = hub.servers if hub is not None else ()
    return {path: digest(path.encode()) for server in servers for path in locked_files(server)}


def _lock(case: Path, hub: Hub | None) -> tuple[bytes | None, Mapping[str, Definitions]]:
    if (case / "mcp-hub.lock").exists():
        return (case / "mcp-hub.lock").read_bytes(), {}
    if hub is None or not (case / "tools.json").exists():
        return None, {}
    if (case / "locked.yaml").exists():
        hub = hub_of((case / "locked.yaml").read_text("utf-8"), _catalogs(case))
    lock, definitions = lock_of(hub, json.loads((case / "tools.json").read_bytes()))
    return write_lock(with_offers(hub, lock, offers_in_case(case))[0]), definitions


def _answered(hub: Hub, answers: Mapping[str, Mapping[str, object]]) -> tuple[Diagnostic, ...]:
    packages = {name: PackageAnswer(problem=str(problem)) for name, problem in answers.get("packages", {}).items()}
    images = {name: ImageAnswer(problem=str(problem)) for name, problem in answers.get("images", {}).items()}
    pinned, problems = pin(hub, packages, images, {}, {})
    if problems:
        return sort(problems)
    tools: dict[str, ToolsAnswer] = {}
    for name, names in answers["tools"].items():
        assert isinstance(names, list)
        offers = answer_of(answers.get("offers", {}).get(name, {}))  # type: ignore[arg-type]
        tools[name] = ToolsAnswer(era="modern", tools=tuple({"name": tool} for tool in names), offers=offers)
    return sort(assemble(hub, pinned, tools).diagnostics)


def _shown(diagnostics: tuple[Diagnostic, ...], sources: tuple[Source, ...]) -> str:
    known = {source.name: source for source in sources}
    return "".join(render(each, known) + "\n\n" for each in diagnostics)
