"""What a folder of installed distributions holds: every file with its hash, and what the wheels say of them."""

import base64
import csv
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import dirname, join, normpath

from mcphub_gitops.runtime.adapters.pins import normalise

Inventory = Mapping[str, str]
"""By path relative to the folder: ``sha256:<hex>`` of a file, ``-> target`` of a link, or ``special``."""


def take_inventory(home: Path, *, leave_out: frozenset[str] = frozenset()) -> Inventory:
    """Return what `home` holds, links not followed; `leave_out` names what is not looked at. Raises OSError.

    Measured for mcp-server-git (34 distributions, 1 900 files, 47 MB): 0.07 s with the files in memory.
    """
    return dict(sorted(_walk(str(home), "", leave_out)))


def _walk(home: str, below: str, leave_out: frozenset[str]) -> Iterator[tuple[str, str]]:
    with os.scandir(join(home, below)) as entries:
        for entry in entries:
            path = join(below, entry.name)
            if path in leave_out:
                continue
            if entry.is_symlink():
                yield path, f"-> {os.readlink(entry.path)}"  # noqa: PTH115  (a Path for each of thousands)
            elif entry.is_dir():
                yield from _walk(home, path, leave_out)
            elif entry.is_file():
                with open(entry.path, "rb") as file:  # noqa: PTH123  (same)
                    yield path, f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            else:
                yield path, "special"


def open_to_all(home: Path) -> None:
    """Let every user read what is in `home`, and run what its owner can run; links are left alone. Raises OSError.

    Files come with the mode they have in uv's cache: that of the umask under which they were downloaded.
    """
    for folder, _, files in os.walk(home):
        os.chmod(folder, 0o755)  # noqa: PTH101, S103  (a Path for each of thousands; packages are no secret)
        for name in files:
            path = join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o755 if mode & stat.S_IXUSR else 0o644)  # noqa: PTH101


def read_records(home: Path, inventory: Inventory) -> dict[str, dict[str, str]]:
    """Return what each distribution's RECORD lists: by name, a hash (or nothing) by path relative to `home`.

    The format is PyPA's "Recording installed projects". Raises OSError, and ValueError for a hash that is not one.
    """
    records = {}
    for path in inventory:
        folder = dirname(path)
        if path == f"{folder}/RECORD" and folder.endswith(".dist-info"):
            site = dirname(folder)
            with (home / path).open(encoding="utf-8", newline="") as file:
                rows = [row for row in csv.reader(file) if row]
            # In the name of the folder, the hyphens of a distribution's name are underscores.
            name = normalise(folder.rpartition("/")[2].partition("-")[0])
            records[name] = {normpath(join(site, row[0])): _hex(row[1] if len(row) > 1 else "") for row in rows}
    return records


def find_damage(inventory: Inventory, records: Mapping[str, Mapping[str, str]]) -> str:
    """Return a path at which `inventory` is not what the wheels' `records` say, or nothing.

    A file that no wheel lists counts, below the folder that they are installed in; the bytecode of a listed source
    does not.
    """
    listed = {path: wanted for record in records.values() for path, wanted in record.items()}
    for path, wanted in listed.items():
        if inventory.get(path) != wanted and (wanted or path not in inventory):
            return path
    for path in inventory:
        if "/site-packages/" in path and path not in listed and _source_of(path) not in listed:
            return path
    return ""


def _source_of(bytecode: str) -> str:
    """Return the source that the file in a ``__pycache__`` was compiled from (PEP 3147); nothing for other files."""
    folder, _, name = bytecode.rpartition("/__pycache__/")
    return f"{folder}/{name.split('.')[0]}.py" if folder and name.endswith(".pyc") else ""


def _hex(recorded: str) -> str:
    """Return ``sha256:<hex>`` of a RECORD's hash, which is base64 without padding; nothing for one of another kind."""
    kind, _, value = recorded.partition("=")
    if kind != "sha256":
        return ""
    return f"sha256:{base64.urlsafe_b64decode(value + '=' * (-len(value) % 4)).hex()}"
