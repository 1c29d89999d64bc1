"""A machine in memory: package environments, programs and servers that answer with what the lock says.

Stands in for adapters and engines where every order of events is tried; the end-to-end tests use the real ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.events import Event
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, Probe, Program


@dataclass
class MemoryPackages:
    """Environments that are installed by being named."""

    digests: set[str] = field(default_factory=set)
    broken: str = ""

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        name, _, version = question.requirement.partition("==")
        package = f"{name}=={version or '1'}"
        return PackageAnswer(package=package, requirements=(f"{package} --hash=sha256:{'0' * 64}",))

    def install(self, environment: Environment) -> None:
        if environment.package == self.broken:
            raise RuntimeFailure(f"{environment.package} cannot be installed", resolution="try again")
        self.digests.add(environment.digest)

    def installed(self, *, deep: bool = False) -> frozenset[str]:  # noqa: ARG002  (the port's signature)
        return frozenset(self.digests)

    def program(self, environment: Environment) -> Program:
        if environment.digest not in self.digests:
            raise RuntimeFailure(f"{environment.package} is not installed")
        return self.place(environment)

    def place(self, environment: Environment) -> Program:
        return Program(path=f"/packages/{environment.package}")

    def remove(self, digest: str) -> None:
        self.digests.discard(digest)


@dataclass
class ScriptedProber:
    """Answers for each server with the definitions it was given; a server without any does not start."""

    offers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    asked: list[ChildSpec] = field(default_factory=list)

    async def probe(self, spec: ChildSpec, *, timeout: float) -> Probe:  # noqa: ARG002, ASYNC109  (the port's signature)
        self.asked.append(spec)
        if spec.server not in self.offers:
            raise RuntimeFailure(f"server {spec.server} did not start")
        tools = tuple(self.offers[spec.server].values())
        return Probe(era="modern", revision="2026-07-28", server_info={}, tools=tools)


@dataclass
class MemorySecrets:
    """Values by reference."""

    values: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, reference: str) -> str:
        if reference not in self.values:
            raise RuntimeFailure(f"the secret {reference} is not set")
        return self.values[reference]


@dataclass
class Listener:
    """Keeps what is reported."""

    events: list[Event] = field(default_factory=list)

    def report(self, event: Event) -> None:
        self.events.append(event)


def find_nothing(name: str, *, cwd: str, server: str) -> Program:  # noqa: ARG001  (the port's signature)
    return Program(path=f"/programs/{name}")


def assess_nothing(spec: ChildSpec) -> Isolation:  # noqa: ARG001  (the port's signature)
    return Isolation(measures=("memory",))


def site_of(
    root: Path, prober: ScriptedProber, *, packages: MemoryPackages | None = None, secrets: MemorySecrets | None = None
) -> Site:
    """Return a prepared site at `root`."""
    layout = Layout(folder=root / ".mcphub")
    layout.prepare()
    return Site(
        root=root,
        layout=layout,
        packages=packages or MemoryPackages(),
        find_program=find_nothing,
        assess=assess_nothing,
        prober=prober,
        secrets=secrets or MemorySecrets(),
    )
