"""The options that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from mcphub_gitops.compiler.validation import Document, Validated
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.output import FORMATS
from mcphub_gitops.runtime.project import HUB_FILE, Project

F = TypeVar("F", bound=Callable[..., object])


def project_option(function: F) -> F:
    """Add ``--file`` and ``-f``, which name the hub document and so the project."""
    return _project_option("--file", "-f")(function)


def long_project_option(function: F) -> F:
    """Add ``--file`` alone, to a command where ``-f`` is to follow, as everywhere."""
    return _project_option("--file")(function)


def _project_option(*names: str) -> Callable[[F], F]:
    return click.option(
        *names,
        "project",
        default=HUB_FILE,
        show_default=True,
        metavar="PATH",
        callback=lambda _context, _option, value: _project(Path(value)),
        help="The hub document; its folder is the project.",
    )


def output_option(function: F) -> F:
    """Add ``--output``."""
    return click.option(
        "--output", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="How results are shown."
    )(function)


def _project(path: Path) -> Project:
    try:
        return Project(root=path.parent.resolve(), hub_file=path.name, understand_sourced=_understand_sourced)
    except (OSError, RuntimeError) as error:
        raise click.BadParameter(f"{path.parent} cannot be found: {error}") from error


def _understand_sourced(document: Document, read: Callable[[str], bytes | None]) -> Validated:
    understood: Validated = lazy.load("sourcing").understand(document, read)
    return understood
