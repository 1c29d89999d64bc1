"""Foreign words and our own mistakes, fit to stand in one line of a log."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from mcphub_gitops.compiler.url import hide_query

_LONGEST: Final = 500


def printable(value: str | bytes) -> str:
    """Return a server's words fit for a message: at most 500 characters, none that steers a terminal, no URL's key."""
    words = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return "".join(mark if mark.isprintable() else " " for mark in hide_query(words)[:_LONGEST])


@contextmanager
def contained(tell: Callable[[str], object]) -> Iterator[None]:
    """Let a bug of ours end what runs in the block and nothing else; `tell` gets what `bug` says of it.

    The boundary of a request, of a message, and of the keeping of one server.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  (the one place: a bug in one request must not end the gateway)
        tell(bug(error))


def bug(error: Exception) -> str:
    """Return what kind of mistake `error` is and where it was made; its message may hold what a client sent."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"mcphub has a bug: {type(error).__name__} in {frame.name}, line {frame.lineno}"
