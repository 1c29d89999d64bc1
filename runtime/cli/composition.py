"""Puts the rooms together: engines, adapters and the prober behind the ports that apply and the gateway ask through."""

import os
from functools import partial
from importlib.metadata import version

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.runtime.adapters.packages import UvPackages
from mcphub_gitops.runtime.adapters.secrets import SecretSources
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.programs import find_program, find_python
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.ports import Secrets
from mcphub_gitops.runtime.project import Project


def layout_of(project: Project) -> Layout:
    """Return the names in the project's runtime folder."""
    return Layout(folder=project.runtime_folder)


def compose_engine(realm: str) -> ProcessEngine:
    """Return what starts servers; `realm` is the project's lineage, empty while nothing was ever applied."""
    return ProcessEngine(realm=realm)


def compose_secrets(project: Project) -> Secrets:
    """Return what reads secret values."""
    return SecretSources(project.root, os.environ)


def compose(project: Project, *, realm: str = "") -> Site:
    """Return the machine as seen from `project`."""
    layout = layout_of(project)
    engine = compose_engine(realm)
    about = encode({"name": "mcphub", "version": version("mcphub-gitops")})
    return Site(
        root=project.root,
        layout=layout,
        packages=UvPackages(layout.packages, find_python(unprivileged=os.geteuid() == 0)),
        find_program=partial(find_program, realm=realm),
        assess=engine.assess,
        prober=StdioProber(engine, client=about),
        secrets=compose_secrets(project),
    )
