"""What a server's declaration says about the container that it runs in, and what of it needs a reason."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import MapNode, Node
from mcphub_gitops.compiler.resolve.confinement import BASELINE, DEFAULT_CPUS, Confinement, Mount, is_root, is_user
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, texts, value
from mcphub_gitops.compiler.resolve.path import is_below, why_not_mounted, why_sensitive
from mcphub_gitops.compiler.source import Span

KEYS = ("network", "mounts", "user", "resources", "relax", "capabilities", "privileged", "pid", "ipc", "readOnly")
"""The keys of a server that only a container understands."""

_KEYS = frozenset(KEYS)

_LEAST_MEMORY, _MOST_MEMORY = 16 * 1024**2, 1024**4
_UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3}
_TAKEN = ("/dev", "/mcphub", "/proc", "/run/secrets", "/sys")
_HOLDING = ("/", "/run", "/tmp")  # noqa: S108  (targets in a container)
_VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def decode_confinement(
    server: Node, *, mounts: tuple[tuple[Mount, Span], ...] = (), user: str = "", place: Span | None = None
) -> tuple[Confinement, tuple[Diagnostic, ...]]:
    """Return how the container of `server` is held in, and what is less than the baseline without a reason.

    A catalog may bring `mounts`, and the `user` that counts where the hub names none; what needs a reason in those is
    told at `place`.
    """
    is_plain = isinstance(server, MapNode) and _KEYS.isdisjoint(entry.key for entry in server.entries)
    if is_plain and not mounts and not user:
        return BASELINE, ()
    reader = _Reader(server, mounts, user, place)
    return reader.confinement(), tuple(reader.problems)


@dataclass(frozen=True, slots=True)
class _Reader:
    server: Node
    brought: tuple[tuple[Mount, Span], ...]
    brought_user: str
    place: Span | None
    problems: list[Diagnostic] = field(default_factory=list)

    def confinement(self) -> Confinement:
        user = self._user()
        network = self._word("network")
        if network not in {"", "none"}:
            self._need("network", network, f"`{network}` reaches all that lies behind it: egress is not limited yet.")
        return Confinement(
            user=user,
            network="host" if network == "host" else "bridge" if network == "bridge" else "none",
            mounts=tuple(self._mounts()),
            capabilities=tuple(self._capabilities()),
            privileged=self._flag("privileged", safe=False, why="A privileged container is root on the host."),
            host_pid=self._host("pid", "It would see and signal the host's processes."),
            host_ipc=self._host("ipc", "It would share the host's memory between processes."),
            read_only=self._flag("readOnly", safe=True, why="What gets in could stay in its root file system."),
            reason=_word(self.server, "relax", "reason"),
            **self._limits(),
        )

    def _user(self) -> str:
        user = self._word("user") or self.brought_user
        if user == self.brought_user and user and not is_user(user) and self.place is not None:
            self._refuse(f"The catalog's user `{user}` is no user.", self.place)
        if user and is_root(user):
            self._need("user", user, f"`{user}` is root, in the container and towards the engine.")
        return user

    def _word(self, key: str) -> str:
        """Return the value of `key`, which a permission also sets by itself."""
        return _word(self.server, key) or _word(self.server, "relax", key)

    def _flag(self, key: str, *, safe: bool, why: str) -> bool:
        own, relaxed = value(self.server, key), value(self.server, "relax", key)
        if isinstance(own, bool):
            if own is not safe and relaxed is not own:
                self._tell(key, why, f"{key}: {str(own).lower()}")
            return own
        return relaxed if isinstance(relaxed, bool) else safe

    def _host(self, key: str, why: str) -> bool:
        word = self._word(key)
        if word == "host":
            self._need(key, word, why)
        return word == "host"

    def _need(self, key: str, wanted: str, why: str) -> None:
        if _word(self.server, "relax", key) != wanted:
            self._tell(key, why, f'{key}: "{wanted}"')

    def _tell(self, key: str, why: str, permission: str, span: Span | None = None) -> None:
        node = child(self.server, key)
        place = span or (node.span if node is not None else self.place or self.server.span)
        help_ = f"if it must be, add `relax: {{{permission}, reason: …}}`"
        self.problems.append(Diagnostic(code=codes.RELAXATION, detail=why, span=place, help=help_))

    def _capabilities(self) -> Iterator[str]:
        allowed = {text.value for text in texts(self.server, "relax", "capabilities")}
        own = {text.value: text.span for text in texts(self.server, "capabilities")}
        for name in sorted({*own, *allowed}):
            if name not in allowed:
                why = f"`{name}` is a capability, and the baseline has none."
                self._tell("capabilities", why, f"capabilities: [{name}]", own[name])
            yield name

    def _mounts(self) -> Iterator[Mount]:
        allowed = _relaxed(self.server)
        targets: set[str] = set()
        own = ((read_mount(text.value), text.span) for text in texts(self.server, "mounts"))
        for mount, span in (*self.brought, *own):
            if mount is None:
                continue  # the shape check has told
            self._check_mount(mount, span, allowed)
            if mount.target in targets:
                self._refuse(f"Something else is mounted at `{mount.target}` already.", span)
            targets.add(mount.target)
            yield mount

    def _check_mount(self, mount: Mount, span: Span, allowed: set[str]) -> None:
        taken = why_no_target(mount.target)
        if taken:
            self._refuse(taken, span)
        if mount.kind == "volume":
            return
        self.check_source(mount.source, span, allowed, writable=not mount.read_only)
        if "$" in mount.source or "$" in mount.target:
            found = Diagnostic(code=codes.TEMPLATE, detail="No template is filled in here.", span=span)
            self.problems.append(found)

    def check_source(self, source: str, span: Span, allowed: set[str], *, writable: bool) -> None:
        problem = why_not_mounted(source, "write" if writable else "read")
        if problem:
            self.problems.append(Diagnostic(code=codes.PATH, detail=f"`{source}` {problem}.", span=span))
        sensitive = why_sensitive(source, writable=writable)
        if sensitive and source not in allowed:
            self._tell("mounts", f"`{source}` {sensitive}.", f'mounts: ["{source}"]', span)

    def _refuse(self, detail: str, span: Span) -> None:
        self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=detail, span=span))

    def _limits(self) -> dict[str, int]:
        limits: dict[str, int] = {}
        memory, pids, cpus = (value(self.server, "resources", key) for key in ("memory", "pids", "cpus"))
        if isinstance(memory, str) and memory[-2:] in _UNITS and memory[:-2].isdecimal():
            limits["memory"] = int(memory[:-2]) * _UNITS[memory[-2:]]
            node = child(self.server, "resources", "memory")
            if node is not None and not _LEAST_MEMORY <= limits["memory"] <= _MOST_MEMORY:
                self._refuse("A container's memory is between 16Mi and 1024Gi.", node.span)
        if isinstance(pids, int) and not isinstance(pids, bool):
            limits["pids"] = pids
        if isinstance(cpus, (int, float)) and not isinstance(cpus, bool):
            limits["cpus"] = round(cpus * DEFAULT_CPUS)
        return limits


def source_problems(server: Node, granted: tuple[Text, ...], *, writable: bool) -> tuple[Diagnostic, ...]:
    """Return what is wrong with folders of the host being `granted` to calls of the tools of `server`."""
    reader = _Reader(server, (), "", None)
    for text in granted:
        reader.check_source(text.value, text.span, _relaxed(server), writable=writable)
    return tuple(reader.problems)


def why_no_target(target: str) -> str:
    """Return why nothing is mounted at the normalised `target` of a container, as a sentence; empty where it may be."""
    return f"Nothing can be mounted at `{target}`." if target in _HOLDING or is_below(target, _TAKEN) else ""


def _relaxed(server: Node) -> set[str]:
    return {clean(text.value) for text in texts(server, "relax", "mounts")}


def read_mount(text: str) -> Mount | None:
    """Return the mount that ``SOURCE:TARGET[:ro|rw]`` says, None where it says none."""
    parts = text.split(":")
    if len(parts) not in {2, 3} or not all(parts) or not parts[1].startswith("/"):
        return None
    is_volume = _VOLUME.fullmatch(parts[0]) is not None
    return Mount(
        kind="volume" if is_volume else "bind",
        source=parts[0] if is_volume else clean(parts[0]),
        target=clean(parts[1]),
        read_only=parts[2:] != ["rw"],
    )


def clean(path: str) -> str:
    """Return a path of the host as it is compared: normalised, relative to the hub's folder or absolute."""
    # POSIX keeps two leading slashes apart from one, an engine does not.
    return normpath(re.sub("^/+", "/", path))


def _word(node: Node, *keys: str) -> str:
    found = value(node, *keys)
    return found if isinstance(found, str) else ""
