"""A hub that is applied, with a bit of all that may change unseen, beside an engine that a test changes by hand."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.container import specs_of
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.cli.main import cli
from mcphub_gitops.runtime.cli.options import _project as project_of
from mcphub_gitops.runtime.cli.options import today
from mcphub_gitops.runtime.cli.remembered import repeat
from mcphub_gitops.runtime.engines.docker.body import create_body
from tests.support.engine_fake import FakeEngine, fake_engine, inspected
from tests.support.hubs import lock_of
from tests.support.machine import Listener, MemoryContainers, MemorySecrets, ScriptedProber, site_of

FILES = {
    "mcp-hub.yaml": """\
apiVersion: mcphub/v1
name: acme
include: ["teams/*.yaml"]
policies: ["policies/*.yaml"]
servers:
  search:
    image: "registry.example/search:1"
    secrets: {TOKEN: {exec: [tools/token.sh]}, FILE: {ref: "env://KEY", as: file}}
    mounts: ["./docs:/docs", "./more:/more"]
""",
    "teams/a.yaml": "servers: {find: {image: 'registry.example/find:1'}}\n",
    "policies/base.yaml": """\
apiVersion: mcphub/policy/v1
rules:
  - name: allowed-registries
    level: deny
    match: {kind: image}
    deny: "image.registry != 'registry.example'"
    message: Images come from our registry.
""",
    "tools/token.sh": "tools/token.sh",
    "docs/a": "",
    "more/a": "",
}
TOOLS = {"search": ("seek",), "find": ("find",)}


@dataclass
class Applied:
    """The hub's folder, the engine, and the two ways in which `mcphub apply` is answered."""

    folder: Path
    engine: FakeEngine

    @property
    def runtime(self) -> Path:
        return self.folder / ".mcphub"

    def repeats(self, *arguments: str) -> bool:
        """Whether an apply is answered by what is remembered."""
        return repeat(arguments)

    def decides(self, *arguments: str) -> str:
        """Return what the ordinary way says to an apply: nothing where it finds no change, and is at ease."""
        result = CliRunner().invoke(cli, ["apply", *arguments])
        if result.exception is None and result.exit_code == 0 and result.output.startswith("No changes."):
            return ""
        return f"{result.exit_code} {result.output} {result.exception!r}"

    def remember(self) -> None:
        assert self.decides() == ""
        assert self.repeats()


@contextmanager
def applied(folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str] = FILES) -> Iterator[Applied]:
    """Write, lock and apply the hub in `folder`, which is the current one then; nothing is remembered yet."""
    folder = folder.resolve()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    with fake_engine(folder.parent) as engine:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.socket}")
        project = project_of(Path("mcp-hub.yaml"), "")
        hub = project.validate().hub
        assert hub is not None
        lock, definitions = lock_of(hub, {server.name: TOOLS[server.name] for server in hub.servers})
        project.save_lock(lock, definitions)
        compiled = project.compile(locked=True, as_of=today())
        assert compiled.desired is not None, compiled.diagnostics
        site = site_of(
            folder,
            ScriptedProber(definitions),
            secrets=MemorySecrets({"env://KEY": "a", "exec://tools/token.sh": "b"}),
            containers=MemoryContainers(path=engine.socket),
        )
        site.layout.take_lineage(site.lineage)
        plan = reconcile(compiled.desired, asyncio.run(observe(compiled.desired, site)), Options())
        report = asyncio.run(apply_plan(plan, site, Listener()))
        assert not report.failures, report.failures
        for spec in specs_of(compiled.desired, (), site):
            filled = replace(spec, env={**spec.env, **dict.fromkeys(spec.secrets, "b")})
            engine.containers[spec.name] = inspected(spec.name, create_body(filled))
            engine.images.add(spec.image)
        yield Applied(folder, engine)
