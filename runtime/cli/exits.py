"""The one door out: every kind of trouble becomes a message on standard error and a documented exit code."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import IntEnum

import click

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.url import hide_query
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.failure import LockHeldError, RuntimeFailure, StalePlanError


class Exit(IntEnum):
    """The exit codes, as documented in the manual."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    POLICY_DENIED = 3
    PARTLY_APPLIED = 4
    STALE = 5
    LOCKED = 6
    BUG = 70
    INTERRUPTED = 130


_CODES = {StalePlanError: Exit.STALE, LockHeldError: Exit.LOCKED}


def exit_of(diagnostics: Iterable[Diagnostic]) -> Exit:
    """Return the code of a document that has `diagnostics`: policy alone may be what denies it."""
    errors = {each.code for each in diagnostics if each.severity is Severity.ERROR}
    if not errors:
        return Exit.OK
    return Exit.POLICY_DENIED if errors <= {codes.DENIED, codes.UNAPPROVED} else Exit.ERROR


def run(command: Callable[[], int | None]) -> int:
    """Call `command` and return the exit code, having told the user of whatever went wrong."""
    try:
        return command() or Exit.OK
    except click.ClickException as error:
        error.show()
        return Exit.ERROR
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except (RuntimeFailure, OSError) as trouble:
        return _tell(trouble)
    except Exception as error:  # noqa: BLE001  (the door for our own bugs)
        report = lazy.load("report").write_report(error)
        click.echo(f"mcphub has a bug: {type(error).__name__}; a report is in {report}", err=True)
        return Exit.BUG


def _tell(trouble: RuntimeFailure | OSError) -> int:
    if isinstance(trouble, RuntimeFailure):
        click.echo(describe(trouble), err=True)
        return _CODES.get(type(trouble), Exit.ERROR)
    if sys.stdout is not None and isinstance(trouble, BrokenPipeError):
        # The reader has gone; pointing the descriptor elsewhere keeps the interpreter's last flush silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    # Where no room foresaw it, it is the world's fault all the same: a full output, a folder that has gone.
    place = f": {printable(str(trouble.filename))}" if trouble.filename else ""
    with suppress(OSError):
        click.echo(f"error: {trouble.strerror or trouble}{place}", err=True)
    return Exit.ERROR


def describe(failure: RuntimeFailure) -> str:
    """Return the failure as people read it."""
    lines = [f"error: {printable(hide_query(failure.brief))}"]
    lines.extend(f"  {printable(line)}" for line in hide_query(failure.detail).splitlines())
    if failure.resolution:
        lines.append(f"  help: {printable(failure.resolution)}")
    return "\n".join(lines)
