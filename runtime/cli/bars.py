"""Progress bars on a terminal: loaded when there is one."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from mcphub_gitops.runtime.cli.progress import line_of
from mcphub_gitops.runtime.events import Begun, Event, Failed
from mcphub_gitops.runtime.events import Progress as Advance


class BarReporter:
    """One bar for each act under way, a line for each that has ended; a `Reporter`."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def report(self, event: Event) -> None:
        """Show `event`."""
        key = (event.act, event.address)
        if isinstance(event, Begun):
            self._tasks[key] = self._bars.add_task(escape(f"{event.act} {event.address}"), total=None)
        elif isinstance(event, Advance):
            self._bars.update(self._tasks[key], completed=event.done, total=event.total or None)
        else:
            self._bars.remove_task(self._tasks.pop(key))
            style = "red" if isinstance(event, Failed) else None
            self._bars.console.print(line_of(event), style=style, markup=False, highlight=False)


@contextmanager
def showing() -> Iterator[BarReporter]:
    """Yield a reporter whose bars are shown on standard error and gone at the end."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield BarReporter(bars)
