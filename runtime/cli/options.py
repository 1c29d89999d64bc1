"""The options that several commands take."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mcphub_gitops.compiler.compilation import Compiled, ReadDefinitions
from mcphub_gitops.compiler.lock.definitions import read_definitions
from mcphub_gitops.compiler.lock.model import LockedCatalog
from mcphub_gitops.compiler.resolve.provenance import CatalogFile, CatalogSource
from mcphub_gitops.compiler.validation import Document, Validated
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.output import FORMATS, REPORTS
from mcphub_gitops.runtime.project import HUB_FILE, FindCatalog, Project, ReadCatalog
from mcphub_gitops.runtime.tree import Tree

if TYPE_CHECKING:
    from mcphub_gitops.runtime.apply.age import Cutoff

_SHELF = "catalogs"
"""The folder of the runtime's own that fetched catalogs are kept in."""

_MANY_DEFINITIONS = 64 * 1024
"""So many bytes of tool definitions take longer to read than it takes to find out what is in them."""

F = TypeVar("F", bound=Callable[..., object])

_ENVIRONMENT = "mcphub.environment"
_LOCKED = "mcphub.locked"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def project_option(function: F) -> F:
    """Add ``--file`` and ``-f``, which name the hub document and so the project."""
    return _project_option("--file", "-f")(function)


def long_project_option(function: F) -> F:
    """Add ``--file`` alone, to a command where ``-f`` is to follow, as everywhere."""
    return _project_option("--file")(function)


def layered_project_option(function: F) -> F:
    """Add ``--file``, ``-f`` and ``--env``, to a command that reads the hub document."""
    option = click.option(
        "--env",
        metavar="NAME",
        is_eager=True,  # so that it is known when the project is made
        expose_value=False,
        callback=_keep_environment,
        help="The environment: environments/NAME.yaml over the hub, with a lock of its own.",
    )
    return project_option(option(function))


def _project_option(*names: str) -> Callable[[F], F]:
    return click.option(
        *names,
        "project",
        default=HUB_FILE,
        show_default=True,
        metavar="PATH",
        type=click.Path(),
        callback=lambda context, _option, value: _project(Path(value), context.meta.get(_ENVIRONMENT, "")),
        help="The hub document; its folder is the project.",
    )


def _keep_environment(context: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        check_environment(value)
    context.meta[_ENVIRONMENT] = value or ""


def check_environment(name: str) -> None:
    """Raise BadParameter where `name` is none of an environment."""
    if not _NAME.fullmatch(name):
        raise click.BadParameter("an environment's name has lower-case letters, digits and hyphens")


def frozen_options(function: F) -> F:
    """Add ``--locked`` and ``--frozen``, to a command that binds the hub to its lock: whether that has to fit."""
    locked = click.option(
        "--locked",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_keep_locked,
        help="Refuse a lock that does not fit the hub. This is so without the option, too.",
    )
    frozen = click.option(
        "--frozen", is_flag=True, callback=_check_frozen, help="Use the lock as it is, without checking that it fits."
    )
    return locked(frozen(function))


def _keep_locked(context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click's signature)
    context.meta[_LOCKED] = value


def _check_frozen(context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001  (click's signature)
    if value and context.meta[_LOCKED]:
        raise click.UsageError("--locked refuses a lock that does not fit, and --frozen takes it: give one of them.")
    return value


def offline_option(words: str) -> Callable[[F], F]:
    """Add ``--offline``, to a command that can do without a network; `words` say what that means there."""
    return click.option("--offline", is_flag=True, help=f"Use no network: {words}.")


def as_of_option(function: F) -> F:
    """Add ``--as-of``, the day on which policies are checked: today, in UTC."""
    return click.option(
        "--as-of",
        metavar="DATE",
        default=today,
        callback=lambda _context, _option, value: _day(value),
        help="The day on which policies are checked, as YYYY-MM-DD: today, in UTC, unless given.",
    )(function)


def today() -> str:
    """Return the day on which policies are checked by commands that take no other."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def output_option(function: F) -> F:
    """Add ``--output`` to a command whose result is one document."""
    return _output_option(FORMATS, "How results are shown")(function)


def report_option(*formats: str) -> Callable[[F], F]:
    """Add ``--output`` to a command that tells of diagnostics; `formats` are those that make sense there, or all."""
    return _output_option(formats or REPORTS, "How diagnostics and results are shown")


def _output_option(formats: Sequence[str], words: str) -> Callable[[F], F]:
    return click.option(
        "--output",
        type=click.Choice(formats),
        default="human",
        show_default=True,
        metavar="FORMAT",
        help=f"{words}: {', '.join(formats[:-1])} or {formats[-1]}.",
    )


def edit_options(function: F) -> F:
    """Add ``--dry-run`` and ``--force``, to commands that change the hub document."""
    dry_run = click.option("--dry-run", is_flag=True, help="Show the change, and write nothing.")
    force = click.option("--force", is_flag=True, help="Write it although new errors come of it.")
    return dry_run(force(function))


def _day(text: str) -> str:
    if text == today():
        # What reads a day takes 5 ms to load.
        return text
    try:
        return time.strftime("%Y-%m-%d", time.strptime(text, "%Y-%m-%d"))
    except ValueError as error:
        raise click.BadParameter(f"{text} is no day; one is written as 2026-12-31") from error


def _project(path: Path, environment: str) -> Project:
    try:
        root = path.parent.resolve()
        project = Project(
            root=root,
            hub_file=path.name,
            environment=environment,
            understand_sourced=partial(_understand_sourced, root),
            open_layers=_open_layers,
            enforce=partial(_enforce, root),
            open_definitions=partial(_open_definitions, root),
        )
        return _with_catalogs(project, "find")
    except (OSError, RuntimeError) as error:
        raise click.BadParameter(f"{path.parent} cannot be found: {error}") from error


def _open_layers(*arguments: object) -> Document:
    document: Document = lazy.load("layering").open_layers(*arguments)
    return document


def fetching(project: Project) -> Project:
    """Return `project` with catalogs and bundles of policies that are fetched again where they are not kept."""
    return replace(_with_catalogs(project, "find_or_fetch"), enforce=partial(_enforce, project.root, fetched=True))


def pinning(project: Project, *, anew: bool) -> Project:
    """Return `project` with catalogs that are fetched where they are not locked, or in any case if `anew`."""
    return _with_catalogs(project, "pin_anew" if anew else "pin")


def renewing(project: Project, sources: Collection[str], cutoff: "Cutoff | None") -> Project:
    """Return `project` with the catalogs of `sources` as they are now, if that is old enough, and all others locked."""
    return _with_catalogs(project, "renew", sources, cutoff)


def _with_catalogs(project: Project, how: str, *given: object) -> Project:
    def find_catalog(source: CatalogSource, locked: LockedCatalog | None) -> CatalogFile:
        find: FindCatalog = partial(getattr(lazy.load("catalogs"), how), project.runtime_folder / _SHELF, *given)
        return find(source, locked)

    return replace(project, find_catalog=find_catalog)


def _understand_sourced(root: Path, document: Document, read: ReadCatalog) -> Validated:
    understood: Validated = lazy.load("sourcing").understand(root, document, read)
    return understood


def _open_definitions(root: Path, folder: str, size: int) -> AbstractContextManager[ReadDefinitions]:
    if size < _MANY_DEFINITIONS:
        return nullcontext(read_definitions)
    opened: AbstractContextManager[ReadDefinitions] = lazy.load("defining").open_definitions(root, folder)
    return opened


def _enforce(root: Path, compiled: Compiled, tree: Tree, as_of: str, *, fetched: bool = False) -> Compiled:
    enforced: Compiled = lazy.load("enforcing").enforce_project(compiled, root, tree, as_of, fetched=fetched)
    return enforced
