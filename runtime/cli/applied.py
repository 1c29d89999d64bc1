"""The project as it is applied: what `drift` and `status` look at."""

from dataclasses import replace

from mcphub_gitops.runtime.apply.state import Applied
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project


def as_applied(project: Project, applied: Applied) -> Project:
    """Return `project` in the environment that is applied; raises RuntimeFailure where another one was asked for."""
    found = applied.plan.desired.environment
    if project.environment in {"", found}:
        return replace(project, environment=found)
    raise RuntimeFailure(
        f"the environment {project.environment} is not applied here",
        detail=f"what is applied is {f'the environment {found}' if found else 'the hub without an environment'}",
        resolution=f"run `mcphub apply --env {project.environment}` first, or leave --env out",
    )
