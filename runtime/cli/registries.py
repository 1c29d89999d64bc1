"""The image registries: loaded when one is asked."""

import os

from mcphub_gitops.runtime.adapters.credentials import DockerLogins
from mcphub_gitops.runtime.adapters.registry import ImageRegistries


def make_registries() -> ImageRegistries:
    """Return what asks registries, with the logins of Docker's configuration."""
    return ImageRegistries(DockerLogins(os.environ))
