"""The report of a bug of ours: loaded when there is one."""

import os
import platform
import tempfile
import traceback
from collections.abc import Iterator
from importlib.metadata import version


def write_report(error: BaseException) -> str:
    """Write the paste-ready report and return its path.

    It has versions and frames, but no message and no argument, which may hold a secret.
    """
    head = f"mcphub {version('mcphub-gitops')}, Python {platform.python_version()}, {platform.system()}"
    descriptor, path = tempfile.mkstemp(prefix="mcphub-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([head, *_lines(error)]) + "\n")
    return path


def _lines(error: BaseException) -> Iterator[str]:
    """Yield the type and the frames of `error`, then those of what it was caused by or gathers."""
    yield type(error).__name__
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for each in (*inner, error.__cause__ or error.__context__):
        if each is not None:
            yield from _lines(each)
