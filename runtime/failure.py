"""The world's fault, as one exception: what happened, the detail, and what to do."""


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
