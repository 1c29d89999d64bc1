"""The package managers: loaded when a hub has packages."""

import os

from mcphub_gitops.runtime.adapters.managers import PackageManagers
from mcphub_gitops.runtime.adapters.npm import NpmPackages
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.engines.programs import find_python

_OFFLINE = {"UV_OFFLINE": "1", "npm_config_offline": "true"}


def make_managers(layout: Layout, *, offline: bool = False) -> PackageManagers:
    """Return what installs packages below `layout`, with `offline` from the caches of the package managers alone."""
    environ = {**os.environ, **_OFFLINE} if offline else os.environ
    return PackageManagers(
        pypi=UvPackages(layout.packages, find_python(unprivileged=os.geteuid() == 0), environ=environ),
        npm=NpmPackages(layout.packages, layout.npm_cache, environ=environ),
    )
