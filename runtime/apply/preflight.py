"""The secrets of many servers, read together before anything is begun, so that what is missing changes nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Secrets
from mcphub_gitops.runtime.wish import SecretsFailure, SecretWish, read_all


def wish_of(server: DesiredServer, references: Mapping[str, str]) -> SecretWish:
    """Return the wish for those of the secrets of `server` that are `references`."""
    return SecretWish(server=server.name, references=references, stores=server.stores, programs=server.files)


def with_secrets(servers: Sequence[DesiredServer], site: Site) -> tuple[Site, dict[str, SecretsFailure]]:
    """Return `site` with the secrets of `servers` read, and why those of a server cannot be, by its name; blocking.

    The values are kept for as long as that site is, and asked for once.
    """
    fetched = _Fetched(site.secrets)
    outcomes = read_all(fetched, [wish_of(server, _all_of(server)) for server in servers])
    failures = {
        server.name: outcome
        for server, outcome in zip(servers, outcomes, strict=True)
        if isinstance(outcome, SecretsFailure)
    }
    return replace(site, secrets=fetched), failures


def _all_of(server: DesiredServer) -> dict[str, str]:
    files = server.container.secret_files if server.container is not None else {}
    return {**server.secrets, **files}


class _Fetched:
    """Answers from what was read before; a `Secrets`."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: dict[str, str | RuntimeFailure] = {}

    def fetch(
        self, references: Collection[str], *, stores: Mapping[str, Mapping[str, str]], programs: Mapping[str, str]
    ) -> Mapping[str, str | RuntimeFailure]:
        """See `ports.Secrets`."""
        missing = [reference for reference in references if reference not in self._known]
        if missing:
            self._known |= self._secrets.fetch(missing, stores=stores, programs=programs)
        return {reference: self._known[reference] for reference in references}
