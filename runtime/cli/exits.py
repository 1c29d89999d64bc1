"""The one door out: every kind of trouble becomes a message on standard error and a documented exit code."""

import os
import sys
from collections.abc import Callable
from enum import IntEnum

import click

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


def run(command: Callable[[], int | None]) -> int:
    """Call `command` and return the exit code, having told the user of whatever went wrong."""
    try:
        return command() or Exit.OK
    except click.ClickException as error:
        error.show()
        return Exit.ERROR
    except RuntimeFailure as failure:
        click.echo(describe(failure), err=True)
        return _CODES.get(type(failure), Exit.ERROR)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; pointing the descriptor elsewhere keeps the interpreter's last flush silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.ERROR
    except Exception as error:  # noqa: BLE001  (the door for our own bugs)
        click.echo(
            f"mcphub has a bug: {type(error).__name__}; a report is in {lazy.load('report').write_report(error)}",
            err=True,
        )
        return Exit.BUG


def describe(failure: RuntimeFailure) -> str:
    """Return the failure as people read it."""
    lines = [f"error: {failure.brief}"]
    lines.extend(f"  {line}" for line in failure.detail.splitlines())
    if failure.resolution:
        lines.append(f"  help: {failure.resolution}")
    return "\n".join(lines)
