"""What was changed outside: how the objects that were seen differ from what was applied, whatever the hub says now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.plan.call import CALLS
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.observed import Observed, SeenContainer
from mcphub_gitops.compiler.resolve.path import folders_above


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """An object that is not what was applied: its address, and what is different, as the end of a sentence."""

    address: str
    detail: str


def find_deviations(desired: Desired, observed: Observed) -> tuple[Deviation, ...]:
    """Return how what was `observed` differs from what is applied, in the order of addresses.

    `desired` has the names of the containers of servers that are to stay what they are; of one that changes, any
    container that runs as it was made is taken for the applied one. Where nothing is applied, nothing can deviate.
    """
    if not observed.state:
        return ()
    found = [*_server_deviations(desired, observed), *_foreign_files(desired, observed)]
    if not observed.generation:
        found.append(Deviation(address="generation", detail="its files are not what was applied"))
    return tuple(sorted(found, key=lambda each: (each.address, each.detail)))


def foreign_files_of(servers: tuple[DesiredServer, ...], observed: Observed) -> dict[str, tuple[str, ...]]:
    """Return the files that stand among the code of each of `servers` and are not locked, of those that have any."""
    holders: dict[str, list[DesiredServer]] = {}
    for server in servers:
        if server.code:
            holders.setdefault(server.code, []).append(server)
    found: dict[str, list[str]] = {}
    for path in sorted(observed.files) if holders else ():
        above = (server for folder in folders_above(path) for server in holders.get(folder, ()))
        for server in above:
            if path not in server.files:
                found.setdefault(server.name, []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def _foreign_files(desired: Desired, observed: Observed) -> Iterator[Deviation]:
    for name, paths in foreign_files_of(desired.servers, observed).items():
        yield from (Deviation(address=f"server.{name}", detail=f"{path} is new among its code") for path in paths)


def _server_deviations(desired: Desired, observed: Observed) -> Iterator[Deviation]:
    names, facts = desired.container_names(), desired.facts()
    seen = _by_server(observed.containers.values())
    for name, applied in observed.servers.items():
        stays = facts.get(name) == applied
        containers, wanted = seen.pop(name, []), names.get(name, "")
        details = [*_details(name, applied, observed)]
        if "image" in applied:
            details.append(_container_detail(containers, wanted, stays=stays))
        yield from (Deviation(address=f"server.{name}", detail=detail) for detail in details if detail)
        if stays:
            yield from _strays(each for each in containers if each.name != wanted)
    for server, containers in seen.items():
        yield from _strays(containers) if server not in facts else ()


def _by_server(containers: Iterable[SeenContainer]) -> dict[str, list[SeenContainer]]:
    found: dict[str, list[SeenContainer]] = {}
    for each in containers:
        found.setdefault(each.server, []).append(each)
    return found


def _secret_files(applied: Iterable[str]) -> set[str]:
    return {fact.partition(".")[2] for fact in applied if fact.startswith("secretFiles.")}


def _details(name: str, applied: Mapping[str, str], observed: Observed) -> Iterator[str]:
    if "environment" in applied and applied["environment"] not in observed.environments:
        yield f"the installed files of {applied['package']} are gone or were changed"
    if _secret_files(applied) - observed.secrets.get(name, frozenset()):
        yield "the files of its secrets are gone"
    if CALLS in applied:
        missing = {value for fact, value in applied.items() if fact.startswith("image.")} - observed.images
        yield from (f"the engine does not have its image {image}" for image in sorted(missing))
    is_process = applied.keys().isdisjoint(("image", "url", CALLS))
    if is_process and name not in observed.scratch | observed.former:
        yield "its private folder is gone"


def _container_detail(containers: list[SeenContainer], wanted: str, *, stays: bool) -> str:
    """Return what is wrong with the applied container; `wanted` is the name of the one that is to run."""
    own = [each for each in containers if (each.name == wanted) is stays]
    if not own:
        return "its container is gone"
    return "" if any(each.is_intact for each in own) else f"its container {own[0].trouble}"


def _strays(containers: Iterable[SeenContainer]) -> Iterator[Deviation]:
    for each in containers:
        yield Deviation(
            address=f"container.{each.name}", detail="it has the hub's labels, and is none of its containers"
        )
