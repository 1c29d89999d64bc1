"""What reviews have in common: two sides compiled alike, compared, and shown. Loaded when there is a review."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import click

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.lock.definitions import Definitions as StoredDefinitions
from mcphub_gitops.compiler.lock.definitions import read_definitions
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.resolve.nodes import entries
from mcphub_gitops.compiler.resolve.path import ENVIRONMENTS_FOLDER
from mcphub_gitops.compiler.review.comparison import Definitions, compare, servers_with_other_tools
from mcphub_gitops.compiler.review.document import render_document
from mcphub_gitops.compiler.review.markdown import render_markdown
from mcphub_gitops.compiler.review.model import Review
from mcphub_gitops.compiler.review.relocation import relocate
from mcphub_gitops.compiler.review.side import Held, Side, Written, absent, side_of_desired
from mcphub_gitops.compiler.review.text import render_text
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.validation import Document
from mcphub_gitops.runtime.cli.exits import Exit, exit_of
from mcphub_gitops.runtime.cli.output import FORMATS, show_compiled, show_diagnostics, tell
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.project import Project

Read = tuple[StoredDefinitions, tuple[Diagnostic, ...]]
"""The definitions in a file, and how they differ from the lock."""

_DENIALS = frozenset({codes.DENIED, codes.UNAPPROVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A project at a revision, and what people call that; `commit` is empty for the folder as it is."""

    project: Project
    name: str
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a review is shown: the format, the day on which policies are checked, and where it is saved, if anywhere.

    `whole` is the command that prints what a comment has no room for.
    """

    output: str
    as_of: str
    saved: Path | None
    whole: str
    detailed_exitcode: bool


def review_states(before: State, after: State, manner: Manner) -> int:
    """Compare two states of a project, show the review, and return the exit code; raises RuntimeFailure."""
    before, after = _remembering(before, after)
    opened = after.project.open()
    compiled = after.project.compile(locked=True, as_of=manner.as_of, opened=opened)
    if has_errors(_mistakes(compiled.diagnostics)) or compiled.bound is None:
        show_compiled(compiled, "human" if manner.output == "markdown" else manner.output, after.project.root)
        return exit_of(compiled.diagnostics) or Exit.ERROR
    show_compiled(compiled, "human" if manner.output in {*FORMATS, "markdown"} else manner.output, after.project.root)
    one = _side_before(before, manner.as_of)
    if one is None:
        return Exit.ERROR
    other = side_of_desired(
        compiled.bound,
        name=after.name,
        kind="hub",
        commit=after.commit,
        held=_held(compiled),
        written=_written(opened, compiled),
    )
    was, now = servers_with_other_tools(one, other)
    definitions = _definitions(before.project, one, was), _definitions(after.project, other, now)
    return show_review(compare(one, other, definitions), manner)


def show_review(review: Review, manner: Manner) -> int:
    """Show `review` as it is asked for, and return the exit code: 3 where policies deny what comes of it."""
    text = _rendered(review, manner)
    if manner.saved is not None:
        write_file(manner.saved, text.encode("utf-8", "replace"))
        tell(f"{printable(review.headline)} Saved: {printable(str(manner.saved))}\n", "human")
    elif manner.output in {"json", "markdown"}:
        click.echo(text, nl=False)
    else:
        tell(text, manner.output)
    if review.is_denied:
        return Exit.POLICY_DENIED
    return Exit.CHANGES if manner.detailed_exitcode and not review.is_empty else Exit.OK


def _rendered(review: Review, manner: Manner) -> str:
    if manner.output == "json":
        return render_document(review)
    return render_markdown(review, whole=manner.whole) if manner.output == "markdown" else render_text(review)


def _remembering(before: State, after: State) -> tuple[State, State]:
    """Return both states so that definitions that both of them have are read once."""
    known: dict[str, tuple[bytes | None, Mapping[str, str], Read]] = {}

    def read(name: str, data: bytes | None, tools: Mapping[str, str]) -> Read:
        found = known.get(name)
        if found is not None and found[0] == data and found[1] == tools:
            return found[2]
        result = read_definitions(name, data, tools)
        known[name] = (data, tools, result)
        return result

    def remember(state: State) -> State:
        return replace(state, project=replace(state.project, open_definitions=lambda *_: nullcontext(read)))

    return remember(before), remember(after)


def _mistakes(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Return what keeps a hub from being compared: that policies deny it does not, and is told in the review."""
    return tuple(each for each in diagnostics if each.code not in _DENIALS)


def _side_before(state: State, as_of: str) -> Side | None:
    """Return the side before, as far as it can be understood; None where nothing of it can, which is told."""
    missing = _missing(state.project)
    if missing:
        note = f"there is no `{printable(missing)}`, so that everything is new"
        return absent(state.name, "hub", state.commit, note)
    opened = state.project.open()
    compiled = state.project.compile(locked=True, as_of=as_of, opened=opened)
    errors = [each for each in _mistakes(compiled.diagnostics) if has_errors((each,))]
    where = state.commit[:12] or state.name
    told, sources = relocate(errors, compiled.sources, where)
    show_diagnostics(told, sources)
    if compiled.bound is None:
        click.echo(f"error: {printable(state.name)} cannot be compared with: it has the mistakes above", err=True)
        return None
    written = _written(opened, compiled)
    return side_of_desired(
        compiled.bound,
        name=state.name,
        kind="hub",
        commit=state.commit,
        held=_held(compiled),
        uncompared=_uncompared(written, compiled.bound),
        notes=tuple(_errors_note(told)),
        written=written,
    )


def _missing(project: Project) -> str:
    """Return the name of the document without which there is no hub; empty where both are there."""
    names = [project.hub_file]
    names.extend([f"{ENVIRONMENTS_FOLDER}/{project.environment}.yaml"] if project.environment else [])
    return next((name for name in names if project.read_document(name) is None), "")


def _errors_note(errors: tuple[Diagnostic, ...]) -> list[str]:
    if not errors:
        return []
    first = errors[0]
    number = f"{len(errors)} error" if len(errors) == 1 else f"{len(errors)} errors"
    return [f"it does not compile ({number}, such as `{printable(str(first.span))}: {first.code.summary}`)"]


def _written(opened: Document, compiled: Compiled) -> Written | None:
    root = opened.root
    return Written(root=root, hub=compiled.hub) if root is not None and compiled.hub is not None else None


def _uncompared(written: Written | None, bound: Desired) -> frozenset[str]:
    if written is None:
        return frozenset()
    off = {server.name for server in written.hub.servers if not server.enabled}
    declared = {entry.key for entry in entries(written.root, "servers")}
    return frozenset(declared - off - {server.name for server in bound.servers})


def _held(compiled: Compiled) -> Held:
    enforced = compiled if isinstance(compiled, Enforced) else None
    return Held(
        lock=compiled.lock,
        policies=enforced.policies if enforced is not None else (),
        verdicts=enforced.verdicts if enforced is not None else (),
    )


def _definitions(project: Project, side: Side, servers: frozenset[str]) -> Definitions:
    with project.open_definitions(project.tools_folder, 0) as read:
        return {server: read(*project.definitions(server), side.offered[server])[0] for server in sorted(servers)}


def refuse_own_file(path: Path | None, project: Project) -> None:
    """Raise RuntimeFailure where `path` is one of the project's own documents."""
    if path is not None and path.resolve() in {project.root / project.hub_file, project.root / project.lock_file}:
        raise RuntimeFailure(f"{path} is the hub's own file", resolution="save it under another name")
