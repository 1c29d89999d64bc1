"""The one place where modules are loaded late, so that a command pays only for what it uses."""

from importlib import import_module
from types import ModuleType


def load(name: str) -> ModuleType:
    """Return the module `name` of the command line's folder."""
    return import_module(f"mcphub_gitops.runtime.cli.{name}")
