import os
import subprocess

import click
import pytest

from mcphub_gitops.runtime.cli.exits import Exit, describe, run
from mcphub_gitops.runtime.failure import LockHeldError, RuntimeFailure, StalePlanError, join_failures
from tests.support.projects import MCPHUB


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (RuntimeFailure("the disk is full", resolution="make room"), Exit.ERROR),
        (StalePlanError("the plan is stale"), Exit.STALE),
        (LockHeldError("someone else is at it"), Exit.LOCKED),
        (click.UsageError("no such option"), Exit.ERROR),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (click.Abort(), Exit.INTERRUPTED),
    ],
    ids=lambda each: getattr(each, "name", type(each).__name__),
)
def test_each_kind_of_trouble_has_its_code(
    trouble: BaseException, code: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise trouble

    assert run(command) == code
    assert capsys.readouterr().err


def test_a_command_without_a_code_went_well() -> None:
    assert run(lambda: None) == Exit.OK
    assert run(lambda: Exit.CHANGES) == Exit.CHANGES


def test_a_failure_is_told_with_what_to_do() -> None:
    failure = RuntimeFailure("the disk is full", detail="/data: no space\nsecond line", resolution="make room")
    assert describe(failure) == "error: the disk is full\n  /data: no space\n  second line\n  help: make room"


def test_several_failures_are_told_as_one() -> None:
    one = RuntimeFailure("one", detail="why", resolution="do this", retryable=True)
    two = RuntimeFailure("two", resolution="do this")
    assert join_failures([one]) is one
    joined = join_failures([one, two])
    assert (joined.brief, joined.detail, joined.resolution) == ("2 things failed", "one\nwhy\n\ntwo", "do this")
    assert not joined.retryable


def test_a_reader_that_goes_away_is_no_bug() -> None:
    command = f"{MCPHUB} --help | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=os.environ)
    assert done.returncode in {0, 1}
    assert b"bug" not in done.stderr


def test_a_closed_output_is_no_bug() -> None:
    done = subprocess.run(["bash", "-c", f"{MCPHUB} --help >&-"], capture_output=True, check=False)
    assert done.returncode in {0, 1}
    assert b"bug" not in done.stderr


def test_without_a_command_the_help_is_shown() -> None:
    done = subprocess.run([MCPHUB], capture_output=True, check=False, text=True)
    assert "Commands:" in done.stdout + done.stderr


def test_a_key_in_a_url_is_hidden() -> None:
    url = "https://docs.example/mcp?api_key=hunter2"
    shown = describe(RuntimeFailure(f"{url} is away", detail=f"asked for {url}"))
    assert shown == "error: https://docs.example/mcp?api_key=… is away\n  asked for https://docs.example/mcp?api_key=…"
