"""Servers as containers: loaded when a hub has one, or had."""

import os

from mcphub_gitops.runtime.adapters.credentials import DockerLogins
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.engines.docker.client import socket_of
from mcphub_gitops.runtime.engines.docker.engine import DockerEngine


def make_containers(layout: Layout) -> DockerEngine:
    """Return the engine that DOCKER_HOST names; raises RuntimeFailure when that is no socket."""
    logins = DockerLogins(os.environ)
    return DockerEngine(socket_of(os.environ), leases=layout.containers, credentials=logins.registry_auth)
