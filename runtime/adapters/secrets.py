"""Where secret values come from: mcphub's own environment, and files."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from mcphub_gitops.runtime.failure import RuntimeFailure

LONGEST = 64 * 1024
"""Bytes. One variable may have 128 KiB (MAX_ARG_STRLEN, execve(2)); a private key or a token has a few."""


class SecretSources:
    """Reads ``env://NAME`` from `environ` and ``file://PATH`` below `root` (or absolute); implements `ports.Secrets`.

    A file may be readable by other users: by its mode alone nobody can tell who reaches it. Container engines and
    orchestrators mount secrets as 0444 or 0644 by default and shut the folder, or the container, around them; to refuse
    these would drive people to put the values into the environment. Links are followed, since orchestrators mount
    secrets as links too.
    """

    def __init__(self, root: Path, environ: Mapping[str, str]) -> None:
        self._root = root
        self._environ = environ

    def resolve(self, reference: str) -> str:
        """Return the value behind `reference`, never empty; one line break at the end of a file is not part of it.

        Raises RuntimeFailure, which names the reference and never holds any of the value.
        """
        scheme, _, location = reference.partition("://")
        if scheme == "env" and location:
            return _checked(reference, self._variable(reference, location))
        if scheme == "file" and location:
            text = self._read(reference, location).decode("utf-8", "surrogateescape")
            return _checked(reference, _without_break(text))
        raise RuntimeFailure(
            f"the secret {reference!r} cannot be read",
            detail="It is no reference that mcphub knows.",
            resolution="write env://NAME or file://PATH",
        )

    def _variable(self, reference: str, name: str) -> str:
        value = self._environ.get(name)
        if value is None:
            raise RuntimeFailure(f"the secret {reference} is not set", resolution=f"set {name} where mcphub runs")
        return value

    def _read(self, reference: str, location: str) -> bytes:
        path = self._root / location
        try:
            # Opening a pipe to read would wait for someone who writes.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                data = file.read(LONGEST + 1) if regular else b""
        except (OSError, ValueError) as error:
            raise _unreadable(reference, f"{path}: {getattr(error, 'strerror', None) or error}") from error
        if not regular:
            raise _unreadable(reference, f"{path} is not a file")
        if len(data) > LONGEST:
            raise _unreadable(reference, f"{path} is larger than {LONGEST // 1024} KiB")
        return data


def _checked(reference: str, value: str) -> str:
    if not value:
        raise RuntimeFailure(
            f"the secret {reference} is empty", resolution="give it a value, or take it out of the server's `secrets`"
        )
    if "\0" in value:
        raise _unreadable(reference, "It holds a zero byte, which no environment variable can.")
    # Bytes that are no UTF-8 text come out of files and out of the environment as lone surrogates.
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise _unreadable(reference, "It is not UTF-8 text.")
    return value


def _without_break(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _unreadable(reference: str, detail: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the secret {reference} cannot be read",
        detail=detail,
        resolution="put the value, as UTF-8 text, where the reference says",
    )
