"""What the package managers have in common: how one is run, and what is said of locked lines and of programs."""

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.complaints import mask
from mcphub_gitops.runtime.failure import RuntimeFailure

P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A package manager: its `name`, what it asks (`source`), and what to do when it cannot be started (`cure`).

    `environ` is all that it gets to know; `timeout` bounds each run, in seconds.
    """

    name: str
    source: str
    cure: str
    environ: Mapping[str, str] = field(repr=False)
    timeout: float

    def run(
        self, command: Sequence[str], *, folder: Path, text: str, held: tuple[int, ...]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `command` in `folder` with `text` on standard input; files it makes can be read by everyone.

        `held` are open files that it and its children keep open. Raises RuntimeFailure when it cannot be started or
        takes longer than the timeout.
        """
        try:
            return subprocess.run(  # noqa: S603  (a fixed program; no argument is a shell's)
                command,
                cwd=folder,
                env=dict(self.environ),
                input=text.encode(),
                capture_output=True,
                pass_fds=held,
                umask=0o022,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as expired:
            raise RuntimeFailure(
                f"{self.name} did not finish within {self.timeout:g} s",
                detail=mask((expired.stderr or b"").decode("utf-8", "replace")),
                resolution=f"check the network and the {self.source}, and try again",
                retryable=True,
            ) from None
        except OSError as error:
            raise self.not_started(error) from error

    def not_started(self, error: OSError) -> RuntimeFailure:
        """Return the failure of a manager that cannot be started for `error`."""
        return RuntimeFailure(f"{self.name} cannot be started", detail=str(error), resolution=self.cure)


def read_lines(lines: Iterable[str], parse: Callable[[str], P | None]) -> tuple[P, ...]:
    """Return what `parse` makes of each of the locked `lines`; raises RuntimeFailure for the first that it refuses."""
    pins = []
    for line in lines:
        pin = parse(line)
        if pin is None:
            raise RuntimeFailure(
                "the lock holds a requirement that mcphub did not write",
                detail=repr(line),
                resolution="remove the server's entry from the lock, and lock again",
            )
        pins.append(pin)
    return tuple(pins)


def not_installed(environment: Environment) -> RuntimeFailure:
    """Return the failure of asking for an environment that is not there, or not whole."""
    return RuntimeFailure(f"{environment.package} is not installed", resolution="run `mcphub apply`")


def not_one_program(environment: Environment, names: Iterable[str]) -> RuntimeFailure:
    """Return the failure of a package that brings the programs `names`, none of which is the one that is meant."""
    found = ", ".join(names)
    if not found:
        return RuntimeFailure(
            f"{environment.package} brings no program",
            detail="It is a library, or a server that is not published as a program.",
            resolution="name the package that brings the server",
        )
    return RuntimeFailure(
        f"{environment.package} brings several programs, and none is called like it",
        detail=found,
        resolution="name a package whose program is called like it",
    )
