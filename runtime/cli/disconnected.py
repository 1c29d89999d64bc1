"""The ports of a run without a network: what is at hand is used, all else is refused by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.resolve.location import Location
from mcphub_gitops.compiler.resolve.store import Vault
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.cli.deferred import DeferredPackages
from mcphub_gitops.runtime.cli.engines import Engines
from mcphub_gitops.runtime.failure import OfflineError, RuntimeFailure
from mcphub_gitops.runtime.ports import Child, LineSink, RemoteSpec, Spec

_RESOLUTION = "run it once without --offline"


class OfflinePackages(DeferredPackages):
    """Packages of the caches of uv and npm; `answers` are what is known by requirement."""

    def __init__(self, layout: Layout, answers: Mapping[str, PackageAnswer] | None = None) -> None:
        super().__init__(layout, offline=True)
        self._answers = answers or {}

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Answer from what is known; raises OfflineError. See `ports.Packages`."""
        if question.requirement in self._answers:
            return self._answers[question.requirement]
        raise OfflineError(f"{question.requirement} is not locked", resolution=_RESOLUTION)

    def install(self, environment: Environment) -> None:
        """Install from the caches; raises OfflineError when they do not have it all. See `ports.Packages`."""
        try:
            super().install(environment)
        except RuntimeFailure as failure:
            raise OfflineError(
                f"{environment.package} cannot be installed from what is cached on this machine",
                detail=f"{failure.brief}\n{failure.detail}".strip(),
                resolution=_RESOLUTION,
            ) from failure


class OfflineRegistries:
    """Images that are known, by reference; a `Registries`."""

    def __init__(self, answers: Mapping[str, ImageAnswer] | None = None) -> None:
        self._answers = answers or {}

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        """Answer from what is known; raises OfflineError. See `ports.Registries`."""
        if question.reference in self._answers:
            return self._answers[question.reference]
        raise OfflineError(f"{question.reference} is not locked", resolution=_RESOLUTION)


class OfflineEngines(Engines):
    """Engines that fetch no image and reach no remote server."""

    async def pull(self, image: str, tell: Callable[[int, int], None]) -> None:
        """Refuse: raises OfflineError. See `ports.Containers`."""
        del tell
        raise OfflineError(f"the image {image} is not on the engine", resolution=_RESOLUTION)

    async def spawn(self, spec: Spec, sink: LineSink) -> Child:
        """Start what runs on this machine; raises OfflineError for what others run. See `ports.Spawner`."""
        if isinstance(spec, RemoteSpec):
            raise OfflineError(f"server {spec.server} is remote", resolution=_RESOLUTION)
        return await super().spawn(spec, sink)


def refuse_vault(
    vault: Vault, wanted: Mapping[str, Location], *, reveal: Callable[[str], str], root: Path
) -> Mapping[str, str | RuntimeFailure]:
    """See `adapters.secrets.sources.ReadVault`."""
    del vault, reveal, root
    return {
        reference: OfflineError(f"the secret {reference} is in a store that is reached over the network")
        for reference in wanted
    }
