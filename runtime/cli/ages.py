"""The moment before which releases have to be published: the one place where an age meets the clock."""

import time

from mcphub_gitops.compiler.lock.age import seconds_of
from mcphub_gitops.runtime.apply.age import Cutoff


def cutoff_of(age: str) -> Cutoff | None:
    """Return the moment that lies `age` back from now, None where any age will do."""
    seconds = seconds_of(age)
    return Cutoff(seconds=int(time.time()) - seconds, age=age) if seconds else None
