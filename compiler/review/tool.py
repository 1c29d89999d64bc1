"""What changed between two sets of tool definitions of one server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.review.finding import Finding, ToolClass, Word, ranked

__all__ = ["Definition", "Finding", "ToolAction", "ToolChange", "ToolClass", "Word", "compare_tools"]

Definition = Mapping[str, Any]
"""A tool's definition as its server gave it, or ``{"name": X}`` alone where no more is known."""

_WORDS = frozenset({"description", "icons", "title", "_meta"})


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

    `others` are the tool names of every other server, by server.
    """
    del others
    names = sorted({*before, *after})
    found = (_compare(server, name, before.get(name), after.get(name)) for name in names)
    return tuple(change for change in found if change is not None)


def _compare(server: str, name: str, before: Definition | None, after: Definition | None) -> ToolChange | None:
    if before is not None and after is not None and fingerprint(before) == fingerprint(after):
        return None
    action = ToolAction.ADDED if before is None else ToolAction.REMOVED if after is None else ToolAction.CHANGED
    return ToolChange(
        server=server,
        tool=name,
        action=action,
        findings=ranked(list(_findings(before, after))),
        before=before,
        after=after,
        names_only=any(set(each) == {"name"} for each in (before, after) if each is not None),
    )


def _findings(before: Definition | None, after: Definition | None) -> Iterator[Finding]:
    if before is None:
        yield Finding(cls=ToolClass.WIDENING, where="", said="The tool is new.")
    elif after is None:
        yield Finding(cls=ToolClass.BREAKING, where="", said="The tool is gone.")
    else:
        for key in sorted({*before, *after}):
            if key not in before or key not in after or fingerprint(before[key]) != fingerprint(after[key]):
                cls = ToolClass.WORDING if key in _WORDS else ToolClass.BREAKING
                yield Finding(cls=cls, where=key, said="It changed.")
