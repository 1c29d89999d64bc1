"""Packages from an npm registry: resolved for every platform, installed from locked hashes, checked on disk."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import PACKAGE_FOLDER, Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.runtime.adapters.environments import MARKER, Environments
from mcphub_gitops.runtime.adapters.inventory import open_to_all, take_inventory
from mcphub_gitops.runtime.adapters.manager import not_installed, not_one_program, read_lines
from mcphub_gitops.runtime.adapters.npm_complaints import explain, is_final, to_failure
from mcphub_gitops.runtime.adapters.npm_pins import (
    ECOSYSTEM,
    NpmPin,
    keep_libc,
    parse_pin,
    place_of,
    read_lock,
    split_requirement,
    write_lock,
    write_manifest,
)
from mcphub_gitops.runtime.adapters.npm_program import Npm, Said, scratch
from mcphub_gitops.runtime.adapters.npm_tree import find_difference, find_lacking
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.ports import Program

_LONGEST_OUTPUT = 16 * 1024 * 1024
_LONGEST_MARKER = 4096
_OWN = frozenset({MARKER})
_SYSTEM_NODE = Program(path="/usr/bin/node")

# The delay against freshly planted releases counts when versions are chosen, never when they are installed.
_CI = ("--before=null", "--min-release-age=null")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    """What makes an environment whole: written last, removed first. `files` is the digest of all files."""

    format: Literal["mcphub.npm-environment/v1"] = "mcphub.npm-environment/v1"
    digest: str
    files: str


class NpmPackages:
    """Package environments of npm in `folder`, with npm's cache in `cache`; implements `ports.Packages`.

    Of `environ` npm gets what leads to the registry, with the credentials, proxies and certificates on the way; npm's
    own configuration files of the user and the system count, those of the hub's folder do not. `timeout` bounds each
    run of npm, in seconds. Other environments in `folder` are left alone.
    """

    def __init__(
        self, folder: Path, cache: Path, *, environ: Mapping[str, str] = os.environ, timeout: float = 900.0
    ) -> None:
        self._environments = Environments(root=folder.resolve())
        self._npm = Npm(environ=environ, cache=cache.resolve(), timeout=timeout)

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Ask the registry for the pins of `question`, for all platforms.

        The registry is asked anew even where npm's cache holds a fresh answer; what is locked already is not asked
        about at all. Among several versions that fit, npm prefers those that say they run on the Node.js at hand.
        Measured on 2 cores with a near registry, for server-everything (111 packages): 2.6 s, 0.5 s when all is locked.

        Raises RuntimeFailure when the registry cannot be asked, or a preferred line is not one that mcphub wrote.
        """
        asked = split_requirement(question.requirement)
        if asked is None:
            text = f"`{question.requirement}` is neither npm:NAME nor npm:NAME@VERSION, with a whole version."
            return PackageAnswer(problem=text)
        name, version = asked
        # Before that, the server can have been a package of another ecosystem.
        preferred = read_lines((line for line in question.preferred if line.startswith(ECOSYSTEM)), parse_pin)
        kept = "" if version else _version_of(name, preferred)
        found = self._lock(name, version or kept or "latest", preferred, question.published_before)
        if isinstance(found, Said):
            return PackageAnswer(problem=explain(name, version, found, self._newest(name) if version else ""))
        if isinstance(found, str):
            return PackageAnswer(problem=f"`{name}` cannot be locked. {found}")
        package = f"{ECOSYSTEM}{name}@{_version_of(name, found)}"
        return PackageAnswer(package=package, requirements=tuple(str(pin) for pin in found))

    def _lock(
        self, name: str, version: str, preferred: tuple[NpmPin, ...], cutoff: str
    ) -> tuple[NpmPin, ...] | Said | str:
        """Return the pins, what npm said when there are none, or why some cannot be locked; raises RuntimeFailure."""
        with scratch() as folder:
            write_file(folder / "package.json", write_manifest(name, version))
            if preferred:
                # What npm finds in its lock it keeps wherever that still satisfies.
                write_file(folder / "package-lock.json", write_lock(name, version, preferred))
            # npm takes one or the other (npm-config(7), "before"): the environment's own age would count beside it.
            age = ("--min-release-age=null", f"--before={cutoff}") if cutoff else ()
            # Where a registry does not answer, npm takes what it has in its cache and says nothing; what is asked for
            # the first time, or anew, is not to come from there.
            cache = None if preferred else folder / "cache"
            said = self._npm.run("install", "--package-lock-only", "--prefer-online", *age, folder=folder, cache=cache)
            if said.status != 0:
                if is_final(said):
                    return said
                raise to_failure(f"{ECOSYSTEM}{name} cannot be resolved", said)
            text = read_file(folder / "package-lock.json", limit=_LONGEST_OUTPUT) or b""
        try:
            found = read_lock(text.decode("utf-8", "replace"), name)
        except ValueError as error:
            return str(error)
        return (
            keep_libc(found, preferred) if _version_of(name, found) else f"npm's answer does not hold `{name}` itself."
        )

    def _newest(self, name: str) -> str:
        """Return the version of `name` that is tagged as the latest, or nothing."""
        with scratch() as folder:
            said = self._npm.run("view", name, "dist-tags.latest", "--prefer-online", folder=folder)
        return said.answer if isinstance(said.answer, str) else ""

    def install(self, environment: Environment) -> None:
        """Install `environment` from its hashes into ``<folder>/<hex>``, unless it is there with every file intact.

        What npm's cache holds is not asked for. Whatever else is found in that place is removed first. No script of a
        package is run. Measured on 2 cores with a near registry, for server-everything (111 packages, 32 MB): 3.2 s,
        and 3.0 s from the cache without a network.

        Raises RuntimeFailure when a package is not for this machine, a file does not have its hash, the registry does
        not answer or the disk is full; nothing is left behind then.
        """
        digest = environment.digest
        pins = read_lines(environment.requirements, parse_pin)
        self._environments.prepare()
        self._environments.sweep()
        with self._environments.locked(digest) as held:
            if self._is_whole(digest, deep=True):
                return
            self._environments.discard(digest)
            with ExitStack() as undo:
                undo.callback(self._environments.discard, digest)
                self._build(environment, pins, () if held is None else (held,))
                undo.pop_all()

    def _build(self, environment: Environment, pins: tuple[NpmPin, ...], held: tuple[int, ...]) -> None:
        home = self._environments.home(environment.digest)
        name, version = _check(environment, pins)
        subject = f"{environment.package} cannot be installed"
        try:
            home.mkdir(mode=0o755)
            self._fill(subject, home, write_manifest(name, version), write_lock(name, version, pins), held)
            self._compare(subject, home, pins)
            for program, path in _programs(name, pins).items():
                if not (home / place_of(name) / path).is_file():
                    raise RuntimeFailure(
                        f"{environment.package} does not hold its program {program}",
                        detail=f"{path} is not among its files; the registry says so, its file does not",
                        resolution="choose another version of the package",
                    )
            open_to_all(home)
            files = fingerprint(take_inventory(home))
        except OSError as error:
            raise RuntimeFailure(
                f"{environment.package} was installed, but cannot be read back",
                detail=str(error),
                resolution="look at the disk's free space and at the permissions of the runtime folder",
            ) from error
        write_file(home / MARKER, _encode(_Marker(digest=environment.digest, files=files)), mode=0o644)

    def _fill(self, subject: str, home: Path, manifest: bytes, lock: bytes, held: tuple[int, ...]) -> None:
        """Let npm install `lock` into `home`; raises RuntimeFailure."""
        write_file(home / "package.json", manifest, mode=0o644)
        write_file(home / "package-lock.json", lock, mode=0o644)
        said = self._npm.run("ci", "--prefer-offline", *_CI, folder=home, held=held)
        if said.code in {"ETARGET", "E404"}:
            # What the cache knows of a package can be older than the locked version.
            said = self._npm.run("ci", "--prefer-online", *_CI, folder=home, held=held)
        elif said.code == "EINTEGRITY":
            # It may be the cache that does not hold what was locked.
            with scratch() as cache:
                said = self._npm.run("ci", *_CI, folder=home, cache=cache, held=held)
        if said.status != 0:
            raise to_failure(subject, said)

    def _compare(self, subject: str, home: Path, pins: tuple[NpmPin, ...]) -> None:
        """Raise RuntimeFailure unless what npm says it installed is what was locked, and all of it."""
        # npm ci compares versions only: a package that it found reason to ask for anew would come with another hash.
        installed = _installed(home)
        different = find_difference(pins, installed)
        if different:
            raise RuntimeFailure(
                f"{subject}: npm does not hold itself to the lock",
                detail=f"{different} is not what was locked",
                resolution="lock the server again",
            )
        missing = {pin.place: pin.entry() for pin in pins if pin.place not in installed}
        lacking = find_lacking(pins, missing.keys(), self._npm.unfit(missing)) if missing else ""
        if lacking:
            raise RuntimeFailure(
                f"{subject}: an optional package for this machine could not be fetched",
                detail=lacking,
                resolution="check the network and the package registry, and try again",
                retryable=True,
            )

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """Return the digests of the environments of npm that are whole.

        With `deep`, of those in which no file was changed, removed or added. Raises RuntimeFailure when the folder
        cannot be read; what else lies in it is left alone.
        """
        return frozenset(each for each in self._environments.digests() if self._is_whole(each, deep=deep))

    def _is_whole(self, digest: str, *, deep: bool) -> bool:
        home = self._environments.home(digest)
        marker = _decode(read_file(home / MARKER, limit=_LONGEST_MARKER) or b"")
        if marker is None or marker.digest != digest:
            return False
        try:
            return not deep or fingerprint(take_inventory(home, leave_out=_OWN)) == marker.files
        except OSError:
            return False

    def program(self, environment: Environment) -> Program:
        """Return Node.js with the script that the package brings: the one that is called like it, or its only one.

        `readable` are the environment and, outside of the system's folders, Node.js. Raises RuntimeFailure.
        """
        script = _script(environment, read_lines(environment.requirements, parse_pin))
        if not self._is_whole(environment.digest, deep=False):
            raise not_installed(environment)
        return self._program(environment, script, self._npm.node())

    def place(self, environment: Environment) -> Program:
        """Return where the program of `environment` is, or would be if it were called like its package."""
        try:
            script = _script(environment, read_lines(environment.requirements, parse_pin))
        except RuntimeFailure:
            script = "node_modules"
        try:
            node = self._npm.node()
        except RuntimeFailure:
            node = _SYSTEM_NODE
        return self._program(environment, script, node)

    def contained(self, environment: Environment) -> Contained:
        """Return how a container runs `environment`: by the Node.js of its image. Raises RuntimeFailure."""
        if not self._is_whole(environment.digest, deep=False):
            raise not_installed(environment)
        script = _script(environment, read_lines(environment.requirements, parse_pin))
        home = str(self._environments.home(environment.digest))
        return Contained(folder=home, entrypoint=("node", f"{PACKAGE_FOLDER}/{script}"), env={})

    def _program(self, environment: Environment, script: str, node: Program) -> Program:
        home = str(self._environments.home(environment.digest))
        return Program(path=node.path, arguments=(f"{home}/{script}",), readable=(home, *node.readable))

    def remove(self, digest: str) -> None:
        """Remove an environment of npm; nothing happens when there is none. Raises RuntimeFailure."""
        if not self._is_whole(digest, deep=False):
            return
        with self._environments.locked(digest):
            self._environments.discard(digest)


def _version_of(name: str, pins: tuple[NpmPin, ...]) -> str:
    return next((pin.version for pin in pins if pin.name == name and pin.place == place_of(name)), "")


def _check(environment: Environment, pins: tuple[NpmPin, ...]) -> tuple[str, str]:
    """Return name and version of what is installed; raises RuntimeFailure when the lines cannot be a whole lock."""
    asked = split_requirement(environment.package)
    places = [pin.place for pin in pins]
    twice = next((place for place in places if places.count(place) > 1), "")
    if asked is None or not asked[1] or _version_of(asked[0], pins) != asked[1] or twice:
        raise RuntimeFailure(
            f"{environment.package} cannot be installed: the locked lines do not fit together",
            detail=f"two lines are for {twice}" if twice else "it is not among its own requirements",
            resolution="lock the server again",
        )
    return asked


def _programs(name: str, pins: tuple[NpmPin, ...]) -> dict[str, str]:
    return next((pin.map("bin") for pin in pins if pin.place == place_of(name)), {})


def _script(environment: Environment, pins: tuple[NpmPin, ...]) -> str:
    """Return the script of the package's program, relative to its environment; raises RuntimeFailure."""
    asked = split_requirement(environment.package)
    name = asked[0] if asked else ""
    programs = _programs(name, pins)
    chosen = [program for program in programs if program == name.rpartition("/")[2]] or list(programs)
    if len({programs[program] for program in chosen}) == 1:
        return f"{place_of(name)}/{programs[chosen[0]]}"
    raise not_one_program(environment, sorted(programs))


def _installed(home: Path) -> dict[str, tuple[str, str]]:
    """Return version and integrity by place of what npm says it installed; nothing when it says nothing of use."""
    text = read_file(home / "node_modules" / ".package-lock.json", limit=_LONGEST_OUTPUT) or b""
    try:
        packages = json.loads(text)["packages"]
        return {place: (entry.get("version", ""), entry.get("integrity", "")) for place, entry in packages.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _encode(marker: _Marker) -> bytes:
    return json.dumps(asdict(marker), indent=2).encode() + b"\n"


def _decode(text: bytes) -> _Marker | None:
    """Return the marker that is written as `text`, to the byte; None for everything else."""
    try:
        found = json.loads(text)
        marker = _Marker(digest=found["digest"], files=found["files"])
        return marker if _encode(marker) == text else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
