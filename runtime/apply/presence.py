"""The running gateway as others see it: where it listens and what it serves, by its own word."""

import asyncio
import json
from dataclasses import asdict, dataclass

from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.lease import holder_of
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

_LARGEST = 4096
_GLANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A gateway that serves: its URL, the hub's `listen` that it started with, and the digest of the plan it serves.

    `listen` is empty where a port was given on the command line, which the hub then does not decide. `refused` is the
    digest of a plan that it was to serve and does not, and `trouble` says why.
    """

    url: str
    listen: str
    plan: str
    refused: str = ""
    trouble: str = ""


def announce(layout: Layout, presence: Presence) -> None:
    """Say what the gateway that runs in this process serves; raises RuntimeFailure."""
    write_file(layout.gateway_record, json.dumps(asdict(presence)).encode(), mode=0o600)


def withdraw(layout: Layout) -> None:
    """Take back what was announced."""
    layout.gateway_record.unlink(missing_ok=True)


def find_gateway(layout: Layout) -> Presence | None:
    """Return what the running gateway announced, or None where none runs or it does not listen yet."""
    if holder_of(layout.gateway_lock) is None:
        return None
    try:
        return Presence(**json.loads(read_file(layout.gateway_record, limit=_LARGEST) or b""))
    except (ValueError, TypeError):
        return None


async def wait_for_plan(layout: Layout, plan: str, *, seconds: float) -> None:
    """Wait until the running gateway, if there is one, serves `plan`; raises RuntimeFailure when it does not."""
    try:
        async with asyncio.timeout(seconds):
            # Another process changes the record, so there is no event to wait for.
            while (found := find_gateway(layout)) is not None and found.plan != plan:
                if found.refused == plan:
                    raise RuntimeFailure(
                        "the running gateway does not take the new generation over",
                        detail=f"{found.trouble}\nit still serves the old one, to whom that lets in",
                        resolution="mend that, and restart the gateway: it reads the new one when it starts",
                    )
                await asyncio.sleep(_GLANCE)
    except TimeoutError:
        raise RuntimeFailure(
            "the running gateway does not take the new generation over",
            detail=f"it was given {seconds:.0f} s, and still serves the old one",
            resolution="look at its log, restart it, and run `mcphub apply` again to clean up",
        ) from None
