"""Ports whose rooms are loaded when they are first asked: most commands ask few of them, and all take long to load.

Measured for an apply of containers that has nothing to do: 0.41 s of CPU with all of them loaded, 0.32 s without.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.resolve.location import Location
from mcphub_gitops.compiler.resolve.store import Vault
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import names_in
from mcphub_gitops.runtime.ports import AnySpawner, Packages, Probe, Prober, Program, Registries, Spec
from mcphub_gitops.runtime.witness import doubt


class DeferredPackages:
    """The package managers; a `Packages`. Nothing is loaded while nothing is installed and nothing is asked for."""

    def __init__(self, layout: Layout, *, offline: bool = False) -> None:
        self._layout = layout
        self._offline = offline

    @cached_property
    def _managers(self) -> Packages:
        managers: Packages = lazy.load("managers").make_managers(self._layout, offline=self._offline)
        return managers

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """See `ports.Packages`."""
        return self._managers.resolve(question)

    def install(self, environment: Environment) -> None:
        """See `ports.Packages`."""
        self._managers.install(environment)

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """See `ports.Packages`."""
        if not names_in(self._layout.packages):
            return frozenset()
        doubt("installed packages are looked at")
        return self._managers.installed(deep=deep)

    def program(self, environment: Environment) -> Program:
        """See `ports.Packages`."""
        return self._managers.program(environment)

    def place(self, environment: Environment) -> Program:
        """See `ports.Packages`."""
        return self._managers.place(environment)

    def contained(self, environment: Environment) -> Contained:
        """See `ports.Packages`."""
        return self._managers.contained(environment)

    def remove(self, digest: str) -> None:
        """See `ports.Packages`."""
        self._managers.remove(digest)


class DeferredRegistries:
    """The image registries; a `Registries`."""

    @cached_property
    def _registries(self) -> Registries:
        registries: Registries = lazy.load("registries").make_registries()
        return registries

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        """See `ports.Registries`."""
        return self._registries.resolve(question)


class DeferredProber:
    """What asks servers for their tools; a `Prober`."""

    def __init__(self, spawner: AnySpawner) -> None:
        self._spawner = spawner

    @cached_property
    def _prober(self) -> Prober:
        prober: Prober = lazy.load("probing").make_prober(self._spawner)
        return prober

    async def probe(self, spec: Spec, *, timeout: float) -> Probe:  # noqa: ASYNC109  (the port's own word)
        """See `ports.Prober`."""
        return await self._prober.probe(spec, timeout=timeout)


def parse_dotenv(text: str) -> Mapping[str, str | None] | None:
    """See `adapters.secrets.file.ParseDotenv`."""
    found: Mapping[str, str | None] | None = lazy.load("dotenvs").parse_dotenv(text)
    return found


def read_vault(
    vault: Vault, wanted: Mapping[str, Location], *, reveal: Callable[[str], str], root: Path
) -> Mapping[str, str | RuntimeFailure]:
    """See `adapters.secrets.sources.ReadVault`."""
    found: Mapping[str, str | RuntimeFailure] = lazy.load("vaults").read_vault(vault, wanted, reveal=reveal, root=root)
    return found
