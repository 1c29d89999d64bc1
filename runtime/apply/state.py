"""What is applied: numbered generations, each with its plan, and a link to the one that is served.

A generation is written whole before the link is moved in one step, so whoever follows the link sees one generation,
whenever the writer was stopped. Sources: rename(2), symlink(2).
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.canonical import digest, encode
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.file import (
    MAX_BYTES,
    Unusable,
    admission_document,
    plan_digest,
    read_record,
    write_plan,
)
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.profile import DesiredProfile
from mcphub_gitops.runtime.apply.layout import Layout, check_folder, make_folder, remove_folder
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import names_in, read_file, sync_folder, write_file
from mcphub_gitops.runtime.garbage import unsearched

FORMAT = "mcphub.state/v1"
GENERATION_FORMAT = "mcphub.generation/v1"
KEPT = 3
"""How many generations stay on the disk."""

_PLAN, _GATEWAY, _STATE = "plan.json", "gateway.json", "state.json"
_SERVED = "served"
"""Stands in a generation that the link has led to: one whose apply was interrupted before that has none."""

_SECRET_FILE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The generation that is served: its serial, the plan it came from, and whether its files are as written.

    `generation` is the digest of the file that the gateway serves from; empty when that file was changed or is gone.
    """

    serial: int
    plan: Plan
    generation: str


def read_applied(layout: Layout) -> Applied | None:
    """Return what is applied, or None when nothing is.

    Raises RuntimeFailure when the record is damaged: a lost record must not look like an empty one.
    """
    check_folder(layout.folder)
    folder = layout.current
    if not folder.is_symlink():
        if os.path.lexists(folder):
            raise _damaged(f"{folder} is not a link")
        lost = _last_served(layout)
        if lost is None:
            return None
        raise _lost(layout, lost)
    with unsearched():
        saved = read_record(read_file(folder / _PLAN, limit=MAX_BYTES) or b"")
    state = _state(read_file(folder / _STATE, limit=MAX_BYTES) or b"")
    if isinstance(saved, Unusable) or state is None or state["plan"] != saved.digest:
        raise _damaged(f"{folder / _PLAN} and {_STATE} beside it are not what mcphub wrote")
    gateway = digest(read_file(folder / _GATEWAY, limit=MAX_BYTES) or b"")
    return Applied(
        serial=state["serial"], plan=saved.plan, generation=gateway if gateway == state["generation"] else ""
    )


def _damaged(detail: str) -> RuntimeFailure:
    return RuntimeFailure(
        "the record of what is applied is damaged",
        detail=detail,
        resolution="run `mcphub down` and then `mcphub up`, or restore the folder from a backup",
    )


def _lost(layout: Layout, serial: int) -> RuntimeFailure:
    return RuntimeFailure(
        "the link to what is applied is gone",
        detail=f"{layout.current} does not exist, but the generation {serial} was served from {layout.generations}",
        resolution="run `mcphub recover`, which makes the link again, or `mcphub down` to serve nothing any more",
    )


def restore_current(layout: Layout) -> int | None:
    """Make the link again where it is gone, to the generation that was served last; return its serial.

    None where it is there, or nothing was ever served. Raises RuntimeFailure when that generation is damaged.
    """
    if os.path.lexists(layout.current):
        return None
    serial = _last_served(layout)
    if serial is not None:
        _point(layout, layout.generations / str(serial))
        read_applied(layout)
    return serial


def _last_served(layout: Layout) -> int | None:
    served = (serial for serial in _serials(layout) if (layout.generations / str(serial) / _SERVED).is_file())
    return max(served, default=None)


def refuse_other_hub(desired: Desired, applied: Applied | None) -> None:
    """Raise RuntimeFailure when another hub is `applied` in a folder: its servers would be destroyed."""
    if applied is not None and applied.plan.desired.hub != desired.hub:
        raise RuntimeFailure(
            f"the hub {applied.plan.desired.hub} is applied here, not {desired.hub}",
            detail="one folder serves one hub",
            resolution="run `mcphub down` first if this one is to take its place, or give it a folder of its own",
        )


def read_generation(layout: Layout) -> bytes:
    """Return the file that the gateway serves from, as it was written; raises RuntimeFailure when it is not."""
    applied = read_applied(layout)
    if applied is None:
        raise RuntimeFailure(
            "nothing is applied, so there is nothing to serve",
            detail=f"{layout.current} does not exist",
            resolution="run `mcphub apply`, or `mcphub up`, which applies and serves",
        )
    data = read_file(layout.current / _GATEWAY, limit=MAX_BYTES) or b""
    if not applied.generation or digest(data) != applied.generation:
        raise RuntimeFailure(
            "the applied generation is damaged",
            detail=f"{layout.current / _GATEWAY} is not what mcphub wrote",
            resolution="run `mcphub apply`, which writes it again",
        )
    return data


def served_marks(layout: Layout) -> dict[str, str]:
    """Return, by server, what tells its container from those before it that were made from the same; empty values too.

    Without a sound generation there is none.
    """
    try:
        servers = json.loads(read_generation(layout))["servers"]
    except RuntimeFailure:
        return {}
    return {server["name"]: server.get("made", "") for server in servers}


def write_generation(layout: Layout, plan: Plan, servers: Sequence[Mapping[str, Any]]) -> int:
    """Write the generation of `plan` and make it the current one; return its serial.

    `servers` are the entries of ``gateway.json``. Raises RuntimeFailure, and what was served stays served.
    """
    serial = max(_serials(layout), default=0) + 1
    folder = layout.generations / str(serial)
    make_folder(folder, 0o700)
    desired = plan.desired
    offering = {server.name for server in desired.servers if server.offers.served}
    profiles = {profile.name: _profile_entry(profile, offering) for profile in desired.profiles}
    gateway = encode(
        {
            "format": GENERATION_FORMAT,
            "hub": desired.hub,
            "plan": plan_digest(plan),
            "listen": desired.listen,
            "publicUrl": desired.public_url,
            "servers": servers,
            **({"profiles": profiles} if profiles else {}),
            **admission_document(desired.admission),
        }
    )
    state = {"format": FORMAT, "serial": serial, "plan": plan_digest(plan), "generation": digest(gateway)}
    for name, data in ((_PLAN, write_plan(plan)), (_GATEWAY, gateway), (_STATE, encode(state))):
        write_file(folder / name, data, mode=_SECRET_FILE)
    _point(layout, folder)
    write_file(folder / _SERVED, b"", mode=_SECRET_FILE)
    for old in sorted(_serials(layout))[:-KEPT]:
        remove_folder(layout.generations / str(old))
    return serial


def _profile_entry(profile: DesiredProfile, offering: Collection[str]) -> dict[str, Any]:
    servers = [name for name in profile.tools if name in offering]
    return {
        "path": profile.path,
        "tools": [name for names in profile.tools.values() for name in names],
        **({"groups": profile.groups} if profile.groups else {}),
        **({"servers": servers} if servers else {}),
    }


def forget(layout: Layout) -> None:
    """Serve nothing any more: remove the link and every generation; raises RuntimeFailure."""
    check_folder(layout.folder)
    try:
        layout.current.unlink(missing_ok=True)
    except IsADirectoryError:
        remove_folder(layout.current)
    except OSError as error:
        raise RuntimeFailure("the applied generation cannot be removed", detail=str(error.strerror)) from error
    for serial in _serials(layout):
        remove_folder(layout.generations / str(serial))


def _point(layout: Layout, folder: Path) -> None:
    staged = layout.folder / ".current.new"
    try:
        staged.unlink(missing_ok=True)
        staged.symlink_to(folder.relative_to(layout.folder))
        staged.replace(layout.current)
        sync_folder(layout.folder)
    except OSError as error:
        raise RuntimeFailure(
            "the new generation cannot be made current", detail=f"{layout.current}: {error.strerror}"
        ) from error


def _serials(layout: Layout) -> list[int]:
    return [int(name) for name in names_in(layout.generations) if name.isdecimal()]


def _state(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    shape = {"format": str, "serial": int, "plan": str, "generation": str}
    if not isinstance(found, dict) or found.keys() != shape.keys() or found["format"] != FORMAT:
        return None
    return found if all(isinstance(found[key], kind) for key, kind in shape.items()) else None
