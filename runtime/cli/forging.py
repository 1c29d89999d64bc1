"""What jobs ask of a forge: loaded when one does."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from mcphub_gitops.compiler.approval import judge
from mcphub_gitops.compiler.resolve.nodes import value
from mcphub_gitops.compiler.review.marker import marker_of, render_void
from mcphub_gitops.compiler.validation import open_document
from mcphub_gitops.runtime.adapters.forges.github import GitHub
from mcphub_gitops.runtime.adapters.forges.job import find_job
from mcphub_gitops.runtime.cli.commits import opened, tree_of
from mcphub_gitops.runtime.cli.exits import Exit, exit_of
from mcphub_gitops.runtime.cli.options import fetching
from mcphub_gitops.runtime.cli.output import show_compiled
from mcphub_gitops.runtime.failure import RuntimeFailure, StalePlanError
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.project import Project

_MARKER: Final = re.compile(r"<!-- mcphub:review:[a-z0-9-]{1,64}(?:/[a-z0-9-]{1,63})? -->")
_LONGEST_COMMENT: Final = 65_536
"""Characters that GitHub takes; GitLab takes more."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_LARGEST: Final = 64 * 1024 * 1024
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def put_comment(file: Path, number: int | None, *, is_news: bool) -> int:
    """Make the review in `file` the one comment on a change; the exit code."""
    text = _read(file).decode("utf-8", "replace")
    marker = text.partition("\n")[0].strip()
    if not _MARKER.fullmatch(marker):
        raise RuntimeFailure(
            f"{file} is no review", resolution="write it with `mcphub plan --against … --output markdown`"
        )
    if len(text) > _LONGEST_COMMENT:
        raise RuntimeFailure(f"{file} has {len(text):,} characters; a comment has {_LONGEST_COMMENT:,} at most")
    return _put(marker, text, number, is_news=is_news)


def void_comment(project: Project, head: str, against: str, number: int | None) -> int:
    """Say in the one comment on a change, where there is one, that the hub of `head` has mistakes; the exit code."""
    with opened(project.root) as repository:
        commit = repository.resolve(head)
        trees = (tree_of(repository, each, repository.prefix) for each in (commit, repository.resolve(against)))
        name = next(filter(None, (_name_of(replace(project, tree=tree)) for tree in trees)), "")
    if not name:
        raise RuntimeFailure(f"neither {head} nor {against} has a hub with a name", resolution="name other commits")
    return _put(
        marker_of(name, project.environment), render_void(name, project.environment, commit), number, is_news=False
    )


def _name_of(project: Project) -> str:
    """Return the hub's name as far as it can be read; empty where it cannot."""
    data = project.read_document(project.hub_file)
    found = value(open_document(project.hub_file, data).root, "name") if data is not None else None
    return found if isinstance(found, str) and _NAME.fullmatch(found) else ""


def _put(marker: str, text: str, number: int | None, *, is_news: bool) -> int:
    job = find_job(os.environ)
    if job.powerless:
        click.echo(f"No comment: {job.powerless}. The review stands in what this job left.")
        return Exit.OK
    wanted = number or job.number
    if wanted is None:
        raise RuntimeFailure("this job is for no pull or merge request", resolution="name one with --number")
    put = job.forge.put_comment(wanted, marker, text, is_news=is_news)
    click.echo(
        "No comment: there is nothing to say." if put.action == "none" else f"Comment {put.action}: {put.address}"
    )
    return Exit.OK


def print_approved(commit: str | None, required: int) -> int:
    """Print the commit that was approved of the change whose merge made `commit`; the exit code."""
    job = find_job(os.environ)
    merge = commit or job.commit
    change = job.forge.find_merged(merge)
    if change is None:
        raise StalePlanError(
            "nobody approved this commit",
            detail=f"{merge} is not what the merge of a pull or merge request made",
            resolution="change the hub by a pull or merge request, or apply a digest that you looked at yourself",
        )
    found = judge(change)
    if found.is_refused or len(found.approvers) < required or not _COMMIT.fullmatch(change.head):
        raise StalePlanError(
            f"number {change.number} was not approved as it was merged",
            detail="\n".join([f"{len(found.approvers)} of {required} approvals for {change.head}", *found.objections]),
            resolution="review what was merged, and apply a digest that you looked at yourself, or revert it",
        )
    click.echo(f"Number {change.number} was approved by {', '.join(found.approvers)}.", err=True)
    click.echo(change.head)
    return Exit.OK


def print_digest(project: Project, revision: str, as_of: str) -> int:
    """Print the review digest of the hub in the commit `revision`; the exit code."""
    with opened(project.root) as repository:
        tree = tree_of(repository, repository.resolve(revision), repository.prefix)
        compiled = fetching(replace(project, tree=tree)).compile(locked=True, as_of=as_of)
    show_compiled(compiled)
    if compiled.desired is None:
        return exit_of(compiled.diagnostics) or Exit.ERROR
    click.echo(compiled.desired.review_digest())
    return Exit.OK


def upload_sarif(file: Path, commit: str | None, ref: str) -> int:
    """Hand `file` to code scanning; the exit code."""
    job = find_job(os.environ)
    if not isinstance(job.forge, GitHub):
        raise RuntimeFailure("only GitHub takes SARIF", resolution="on GitLab, `mcphub validate --output gitlab`")
    if job.powerless:
        click.echo(f"Nothing is uploaded: {job.powerless}.")
        return Exit.OK
    found = job.forge.upload_sarif(_read(file), commit=commit or job.commit, ref=ref)
    click.echo(f"Uploaded: {found}")
    return Exit.OK


def _read(file: Path) -> bytes:
    data = read_file(file, limit=_LARGEST)
    if data is None or len(data) > _LARGEST:
        raise RuntimeFailure(f"{file} cannot be read", detail="there is no such file, or it is too large")
    return data
