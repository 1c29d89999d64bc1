"""What changed between two sets of tool definitions of one server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from mcphub_gitops.compiler.review.annotations import compare_annotations
from mcphub_gitops.compiler.review.cues import Neighbours, find_introduced
from mcphub_gitops.compiler.review.definition import Definition, compare_definitions, is_bare
from mcphub_gitops.compiler.review.finding import MISSING, Finding, ToolClass, Word, is_same, quoted, ranked
from mcphub_gitops.compiler.review.renaming import find_renamings

__all__ = ["Definition", "Finding", "ToolAction", "ToolChange", "ToolClass", "Word", "compare_tools"]


class ToolAction(Enum):
    """What happened to a tool, by the mark it is shown with."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"
    RENAMED = "->"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChange:
    """A tool that changed: `tool` is its own name after, before where it was removed; `was` its old name if renamed.

    `findings` has the worst first. With `names_only` the name is all that is known of it on a side where it is.
    """

    server: str
    tool: str
    was: str = ""
    action: ToolAction
    findings: tuple[Finding, ...]
    before: Definition | None
    after: Definition | None
    names_only: bool

    @property
    def worst(self) -> ToolClass | None:
        """The worst class among the findings."""
        return self.findings[0].cls if self.findings else None


def compare_tools(
    server: str,
    before: Mapping[str, Definition],
    after: Mapping[str, Definition],
    *,
    others: Mapping[str, frozenset[str]],
) -> tuple[ToolChange, ...]:
    """Return what changed from `before` to `after`, definitions of `server` by its own tool names, in their order.

    `others` are the tool names of every other server, by server. A tool that differs in order alone (of keys, of what
    is required, of alternatives) did not change: it means the same to everyone, though its fingerprint is another.
    """
    gone = {name: each for name, each in before.items() if name not in after}
    added = {name: each for name, each in after.items() if name not in before}
    renamings = find_renamings(gone, added)
    meeting = _Meeting(
        server=server,
        own=frozenset({*before, *after}),
        others=Neighbours(others),
        is_whole=renamings.is_whole,
    )
    old_names = frozenset(renamings.was.values())
    changes = []
    for name in sorted({*before, *after} - old_names):
        was = renamings.was.get(name, "")
        change = meeting.compare(name, was, before.get(was or name), after.get(name))
        changes.extend([change] if change is not None else [])
    return tuple(changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meeting:
    """What all tools of one server are compared with; `is_whole` unless new ones may be old ones that were not seen."""

    server: str
    own: frozenset[str]
    others: Neighbours
    is_whole: bool

    def compare(self, name: str, was: str, before: Definition | None, after: Definition | None) -> ToolChange | None:
        findings = ranked(self._findings(was, before, after))
        if not findings:
            return None
        return ToolChange(
            server=self.server,
            tool=name,
            was=was,
            action=_action(was, before, after),
            findings=findings,
            before=before,
            after=after,
            names_only=any(is_bare(each) for each in (before, after) if each is not None),
        )

    def _findings(self, was: str, before: Definition | None, after: Definition | None) -> Iterator[Finding]:
        if after is None:
            yield Finding(cls=ToolClass.BREAKING, where="", said="The tool is gone.")
        elif before is None:
            yield Finding(cls=ToolClass.WIDENING, where="", said=self._said_of_new(after))
            yield from find_introduced({}, after, self.own, self.others)
        elif was:
            said = f"It was called {quoted(was)}: whoever calls, allows or denies it by that name does so no more."
            yield Finding(cls=ToolClass.BREAKING, where="name", said=said)
            yield from self._changed(_nameless(before), _nameless(after))
        elif not _is_unchanged(before, after):
            yield from self._changed(before, after)

    def _changed(self, before: Definition, after: Definition) -> Iterator[Finding]:
        if is_bare(before):
            said = "Its definition is known now: before, its name was all that was known of it."
            yield Finding(cls=ToolClass.WIDENING, where="", said=said)
        elif is_bare(after):
            said = "Its name is all that is known of it now."
            yield Finding(cls=ToolClass.BREAKING, where="", said=said)
            yield from compare_annotations("annotations", before.get("annotations", MISSING), MISSING)
        else:
            yield from compare_definitions(before, after)
        yield from find_introduced(before, after, self.own, self.others)

    def _said_of_new(self, after: Definition) -> str:
        known = ", and its name is all that is known of it" if is_bare(after) else ""
        doubt = "" if self.is_whole or is_bare(after) else " Too many changed to tell whether it is an old one renamed."
        return f"The tool is new{known}.{doubt}"


def _action(was: str, before: Definition | None, after: Definition | None) -> ToolAction:
    if was:
        return ToolAction.RENAMED
    return ToolAction.ADDED if before is None else ToolAction.REMOVED if after is None else ToolAction.CHANGED


def _nameless(definition: Definition) -> Definition:
    return {key: value for key, value in definition.items() if key != "name"}


def _is_unchanged(before: Definition, after: Definition) -> bool:
    """Tell whether two definitions are the same; of those too deep to be encoded that is not known."""
    try:
        return is_same(before, after)
    except RecursionError:
        return False
