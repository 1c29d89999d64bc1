"""The way to servers that others run: loaded when a hub has one."""

from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine


def make_remote() -> RemoteEngine:
    """Return what reaches remote servers."""
    return RemoteEngine()
