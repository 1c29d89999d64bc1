"""Which secrets a server is to have, and how it gets their values through the port that reads them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mcphub_gitops.runtime.failure import RuntimeFailure, join_failures
from mcphub_gitops.runtime.ports import Launch, Secrets

_COMPOSED = re.compile(r"\$(?:\$|\{([^{}]*)\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWish:
    """What one server is to have: references by variable, or by header of a remote server.

    A reference may be composed: text with references in it, each as ``${REFERENCE}``, and ``$$`` for a dollar. `stores`
    and `programs` are as in `ports.Secrets`.
    """

    server: str
    references: Mapping[str, str]
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)


def wish_for(server: str, launch: Launch) -> SecretWish:
    """Return what `launch` of `server` needs."""
    return SecretWish(server=server, references=launch.secrets, stores=launch.stores, programs=launch.files)


def read_secrets(secrets: Secrets, wish: SecretWish) -> dict[str, str]:
    """Return the values of `wish` by variable; blocking. Raises RuntimeFailure that names each that is missing."""
    (outcome,) = read_all(secrets, [wish])
    if isinstance(outcome, RuntimeFailure):
        raise outcome
    return outcome


def read_all(secrets: Secrets, wishes: Sequence[SecretWish]) -> list[dict[str, str] | RuntimeFailure]:
    """Return the values of each of `wishes`, which are those of one hub, or why there are none; blocking.

    All are asked for at once, so that a store is entered once.
    """
    references = {each for wish in wishes for reference in wish.references.values() for each in _parts(reference)}
    stores = {name: facts for wish in wishes for name, facts in wish.stores.items()}
    programs = {path: digest for wish in wishes for path, digest in wish.programs.items()}
    found = secrets.fetch(references, stores=stores, programs=programs) if references else {}
    return [_outcome(wish, found) for wish in wishes]


def _parts(reference: str) -> Iterable[str]:
    if "$" not in reference:
        return [reference]
    return [match[1] for match in _COMPOSED.finditer(reference) if match[1] is not None]


def _outcome(wish: SecretWish, found: Mapping[str, str | RuntimeFailure]) -> dict[str, str] | RuntimeFailure:
    failures: dict[int, tuple[RuntimeFailure, list[str]]] = {}
    for variable, reference in wish.references.items():
        for part in _parts(reference):
            failure = found[part]
            if isinstance(failure, RuntimeFailure):
                # What a store fails with is told once, of all that is in it.
                failures.setdefault(id(failure), (failure, []))[1].append(f"{variable} ({part})")
    if failures:
        return join_failures([_named(wish.server, failure, missing) for failure, missing in failures.values()])
    values = {part: value for part, value in found.items() if isinstance(value, str)}
    return {
        variable: _COMPOSED.sub(lambda match: "$" if match[1] is None else values[match[1]], reference)
        if "$" in reference
        else values[reference]
        for variable, reference in wish.references.items()
    }


def _named(server: str, failure: RuntimeFailure, missing: Sequence[str]) -> RuntimeFailure:
    return RuntimeFailure(
        failure.brief,
        detail=f"{failure.detail}\nThe server {server} needs {', '.join(missing)}.".lstrip(),
        resolution=failure.resolution,
        retryable=failure.retryable,
    )
