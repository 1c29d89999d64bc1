"""Long work as it happens, on standard error: bars on a terminal, a line an event anywhere else."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.events import Begun, Event, Failed, Progress
from mcphub_gitops.runtime.ports import Reporter


@contextmanager
def reporting() -> Iterator[Reporter]:
    """Yield what shows the events of long work while it lasts."""
    if sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with lazy.load("bars").showing() as reporter:
            yield reporter
    else:
        yield LineReporter()


class LineReporter:
    """Prints each event as one line; a `Reporter`."""

    def report(self, event: Event) -> None:
        """Print `event`; how far it has come is left out, which would be a line a moment."""
        if not isinstance(event, Progress):
            click.echo(line_of(event), err=True)


def line_of(event: Event) -> str:
    """Return `event` as one line."""
    if isinstance(event, Begun):
        return f"  {event.act} {event.address}" + (f": {event.cause}" if event.cause else "")
    if isinstance(event, Failed):
        return f"  {event.act} {event.address} failed: {event.brief}"
    if isinstance(event, Progress):
        return f"  {event.act} {event.address}: {event.done} of {event.total} bytes"
    return f"  {event.act} {event.address} took {event.seconds:.1f} s"
