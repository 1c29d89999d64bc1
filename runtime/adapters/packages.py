"""Packages from the index through uv: resolved for every platform, installed from locked hashes, checked on disk."""

import csv
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
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
from mcphub_gitops.runtime.adapters.manager import not_installed, not_one_program, read_lines
from mcphub_gitops.runtime.adapters.pins import Pin, normalise, parse_pin, read_pins, split_requirement
from mcphub_gitops.runtime.adapters.portable import compile_for, settle_scripts
from mcphub_gitops.runtime.adapters.targets import VARIABLES, Target, is_program
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
)

# Servers cannot write here, so without bytecode they would compile their imports at every start.
_COMPILED = "--compile-bytecode"

_LOCK_OF_UV = ".lock"
_LONGEST_HEAD = 64


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
        preferred, cutoff = read_lines(question.preferred, parse_pin), question.published_before
        found = self._compile(question.requirement, preferred, cutoff)
        if isinstance(found, Said):
            newest = self._newest(name) if version else ""
            return PackageAnswer(problem=explain(name, version, found.words, newest if newest != version else ""))
        versions = [pin.version for pin in found if pin.name == name]
        if len(versions) != 1:
            return PackageAnswer(problem=f"`{name}` has no single version for all platforms: {', '.join(versions)}.")
        return PackageAnswer(package=f"{name}=={versions[0]}", requirements=tuple(str(pin) for pin in found))

    def _compile(self, requirement: str, preferred: tuple[Pin, ...], cutoff: str = "") -> tuple[Pin, ...] | Said:
        """Return the pins of `requirement`, or what uv said when there are none; raises RuntimeFailure.

        The `cutoff` of a question counts before the environment's own.
        """
        # uv refuses to refresh while it is set to stay offline.
        options = () if self._uv.is_offline else ("--refresh",)
        if cutoff or self._cutoff:
            options = (*options, "--exclude-newer", cutoff or self._cutoff)
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

        With a target, it is for a container: markers and wheels are chosen for that Python (its patch version, which a
        target does not say, counts as 0), and no byte depends on this machine or the place, bytecode aside. There is
        bytecode where this machine has a Python of the target's minor version; without, the server starts slower. It
        takes as long as for this machine.

        Raises RuntimeFailure when there is no wheel for this machine, a file does not have its hash, the index does not
        answer or the disk is full; nothing is left behind then.
        """
        digest = environment.digest
        pins = read_lines(environment.requirements, parse_pin)
        target = Target.of(environment.target) if environment.target else None
        self._environments.prepare()
        self._environments.sweep()
        with self._environments.locked(digest) as held:
            marker = self._environments.marker(digest)
            if marker is not None and self._environments.is_intact(marker):
                return
            self._environments.discard(digest)
            with ExitStack() as undo:
                undo.callback(self._environments.discard, digest)
                self._build(environment, pins, target, () if held is None else (held,))
                undo.pop_all()

    def _build(
        self, environment: Environment, pins: tuple[Pin, ...], target: Target | None, held: tuple[int, ...]
    ) -> None:
        home = self._environments.home(environment.digest)
        self._fill(environment, pins, target, held)
        inventory, records = _read_back(environment, home)
        if find_damage(inventory, records):
            # uv compares a wheel with its hash when it downloads it, and later trusts what lies unpacked in its cache.
            # Where that is not what the wheels say, they are downloaded afresh: then it is what was locked.
            self._environments.discard(environment.digest)
            self._fill(environment, pins, target, held, "--no-cache")
            inventory, records = _read_back(environment, home)
        if target is not None:
            with _reading_back(environment):
                settle_scripts(home, target)
            self._precompile(environment, target, held)
            inventory, records = _read_back(environment, home)
        folder = "bin" if target is None else target.scripts
        programs = {name: _programs(home, folder, record) for name, record in sorted(records.items())}
        self._environments.complete(
            Marker(
                digest=environment.digest,
                package=environment.package,
                home=str(home) if target is None else "",
                python=str((home / "bin" / "python").resolve()) if target is None else "",
                readable=self._python.readable if target is None else (),
                programs={name: found for name, found in programs.items() if found},
                files=fingerprint(inventory),
            )
        )

    def _fill(
        self,
        environment: Environment,
        pins: tuple[Pin, ...],
        target: Target | None,
        held: tuple[int, ...],
        *options: str,
    ) -> None:
        """Install `pins` in a virtual environment, or in a folder for `target`; raises RuntimeFailure."""
        home = self._environments.home(environment.digest)
        with scratch() as folder:
            requirements = folder / "requirements.txt"
            _write(requirements, pins)
            install = (*_INSTALL, *options, "--requirements", str(requirements))
            steps: tuple[tuple[str, ...], ...] = (
                ("venv", "--quiet", "--python", self._python.path, str(home)),
                (*install, _COMPILED, "--python", f"{home}/bin/python"),
            )
            if target is not None:
                platform_ = target.platform(platform.machine())
                meant = ("--python-version", target.version, "--python-platform", platform_)
                steps = ((*install, "--python", self._python.path, *meant, "--target", str(home / target.site)),)
            for arguments in steps:
                said = self._uv.run(*arguments, folder=folder, held=held)
                if said.status != 0:
                    subject = f"{environment.package} cannot be installed"
                    raise to_failure(subject, said.words, target=environment.target)
        if target is not None:
            with _reading_back(environment):
                # uv's own, which it leaves behind.
                (home / target.site / _LOCK_OF_UV).unlink(missing_ok=True)

    def _precompile(self, environment: Environment, target: Target, held: tuple[int, ...]) -> None:
        compile_for(
            target,
            self._environments.home(environment.digest),
            self._pythons(target),
            package=environment.package,
            environ={name: value for name, value in self._uv.environ.items() if name in {"HOME", "PATH"}},
            held=held,
            timeout=self._uv.timeout,
        )

    def _pythons(self, target: Target) -> Iterator[str]:
        """Yield interpreters that may have the version of `target`, nearest first; uv is asked last."""
        yield self._python.path
        with scratch() as folder:
            found = self._uv.pythons(target.version, folder=folder)
        yield from found

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

        `readable` are the environment and what its base Python needs. Raises RuntimeFailure, and ValueError for an
        environment that only a container can run.
        """
        if environment.target:
            raise ValueError(environment.target)
        marker = self._whole(environment)
        program = _choose(environment, marker)
        return Program(path=f"{marker.home}/bin/{program}", readable=(marker.home, *marker.readable))

    def contained(self, environment: Environment) -> Contained:
        """Return how a container starts the program that `program` would choose.

        The image's Python must not be one of a virtual environment: there, no other folder of packages counts.
        Raises RuntimeFailure when there is no such program, the environment is not installed, or it has no target.
        """
        target = Target.of(environment.target)
        program = _choose(environment, self._whole(environment))
        home = self._environments.home(environment.digest)
        head = read_file(home / target.scripts / program, limit=_LONGEST_HEAD)
        if head is None:
            raise not_installed(environment)
        return Contained(folder=str(home), entrypoint=target.entrypoint(program, head), env=dict(VARIABLES))

    def _whole(self, environment: Environment) -> Marker:
        marker = self._environments.marker(environment.digest)
        if marker is None:
            raise not_installed(environment)
        return marker

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


def _choose(environment: Environment, marker: Marker) -> str:
    """Return the name of the one program that is meant; raises RuntimeFailure."""
    name = environment.package.partition("==")[0]
    programs = marker.programs.get(name, ())
    chosen = [program for program in programs if normalise(program) == name] or programs
    if len(chosen) == 1:
        return chosen[0]
    raise not_one_program(environment, programs)


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


@contextmanager
def _reading_back(environment: Environment) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, csv.Error) as error:
        raise RuntimeFailure(
            f"{environment.package} was installed, but cannot be read back",
            detail=str(error),
            resolution="look at the disk's free space and at the permissions of the runtime folder",
        ) from error


def _read_back(environment: Environment, home: Path) -> tuple[Inventory, dict[str, dict[str, str]]]:
    """Return what was installed and what the wheels say of it, opened to every user; raises RuntimeFailure."""
    with _reading_back(environment):
        inventory = take_inventory(home)
        records = read_records(home, inventory)
        open_to_all(home)
    if environment.package.partition("==")[0] not in records:
        raise RuntimeFailure(
            f"{environment.package} is not among what was installed",
            detail="locked and installed: " + ", ".join(sorted(records)),
            resolution="lock the server again",
        )
    return inventory, records


def _programs(home: Path, folder: str, record: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of what can be started of the files that `record` lists in `folder`."""
    names = (path.removeprefix(f"{folder}/") for path in record if path.startswith(f"{folder}/"))
    return tuple(
        name for name in sorted(names) if is_program(read_file(home / folder / name, limit=_LONGEST_HEAD) or b"")
    )
