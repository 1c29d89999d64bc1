"""Packages from the index through uv: resolved for every platform, installed from locked hashes, checked on disk."""

import csv
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.complaints import OLDEST_PYTHON, explain, is_final, to_failure
from mcphub_gitops.runtime.adapters.environments import Environments, Marker
from mcphub_gitops.runtime.adapters.inventory import (
    Inventory,
    find_damage,
    open_to_all,
    read_records,
    take_inventory,
)
from mcphub_gitops.runtime.adapters.pins import Pin, normalise, parse_pin, read_pins, split_requirement
from mcphub_gitops.runtime.adapters.uv_program import Said, Uv, scratch
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.ports import Program

_LONGEST_OUTPUT = 16 * 1024 * 1024

_COMPILE = (
    *("pip", "compile", "-", "--quiet", "--universal", "--python-version", OLDEST_PYTHON),
    *("--generate-hashes", "--deps", "--no-annotate", "--no-header", "--only-binary", ":all:"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-build-options", "--no-emit-index-annotation"),
    # A user's own configuration may say otherwise, here and above; a lock means the same for everyone who makes it.
    *("--resolution", "highest", "--prerelease", "if-necessary-or-explicit"),
    # One version of each distribution on every Python, where uv's default takes a newer one for a newer Python: numpy
    # 2.4.6 alone rather than with 2.5.5 for Python 3.12 and later. What was reviewed on one machine runs on the other.
    *("--fork-strategy", "fewest"),
)

_INSTALL = (
    *("pip", "install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"),
    # uv's default on Linux is a hard link into its cache, through which a change in place would reach every other
    # environment. A copy is a clone where the file system has them. Cost for mcp-server-git, 47 MB: see `install`.
    *("--link-mode", "copy"),
    # Servers cannot write here, so without bytecode they would compile their imports at every start.
    "--compile-bytecode",
)


class UvPackages:
    """Package environments in `folder`, made with the base Python `python`; implements `ports.Packages`.

    Of `environ` uv gets what leads to the index, with the proxies, certificates and cache on the way; uv's own
    configuration files of the user and the system count, those of the hub's folder do not. `timeout` bounds each run
    of uv, in seconds. Importing uv's Python module costs 2 ms; the program itself is looked for when it is needed.
    """

    def __init__(
        self, folder: Path, python: Program, *, environ: Mapping[str, str] = os.environ, timeout: float = 900.0
    ) -> None:
        self._environments = Environments(root=folder.resolve())
        self._python = python
        # A delay against freshly planted releases: it counts when versions are chosen, never when they are installed.
        self._cutoff = environ.get("UV_EXCLUDE_NEWER", "")
        self._uv = Uv(environ=environ, timeout=timeout)

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Ask the index for the pins of `question`, for all platforms and every Python from 3.11 on.

        The index is asked anew even where uv's cache holds a fresh answer, so that "no such version" is never said of
        one that was published a minute ago. Pins that are kept keep the hashes they are locked with. Measured on 2
        cores with a near index: 0.7 s for mcp-server-git (34 distributions), with and without a cache.

        Raises RuntimeFailure when the index cannot be asked, or a preferred line is not one that mcphub wrote.
        """
        asked = split_requirement(question.requirement)
        if asked is None:
            return PackageAnswer(problem=f"`{question.requirement}` is neither a package's name nor name==version.")
        name, version = asked
        found = self._compile(question.requirement, _read(question.preferred))
        if isinstance(found, Said):
            newest = self._newest(name) if version else ""
            return PackageAnswer(problem=explain(name, version, found.words, newest if newest != version else ""))
        versions = [pin.version for pin in found if pin.name == name]
        if len(versions) != 1:
            return PackageAnswer(problem=f"`{name}` has no single version for all platforms: {', '.join(versions)}.")
        return PackageAnswer(package=f"{name}=={versions[0]}", requirements=tuple(str(pin) for pin in found))

    def _compile(self, requirement: str, preferred: tuple[Pin, ...]) -> tuple[Pin, ...] | Said:
        """Return the pins of `requirement`, or what uv said when there are none; raises RuntimeFailure."""
        # uv refuses to refresh while it is set to stay offline.
        options = () if self._uv.is_offline else ("--refresh",)
        if self._cutoff:
            options = (*options, "--exclude-newer", self._cutoff)
        with scratch() as folder:
            output = folder / "requirements.txt"
            if preferred:
                # What uv finds in its output file it keeps wherever that still satisfies.
                _write(output, preferred)
            arguments = (*_COMPILE, *options, "--python", self._python.path, "--output-file", str(output))
            said = self._uv.run(*arguments, folder=folder, text=f"{requirement}\n")
            if said.status == 0:
                return _read_output(output)
        if self._uv.is_offline or not is_final(said.status, said.words):
            raise to_failure(f"{requirement} cannot be resolved", said.words)
        return said

    def _newest(self, name: str) -> str:
        """Return the newest version of `name` that can be locked, or nothing; costs as much as to lock it."""
        found = self._compile(name, ())
        return "" if isinstance(found, Said) else next((pin.version for pin in found if pin.name == name), "")

    def install(self, environment: Environment) -> None:
        """Install `environment` from its hashes into ``<folder>/<hex>``, unless it is there with every file intact.

        Whatever else is found in that place is removed first: what an interrupted installation left, or a damaged
        one. Measured on 2 cores with a near index: 1.5 s for mcp-server-git (34 distributions, 1 900 files, 47 MB),
        and 1.7 s without a cache.

        Raises RuntimeFailure when there is no wheel for this machine, a file does not have its hash, the index does not
        answer or the disk is full; nothing is left behind then.
        """
        digest = environment.digest
        pins = _read(environment.requirements)
        self._environments.prepare()
        self._environments.sweep()
        with self._environments.locked(digest) as held:
            marker = self._environments.marker(digest)
            if marker is not None and self._environments.is_intact(marker):
                return
            self._environments.discard(digest)
            with ExitStack() as undo:
                undo.callback(self._environments.discard, digest)
                self._build(environment, pins, held)
                undo.pop_all()

    def _build(self, environment: Environment, pins: tuple[Pin, ...], held: int | None) -> None:
        home = self._environments.home(environment.digest)
        locks = () if held is None else (held,)
        self._fill(environment, pins, locks)
        inventory, records = _read_back(environment, home)
        if find_damage(inventory, records):
            # uv compares a wheel with its hash when it downloads it, and later trusts what lies unpacked in its cache.
            # Where that is not what the wheels say, they are downloaded afresh: then it is what was locked.
            self._environments.discard(environment.digest)
            self._fill(environment, pins, locks, "--no-cache")
            inventory, records = _read_back(environment, home)
        programs = {name: _programs(record) for name, record in sorted(records.items())}
        self._environments.complete(
            Marker(
                digest=environment.digest,
                package=environment.package,
                home=str(home),
                python=str((home / "bin" / "python").resolve()),
                readable=self._python.readable,
                programs={name: found for name, found in programs.items() if found},
                files=fingerprint(inventory),
            )
        )

    def _fill(self, environment: Environment, pins: tuple[Pin, ...], held: tuple[int, ...], *options: str) -> None:
        """Make a virtual environment and install `pins` in it; raises RuntimeFailure."""
        home = str(self._environments.home(environment.digest))
        subject = f"{environment.package} cannot be installed"
        with scratch() as folder:
            requirements = folder / "requirements.txt"
            _write(requirements, pins)
            into = ("--python", f"{home}/bin/python", "--requirements", str(requirements))
            for arguments in (
                ("venv", "--quiet", "--python", self._python.path, home),
                (*_INSTALL, *options, *into),
            ):
                said = self._uv.run(*arguments, folder=folder, held=held)
                if said.status != 0:
                    raise to_failure(subject, said.words)

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """Return the digests of the environments that are whole and whose Python is still there.

        With `deep`, of those in which no file was changed, removed or added: 0.07 s for mcp-server-git. Raises
        RuntimeFailure when the folder cannot be read; what else lies in it is left alone.
        """
        markers = [self._environments.marker(digest) for digest in self._environments.digests()]
        return frozenset(
            marker.digest
            for marker in markers
            if marker is not None and (not deep or self._environments.is_intact(marker))
        )

    def program(self, environment: Environment) -> Program:
        """Return the program that the package brings: the one that is called like it, or its only one.

        `readable` are the environment and what its base Python needs. Raises RuntimeFailure.
        """
        marker = self._environments.marker(environment.digest)
        if marker is None:
            raise RuntimeFailure(f"{environment.package} is not installed", resolution="run `mcphub apply`")
        name = environment.package.partition("==")[0]
        programs = marker.programs.get(name, ())
        chosen = [program for program in programs if normalise(program) == name] or programs
        if len(chosen) == 1:
            return Program(path=f"{marker.home}/bin/{chosen[0]}", readable=(marker.home, *marker.readable))
        if not chosen:
            raise RuntimeFailure(
                f"{environment.package} brings no program",
                detail="It is a library, or a server that is not published as a program.",
                resolution="name the package that brings the server",
            )
        raise RuntimeFailure(
            f"{environment.package} brings several programs, and none is called like it",
            detail=", ".join(programs),
            resolution="name a package whose program is called like it",
        )

    def place(self, environment: Environment) -> Program:
        """Return where the program of `environment` is, or would be if it were called like its package."""
        try:
            return self.program(environment)
        except RuntimeFailure:
            home = str(self._environments.home(environment.digest))
            name = environment.package.partition("==")[0]
            return Program(path=f"{home}/bin/{name}", readable=(home, *self._python.readable))

    def remove(self, digest: str) -> None:
        """Remove an environment, whole or not; nothing happens when there is none. Raises RuntimeFailure."""
        if not self._environments.home(digest).exists():
            return
        with self._environments.locked(digest):
            self._environments.discard(digest)


def _read(lines: tuple[str, ...]) -> tuple[Pin, ...]:
    pins = []
    for line in lines:
        pin = parse_pin(line)
        if pin is None:
            raise RuntimeFailure(
                "the lock holds a requirement that mcphub did not write",
                detail=repr(line),
                resolution="remove the server's entry from the lock, and lock again",
            )
        pins.append(pin)
    return tuple(pins)


def _write(path: Path, pins: tuple[Pin, ...]) -> None:
    write_file(path, "".join(f"{pin}\n" for pin in pins).encode())


def _read_output(path: Path) -> tuple[Pin, ...]:
    pins = read_pins((read_file(path, limit=_LONGEST_OUTPUT) or b"").decode("utf-8", "replace"))
    if pins is None:
        raise RuntimeFailure(
            "uv's answer holds more than versions and hashes",
            detail="mcphub locks packages of an index only; a dependency comes from somewhere else.",
            resolution="choose another version of the package",
        )
    return pins


def _read_back(environment: Environment, home: Path) -> tuple[Inventory, dict[str, dict[str, str]]]:
    """Return what was installed and what the wheels say of it, opened to every user; raises RuntimeFailure."""
    try:
        inventory = take_inventory(home)
        records = read_records(home, inventory)
        open_to_all(home)
    except (OSError, ValueError, csv.Error) as error:
        raise RuntimeFailure(
            f"{environment.package} was installed, but cannot be read back",
            detail=str(error),
            resolution="look at the disk's free space and at the permissions of the runtime folder",
        ) from error
    if environment.package.partition("==")[0] not in records:
        raise RuntimeFailure(
            f"{environment.package} is not among what was installed",
            detail="locked and installed: " + ", ".join(sorted(records)),
            resolution="lock the server again",
        )
    return inventory, records


def _programs(record: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(path.removeprefix("bin/") for path in record if path.startswith("bin/")))
