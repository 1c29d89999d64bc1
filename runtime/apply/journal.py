"""What each apply began and how it ended, a JSON line each, synced before the act.

The first thing to read after an apply that was interrupted.
"""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcphub_gitops.runtime.failure import RuntimeFailure

_LARGEST = 1024 * 1024
"""Bytes after which the journal is set aside as ``journal.1.jsonl`` before the next apply."""


class Journal:
    """Appends lines to the file at `path` until it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with suppress(OSError):
            if path.stat().st_size > _LARGEST:
                path.replace(path.with_suffix(".1.jsonl"))

    def write(self, event: str, **facts: Any) -> None:  # noqa: ANN401  (any JSON value)
        """Append one line and sync it; raises RuntimeFailure when the disk refuses."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}  # noqa: TID251  (for people; nothing is decided on it)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, json.dumps(line, ensure_ascii=False).encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RuntimeFailure(
                "the journal cannot be written",
                detail=f"{self._path}: {error.strerror}",
                resolution="look at the disk's free space and at the folder's permissions",
            ) from error
