"""What asks servers for their tools: loaded when one is asked."""

from importlib.metadata import version

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.ports import AnySpawner


def make_prober(spawner: AnySpawner) -> StdioProber:
    """Return what starts servers through `spawner` and asks them."""
    return StdioProber(spawner, client=encode({"name": "mcphub", "version": version("mcphub-gitops")}))
