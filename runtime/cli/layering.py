"""Hubs that are made of several files: loaded when there is one."""

from collections.abc import Callable, Mapping

from mcphub_gitops.compiler import layering
from mcphub_gitops.compiler.validation import Document


def open_layers(
    name: str, data: bytes, find: Callable[[str], Mapping[str, bytes | str]], environment: tuple[str, str, bytes] | None
) -> Document:
    """Open the hub document `data` with what it includes, and with the environment: its name, file and content."""
    over = layering.Environment(*environment) if environment is not None else None
    return layering.open_layers(name, data, find, over)
