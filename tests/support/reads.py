"""Applies the hub of the folder that it is started in, the ordinary way, and prints which files that has read.

An audit hook hears each `open`, and each listing of a folder (PEP 578); it stays, so this is a program of its own.
"""

import json
import os
import sys

from mcphub_gitops.runtime.cli import exits
from mcphub_gitops.runtime.cli.main import cli

read: set[str] = set()
listed: set[str] = set()
variables: set[str] = set()


def hear(event: str, arguments: tuple[object, ...]) -> None:
    """Keep what is opened and listed below the current folder."""
    kept = {"open": read, "os.listdir": listed, "os.scandir": listed}.get(event)
    name = arguments[0] if arguments else None
    if kept is not None and isinstance(name, str | bytes | os.PathLike):
        path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100
        if path.startswith(f"{folder}/") or path == folder:
            kept.add(path)


folder = os.getcwd()  # noqa: PTH109
sys.addaudithook(hear)
code = exits.run(lambda: cli.main(["apply"], standalone_mode=False))
print(json.dumps({"code": code, "read": sorted(read), "listed": sorted(listed)}))  # noqa: T201
