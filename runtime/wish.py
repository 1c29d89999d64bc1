"""Which secrets a server is to have, and how it gets their values through the port that reads them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mcphub_gitops.compiler.resolve.location import references_in
from mcphub_gitops.runtime.failure import RuntimeFailure, join_failures
from mcphub_gitops.runtime.ports import Launch, Secrets

_COMPOSED = re.compile(r"\$(?:\$|\{([^{}]*)\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWish:
    """What one server is to have: references by variable, or by header of a remote server.

    The gateway itself has no `server`; its references are by the name of a token.

    A reference may be composed: text with references in it, each as ``${REFERENCE}``, and ``$$`` for a dollar. `stores`
    and `programs` are as in `ports.Secrets`.
    """

    server: str
    references: Mapping[str, str]
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)


class SecretsFailure(RuntimeFailure):
    """Secrets that cannot be read: `missing` are the reasons, each with a sentence that says who needs what.

    A reason that several have in common, such as a store that is sealed, is told once.
    """

    def __init__(self, missing: Iterable[tuple[RuntimeFailure, str]]) -> None:
        self.missing = tuple(missing)
        grouped: dict[int, tuple[RuntimeFailure, list[str]]] = {}
        for reason, needs in self.missing:
            grouped.setdefault(id(reason), (reason, []))[1].append(needs)
        joined = join_failures([_with_needs(reason, needs) for reason, needs in grouped.values()])
        super().__init__(joined.brief, detail=joined.detail, resolution=joined.resolution, retryable=joined.retryable)

    @classmethod
    def of_all(cls, failures: Iterable["SecretsFailure"]) -> "SecretsFailure":
        """Return one failure that tells of all of `failures`."""
        return cls(each for failure in failures for each in failure.missing)


def wish_for(server: str, launch: Launch) -> SecretWish:
    """Return what `launch` of `server` needs."""
    return SecretWish(server=server, references=launch.secrets, stores=launch.stores, programs=launch.files)


def read_secrets(secrets: Secrets, wish: SecretWish) -> dict[str, str]:
    """Return the values of `wish` by variable; blocking. Raises RuntimeFailure that names each that is missing."""
    (outcome,) = read_all(secrets, [wish])
    if isinstance(outcome, SecretsFailure):
        raise outcome
    return outcome


def read_all(secrets: Secrets, wishes: Sequence[SecretWish]) -> list[dict[str, str] | SecretsFailure]:
    """Return the values of each of `wishes`, which are those of one hub, or why there are none; blocking.

    All are asked for at once, so that a store is entered once.
    """
    references = {
        each for wish in wishes for reference in wish.references.values() for each in references_in(reference)
    }
    stores = {name: facts for wish in wishes for name, facts in wish.stores.items()}
    programs = {path: digest for wish in wishes for path, digest in wish.programs.items()}
    found = secrets.fetch(references, stores=stores, programs=programs) if references else {}
    return [_outcome(wish, found) for wish in wishes]


def _outcome(wish: SecretWish, found: Mapping[str, str | RuntimeFailure]) -> dict[str, str] | SecretsFailure:
    reasons: dict[int, tuple[RuntimeFailure, list[str]]] = {}
    for variable, reference in wish.references.items():
        for part in references_in(reference):
            reason = found[part]
            if isinstance(reason, RuntimeFailure):
                reasons.setdefault(id(reason), (reason, []))[1].append(f"{variable} ({part})")
    if reasons:
        needs = f"The server {wish.server} needs" if wish.server else "The gateway needs the token"
        return SecretsFailure((reason, f"{needs} {', '.join(names)}.") for reason, names in reasons.values())
    values = {part: value for part, value in found.items() if isinstance(value, str)}
    return {
        variable: _COMPOSED.sub(lambda match: "$" if match[1] is None else values[match[1]], reference)
        if "$" in reference
        else values[reference]
        for variable, reference in wish.references.items()
    }


def _with_needs(reason: RuntimeFailure, needs: Sequence[str]) -> RuntimeFailure:
    return RuntimeFailure(
        reason.brief,
        detail="\n".join([reason.detail, *needs]).lstrip(),
        resolution=reason.resolution,
        retryable=reason.retryable,
    )
