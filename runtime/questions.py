"""What a command asks of the machine, as questions that can be asked again, and answers that can be compared.

It imports next to nothing: what asks again has a hundredth of a second for all of it.
"""

import os
import stat
from collections.abc import Iterable

try:
    # As hashlib has it, which first loads OpenSSL's for 2 ms.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

FILE, NAMES, FOLDER, PLACE = "file", "names", "folder", "place"
"""What is in a file; which names are in a folder; whose a folder is; where a path leads. Subjects are paths."""

ABSENT = "absent"
LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is asked for again."""

_OTHER = "other"


def fingerprint(parts: Iterable[bytes]) -> str:
    """Return the digest of `parts`, which keeps them apart."""
    found = blake2b(digest_size=32)
    for part in parts:
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.hexdigest()


def file_answer(path: str, data: bytes, links: int) -> str:
    """Return the answer for a file with `data`: also where its path leads, and how many names it has."""
    return fingerprint((os.fsencode(os.path.realpath(path)), b"%d" % links, data))


def names_answer(path: str, names: Iterable[str]) -> str:
    """Return the answer for a folder with `names`."""
    return fingerprint((os.fsencode(os.path.realpath(path)), *sorted(map(os.fsencode, names))))


def folder_answer(status: os.stat_result) -> str:
    """Return the answer for a folder that has `status`: its kind, owner and mode."""
    return f"{status.st_mode:o} {status.st_uid}"


def place_answer(real: str, status: os.stat_result) -> str:
    """Return the answer for a path whose place without links is `real`, and which thing is there."""
    return fingerprint((os.fsencode(real), f"{stat.S_IFMT(status.st_mode)} {status.st_dev} {status.st_ino}".encode()))


def ask(kind: str, path: str) -> str:
    """Return what the machine answers now; raises OSError for most of what is no answer."""
    return _ASKED[kind](path)


def _ask_file(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ABSENT
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            return _OTHER
        data = os.read(descriptor, status.st_size + 1)
        return file_answer(path, data, status.st_nlink) if len(data) == status.st_size else _OTHER
    finally:
        os.close(descriptor)


def _ask_names(path: str) -> str:
    try:
        return names_answer(path, os.listdir(path))  # noqa: PTH208  (pathlib takes 7 ms to load)
    except FileNotFoundError:
        return ABSENT


def _ask_folder(path: str) -> str:
    try:
        return folder_answer(os.lstat(path))
    except FileNotFoundError:
        return ABSENT


def _ask_place(path: str) -> str:
    real = os.path.realpath(path, strict=True)
    return place_answer(real, os.stat(real))  # noqa: PTH116  (same)


_ASKED = {FILE: _ask_file, NAMES: _ask_names, FOLDER: _ask_folder, PLACE: _ask_place}
