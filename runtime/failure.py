"""The world's fault, as one exception: what happened, the detail, and what to do."""

from collections.abc import Sequence


class RuntimeFailure(Exception):  # noqa: N818  (the design's word for this kind of trouble)
    """Something outside the documents failed: a disk, a process, a network, a port.

    Raised by adapters and engines, caught by apply (into its report) and by the command line's one door. No part of
    it ever holds the value of a secret.
    """

    def __init__(self, brief: str, *, detail: str = "", resolution: str = "", retryable: bool = False) -> None:
        super().__init__(brief)
        self.brief = brief
        self.detail = detail
        self.resolution = resolution
        self.retryable = retryable


class StalePlanError(RuntimeFailure):
    """A plan does not fit: the world has moved since it was made, or it is not the plan that was expected."""


class LockHeldError(RuntimeFailure):
    """Someone else is changing the same hub."""


class OfflineError(RuntimeFailure):
    """It takes the network, which this run was told to do without."""


def join_failures(failures: Sequence[RuntimeFailure]) -> RuntimeFailure:
    """Return one failure that tells of all of `failures`, of which there is at least one."""
    if len(failures) == 1:
        return failures[0]
    details = [f"{failure.brief}\n{failure.detail}".strip() for failure in failures]
    resolutions = dict.fromkeys(failure.resolution for failure in failures if failure.resolution)
    return RuntimeFailure(
        f"{len(failures)} things failed",
        detail="\n\n".join(details),
        resolution="; ".join(resolutions),
        retryable=all(failure.retryable for failure in failures),
    )
