"""The package managers: loaded when a hub has packages."""

import os

from mcphub_gitops.runtime.adapters.managers import PackageManagers
from mcphub_gitops.runtime.adapters.npm import NpmPackages
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.engines.programs import find_python


def make_managers(layout: Layout) -> PackageManagers:
    """Return what installs packages below `layout`."""
    return PackageManagers(
        pypi=UvPackages(layout.packages, find_python(unprivileged=os.geteuid() == 0)),
        npm=NpmPackages(layout.packages, layout.npm_cache),
    )
