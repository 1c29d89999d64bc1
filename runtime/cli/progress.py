"""Long work as it happens, a line each on standard error."""

import click

from mcphub_gitops.runtime.events import Begun, Event, Failed


class LineReporter:
    """Prints each event as one line; a `Reporter`."""

    def report(self, event: Event) -> None:
        """Print `event`."""
        click.echo(_line(event), err=True)


def _line(event: Event) -> str:
    if isinstance(event, Begun):
        return f"  {event.act} {event.address}" + (f": {event.cause}" if event.cause else "")
    if isinstance(event, Failed):
        return f"  {event.act} {event.address} failed: {event.brief}"
    return f"  {event.act} {event.address} took {event.seconds:.1f} s"
