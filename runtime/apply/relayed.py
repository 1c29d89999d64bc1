"""Package managers that answer as others do, for those that answer one question otherwise."""

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.ports import Packages, Program


class RelayedPackages:
    """Passes every question on; a `Packages`."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """See `ports.Packages`."""
        return self._packages.resolve(question)

    def install(self, environment: Environment) -> None:
        """See `ports.Packages`."""
        self._packages.install(environment)

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """See `ports.Packages`."""
        return self._packages.installed(deep=deep)

    def program(self, environment: Environment) -> Program:
        """See `ports.Packages`."""
        return self._packages.program(environment)

    def place(self, environment: Environment) -> Program:
        """See `ports.Packages`."""
        return self._packages.place(environment)

    def contained(self, environment: Environment) -> Contained:
        """See `ports.Packages`."""
        return self._packages.contained(environment)

    def remove(self, digest: str) -> None:
        """See `ports.Packages`."""
        self._packages.remove(digest)
