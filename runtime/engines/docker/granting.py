"""What a call may have mounted of the host: its text was judged when the call was prepared, its real place is here."""

import os
from collections.abc import Iterable
from pathlib import Path

from mcphub_gitops.compiler.resolve.confinement import Mount as Named
from mcphub_gitops.compiler.resolve.path import why_not_at
from mcphub_gitops.runtime.files import leads_to
from mcphub_gitops.runtime.ports import Mount, ToolsSpec


class NotGrantedError(Exception):
    """A call would mount what it may not, in words for whoever called, who learns nothing else of the host."""


def grant(named: Iterable[Named], locked: frozenset[str], spec: ToolsSpec, socket: str) -> tuple[Mount, ...]:
    """Return the mounts of one call with their real places; `locked` are targets that stay read-only.

    `socket` is the engine's. Raises NotGrantedError, in the same words whether something is not there or not granted:
    what else a host holds is nobody's to find out. Blocking.
    """
    return tuple(_grant(mount, spec, socket, is_locked=mount.target in locked) for mount in named)


def _grant(named: Named, spec: ToolsSpec, socket: str, *, is_locked: bool) -> Mount:
    try:
        real = Path(os.path.realpath(named.source, strict=True))
    except (OSError, ValueError):
        raise _refused(named) from None
    holding = [each for each in spec.granted if real.is_relative_to(each.path)]
    writable = not is_locked and any(each.writable for each in holding)
    as_named = any(each.as_named for each in holding)
    if not holding or why_not_at(str(real), spec.root, writable=writable, as_named=as_named):
        raise _refused(named)
    if leads_to(real, Path(socket)):
        raise _refused(named)
    return Mount(kind="bind", source=str(real), target=named.target, read_only=not writable)


def _refused(named: Named) -> NotGrantedError:
    return NotGrantedError(f"`{named.source}` is not there, or lies below no folder that this hub grants to calls.")
