"""The scratch folder of a server that is renamed: it gets its new name before the switch, and is found by both.

The old process, which ends its calls until the new one serves, goes on finding its HOME: a link stands in its place,
until the old name is retired. Source: rename(2), symlink(2).
"""

import os
from pathlib import Path

from mcphub_gitops.runtime.apply.layout import remove_folder
from mcphub_gitops.runtime.failure import RuntimeFailure


def move_scratch(scratch: Path, old: str, new: str) -> None:
    """Call the folder `old` in `scratch` `new`; done already, it does nothing. Raises RuntimeFailure."""
    source, target = scratch / old, scratch / new
    if source.is_symlink() or not source.is_dir():
        return
    # Nothing of the new name is applied yet, so what stands there was left behind.
    remove_scratch(target)
    try:
        source.rename(target)
        source.symlink_to(new)
    except OSError as error:
        raise _failed(old, new, error) from error


def move_scratch_back(scratch: Path, old: str, new: str) -> None:
    """Undo `move_scratch`, wherever it ended; raises RuntimeFailure."""
    source, target = scratch / old, scratch / new
    try:
        if source.is_symlink():
            source.unlink()
        if not os.path.lexists(source) and target.is_dir():
            target.rename(source)
    except OSError as error:
        raise _failed(new, old, error) from error


def remove_scratch(folder: Path) -> None:
    """Remove the scratch folder `folder`, or the link in its place, and nothing that one leads to."""
    if folder.is_symlink():
        folder.unlink()
    else:
        remove_folder(folder)


def _failed(old: str, new: str, error: OSError) -> RuntimeFailure:
    detail = f"the folder of {old} cannot become that of {new}: {error.strerror}"
    return RuntimeFailure(f"the scratch folder of {old} cannot be moved", detail=detail)
