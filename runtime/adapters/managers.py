"""The package managers behind one port: a package's name says whose it is."""

from dataclasses import replace

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.ports import Packages, Program

_NPM = "npm:"


class PackageManagers:
    """Packages of PyPI and of npm in one folder; implements `ports.Packages`."""

    def __init__(self, *, pypi: Packages, npm: Packages) -> None:
        self._pypi = pypi
        self._npm = npm

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Ask the index that the requirement is of; raises RuntimeFailure when it cannot be reached. Blocking."""
        is_npm = question.requirement.startswith(_NPM)
        # A server that was a package of the other index has nothing to prefer here.
        preferred = tuple(line for line in question.preferred if line.startswith(_NPM) is is_npm)
        return self._of(question.requirement).resolve(replace(question, preferred=preferred))

    def install(self, environment: Environment) -> None:
        """Install from the locked hashes, whole or not at all; raises RuntimeFailure. Blocking, thread-safe."""
        self._of(environment.package).install(environment)

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """Return the digests of the environments that are whole; `deep` compares every file with its hash."""
        return self._pypi.installed(deep=deep) | self._npm.installed(deep=deep)

    def program(self, environment: Environment) -> Program:
        """Return the program of an installed environment; raises RuntimeFailure when there is none, or several."""
        return self._of(environment.package).program(environment)

    def place(self, environment: Environment) -> Program:
        """Return where the program of `environment` is, or will be once it is installed; raises nothing."""
        return self._of(environment.package).place(environment)

    def contained(self, environment: Environment) -> Contained:
        """Return how a container runs `environment`; raises RuntimeFailure as `program` does."""
        return self._of(environment.package).contained(environment)

    def remove(self, digest: str) -> None:
        """Remove an environment; nothing happens when there is none."""
        self._pypi.remove(digest)
        self._npm.remove(digest)

    def _of(self, package: str) -> Packages:
        return self._npm if package.startswith(_NPM) else self._pypi
