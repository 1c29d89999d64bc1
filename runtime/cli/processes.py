"""Servers as child processes: loaded when a hub has one."""

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.programs import find_program

__all__ = ["find_program", "make_processes"]


def make_processes(realm: str) -> ProcessEngine:
    """Return what starts child processes; `realm` is the project's lineage."""
    return ProcessEngine(realm=realm)
