"""How an apply ended."""

from dataclasses import dataclass

from mcphub_gitops.compiler.plan.plan import Operation
from mcphub_gitops.runtime.failure import RuntimeFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an apply has done, what failed and why, and whether the new generation is served.

    `missing` are the optional servers that did not answer, and why.
    """

    done: tuple[Operation, ...]
    failures: tuple[tuple[Operation, RuntimeFailure], ...]
    switched: bool
    missing: tuple[tuple[str, RuntimeFailure], ...] = ()
