"""A hub and its lock as those commands take them that ask the world about both."""

from dataclasses import dataclass

from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockable:
    """A hub and its lock, neither with errors, and what else is worth telling of them."""

    hub: Hub
    lock: Lock
    problems: tuple[Diagnostic, ...]
    sources: tuple[Source, ...]


def read_lockable(project: Project, output: str = "human") -> Lockable | None:
    """Return the project's hub and lock; None where one has errors, having told of them in the form `output`."""
    validated, lock_file = project.validate(), project.open_lock()
    sources = (*validated.sources, lock_file.source)
    problems = (*validated.diagnostics, *lock_file.diagnostics)
    if has_errors(problems) or validated.hub is None or lock_file.lock is None:
        show_diagnostics(problems, sources, output, project.root)
        return None
    return Lockable(hub=validated.hub, lock=lock_file.lock, problems=problems, sources=sources)
