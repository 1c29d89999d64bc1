"""The plan as data: what changes and why, and the operations that make it so, in the order they are carried out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.deviation import Deviation
from mcphub_gitops.compiler.plan.observed import Isolation


class Action(Enum):
    """What happens to an object, in Terraform's words; the value is the mark that a plan shows."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "-/+"
    DESTROY = "-"
    RENAME = "->"

    @property
    def past(self) -> str:
        """The action as it ends the sentence "… will be"."""
        words = {"+": "created", "~": "updated in place", "-/+": "replaced", "-": "destroyed", "->": "renamed"}
        return words[self.value]


class OpType(Enum):
    """The kinds of operation; each is one act of the runtime."""

    PULL = "pull"
    """Fetch an image, by its digest."""
    INSTALL = "install"
    """Install a package environment from its locked requirements."""
    MAKE = "make"
    """Make the container of a server beside the one that serves."""
    PROBE = "probe"
    """Start a server as it will run, and compare its tools with the lock."""
    MOVE = "move"
    """Give a server the scratch folder that it had under its old name."""
    SWITCH = "switch"
    """Write the new generation and make it the current one."""
    REMOVE = "remove"
    """End and remove a container that is no longer served."""
    RETIRE = "retire"
    """Remove the scratch folder of a server that is no longer served, and secret files that nobody gets."""
    PRUNE = "prune"
    """Remove a package environment that no server uses."""


_KINDS = {
    OpType.PULL: "image",
    OpType.INSTALL: "environment",
    OpType.MAKE: "container",
    OpType.SWITCH: "generation",
    OpType.REMOVE: "container",
    OpType.PRUNE: "environment",
}


class FieldChange(NamedTuple):
    """One fact that changes; None stands for absent. A fact that `forces` is why its object is replaced.

    A plan that makes a hub has one for each of its tools.
    """

    name: str
    before: str | None
    after: str | None
    forces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one object, why, and the facts that differ; `was` is its old address where it is renamed."""

    address: str
    action: Action
    cause: str
    fields: Sequence[FieldChange] = ()
    was: str = ""

    @property
    def name(self) -> str:
        """The object's name; empty for the gateway, which has none."""
        return self.address.partition(".")[2]

    @property
    def old_name(self) -> str:
        """The name that it had before."""
        return (self.was or self.address).partition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One act of the runtime.

    `target` is a server's name, an environment's digest, an image, a container's name, or empty for the generation.
    """

    type: OpType
    target: str
    cause: str

    @property
    def address(self) -> str:
        """The object that the operation is about."""
        kind = _KINDS.get(self.type, "server")
        return f"{kind}.{self.target}" if self.target else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that an apply needs: it decides nothing by itself.

    `changes` come of the documents, `drift` is what was changed outside; `operations` follow from both. `base` maps the
    address of each object that the plan touches to what it was when the plan was made, so that a stale plan is refused
    with the object's name. A plan is `complete` if the machine was looked at, and `applyable` unless something that was
    seen would have it refused: a file among a server's code that is not locked. `older` is the digest of a record that
    an older mcphub wrote in a format of its own; empty for any other plan.
    """

    desired: Desired
    changes: tuple[Change, ...]
    operations: tuple[Operation, ...]
    base: tuple[tuple[str, str], ...]
    isolation: Mapping[str, Isolation] = field(default_factory=lambda: MappingProxyType({}))
    drift: tuple[Deviation, ...] = ()
    complete: bool = True
    applyable: bool = True
    older: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.operations

    def count(self, action: Action) -> int:
        """Return how many objects the plan creates, updates, replaces or destroys."""
        return sum(change.action is action for change in self.changes)
