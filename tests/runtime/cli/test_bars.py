"""What a terminal shows of long work, and what a file gets of it."""

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mcphub_gitops.runtime.cli.bars import BarReporter
from mcphub_gitops.runtime.cli.progress import LineReporter
from mcphub_gitops.runtime.events import Begun, Done, Failed
from mcphub_gitops.runtime.events import Progress as Advance

EVENTS = (
    Begun(act="pulling", address="image.a/b@sha256:1"),
    Advance(act="pulling", address="image.a/b@sha256:1", done=5, total=0),
    Advance(act="pulling", address="image.a/b@sha256:1", done=5, total=10),
    Begun(act="making", address="container.[red]x"),
    Done(act="pulling", address="image.a/b@sha256:1", seconds=1.25),
    Failed(act="making", address="container.[red]x", brief="it is [not] there"),
)


def test_each_act_has_a_bar_while_it_lasts_and_a_line_when_it_has_ended() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, auto_refresh=False) as bars:
        reporter = BarReporter(bars)
        for event in EVENTS[:4]:
            reporter.report(event)
        assert [(task.description, task.completed, task.total) for task in bars.tasks] == [
            ("pulling image.a/b@sha256:1", 5, 10),
            ("making container.\\[red]x", 0, None),
        ]
        for ended in EVENTS[4:]:
            reporter.report(ended)
        assert bars.tasks == []
    shown = screen.getvalue()
    assert "pulling image.a/b@sha256:1 took 1.2 s" in shown
    assert "making container.[red]x failed: it is [not] there" in shown


def test_without_a_terminal_each_event_is_a_line_but_how_far_it_has_come(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for event in EVENTS:
        LineReporter().report(event)
    assert capsys.readouterr().err.splitlines() == [
        "  pulling image.a/b@sha256:1",
        "  making container.[red]x",
        "  pulling image.a/b@sha256:1 took 1.2 s",
        "  making container.[red]x failed: it is [not] there",
    ]
