"""Tools that are containers by themselves: loaded when a hub that has some is served."""

from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
from mcphub_gitops.runtime.engines.docker.tools import ToolsEngine


def make_tools(engine: DockerEngine) -> ToolsEngine:
    """Return what answers for tools that are containers on `engine`."""
    return ToolsEngine(engine)
