"""Secrets in files: one a file, or several in one of `NAME=value` lines."""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from mcphub_gitops.runtime.adapters.secrets.value import LONGEST, unreadable
from mcphub_gitops.runtime.failure import RuntimeFailure

MOST_DOTENV = 1024 * 1024
"""Bytes of a file with several secrets."""

ParseDotenv: TypeAlias = Callable[[str], Mapping[str, str | None] | None]
"""Returns the values of a file by name, None where a line of it is not understood."""


def read_secret_file(reference: str, path: Path, *, limit: int = LONGEST) -> bytes:
    """Return what is in the file at `path`; raises RuntimeFailure, also for what is larger than `limit` bytes.

    A file may be readable by other users: by its mode alone nobody can tell who reaches it. Container engines and
    orchestrators mount secrets as 0444 or 0644 by default and shut the folder, or the container, around them; to refuse
    these would drive people to put the values into the environment. Links are followed, since orchestrators mount
    secrets as links too.
    """
    try:
        # Opening a pipe to read would wait for someone who writes.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            data = file.read(limit + 1) if regular else b""
    except (OSError, ValueError) as error:
        raise unreadable(reference, f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not regular:
        raise unreadable(reference, f"{path} is not a file")
    if len(data) > limit:
        raise unreadable(reference, f"{path} is larger than {limit // 1024} KiB")
    return data


def read_dotenv(reference: str, path: Path, name: str, parse: ParseDotenv) -> str:
    """Return the value of `name` in the file at `path`; raises RuntimeFailure.

    Nothing is interpolated: a value is what stands there, whatever mcphub's own environment has.
    """
    data = read_secret_file(reference, path, limit=MOST_DOTENV)
    values = parse(data.decode("utf-8", "surrogateescape"))
    if values is None:
        raise unreadable(reference, f"{path} has a line that is not NAME=value", "correct the file")
    value = values.get(name)
    if value is None:
        raise RuntimeFailure(f"the secret {reference} is not set", resolution=f"add a line {name}=value to {path}")
    return value
