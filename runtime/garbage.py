"""When the interpreter looks for garbage: not while much is made that stays, which is most of what mcphub does."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unsearched() -> Iterator[None]:
    """Make something without looking for garbage: where all of it stays, looking takes up to half of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
