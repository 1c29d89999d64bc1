"""Secrets that a program writes on its standard output."""

import os
import select
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from mcphub_gitops.compiler.resolve.path import looks_like_path
from mcphub_gitops.runtime.adapters.secrets.value import LONGEST, unreadable
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import digest_of

PATIENCE = 60.0
"""Seconds: a program may ask its user for a touch or a passphrase."""


def run_secret_program(
    reference: str,
    argv: tuple[str, ...],
    *,
    root: Path,
    environ: Mapping[str, str],
    programs: Mapping[str, str],
    patience: float = PATIENCE,
) -> bytes:
    """Return what the program `argv` writes on standard output; raises RuntimeFailure, never with any of it.

    No shell is involved. It runs in the folder `root` with the environment `environ`, mcphub's own, because what it
    asks needs the user's session. Files of that folder among its words must be those of `programs`, digests by path.
    What it says on standard error is dropped: it may hold what it should not.
    """
    for word in argv:
        if looks_like_path(word) and digest_of(root, word) != programs.get(word):
            raise RuntimeFailure(
                f"the secret {reference} is not read: {word} is not what was locked",
                resolution="restore it, or run `mcphub lock`, review what changed, and apply",
            )
    program = _find(reference, argv[0], root, environ)
    try:
        process = subprocess.Popen(  # noqa: S603  (an argument list that was reviewed)
            [program, *argv[1:]],
            cwd=root,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        detail = f"{program}: {getattr(error, 'strerror', None) or error}"
        raise unreadable(reference, detail, "make it a program that can be run") from error
    return _output(reference, process, argv[0], patience)


def _output(reference: str, process: "subprocess.Popen[bytes]", name: str, patience: float) -> bytes:
    deadline = monotonic() + patience
    try:
        with process:
            data = _read(process, deadline)
            # Whoever writes more than a value has is stopped, whatever it writes.
            is_late = data is None or (len(data) <= LONGEST and not _has_ended(process, deadline))
            _end(process)
    finally:
        _end(process)
    if data is None or is_late:
        raise unreadable(reference, f"{name} has not ended within {patience:g} s", "run it yourself, and see why")
    if len(data) > LONGEST:
        raise unreadable(reference, f"{name} writes more than {LONGEST // 1024} KiB")
    if process.returncode != 0:
        status = process.returncode
        ended = f"with the exit status {status}" if status > 0 else f"by the signal {-status}"
        raise unreadable(reference, f"{name} ended {ended}", "run it yourself, and see what it says")
    return data


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> bytes | None:
    """Return what it writes until it closes its output, or writes too much; None where it does not until `deadline`.

    A process that it leaves behind, out of its group, may hold the output open for ever.
    """
    if process.stdout is None:
        return b""
    descriptor, data = process.stdout.fileno(), bytearray()
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while len(data) <= LONGEST:
        if not waiting.poll(max(0.0, deadline - monotonic()) * 1000):
            return None
        part = os.read(descriptor, LONGEST)
        if not part:
            break
        data += part
    return bytes(data)


def _has_ended(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - monotonic()))
        return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the program and what it started, if any of that is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _find(reference: str, word: str, root: Path, environ: Mapping[str, str]) -> str:
    if word.startswith("/"):
        return word
    if looks_like_path(word):
        return str((root / word).resolve())
    found = shutil.which(word, path=environ.get("PATH", os.defpath))
    if found is None or not found.startswith("/"):
        raise unreadable(reference, f"No program {word} is in mcphub's PATH.", "install it, or write its absolute path")
    return found
