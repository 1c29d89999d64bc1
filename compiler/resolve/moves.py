"""Which servers of a hub were renamed, as its document says."""

from collections.abc import Mapping
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import ListNode, Node
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text


def decode_moves(root: Node, problems: list[Diagnostic]) -> Mapping[str, str]:
    """Return the old name of each server of `root` that was renamed, by its new one; `problems` takes what is wrong."""
    node = child(root, "moved")
    declared = {entry.key for entry in entries(root, "servers")}
    taken: dict[tuple[str, str], Text] = {}
    moves: dict[str, str] = {}
    for item in node.items if isinstance(node, ListNode) else ():
        old, new = text(child(item, "from")), text(child(item, "to"))
        if old is None or new is None:
            continue  # the shape check has told
        found = [*_why_not(old, new, declared), *_twice(old, new, taken)]
        problems.extend(found)
        if not found:
            moves[new.value] = old.value
    return MappingProxyType(moves)


def _why_not(old: Text, new: Text, declared: set[str]) -> list[Diagnostic]:
    found = []
    if old.value in declared:
        detail = f"`{old.value}` is still a server of the hub."
        help_ = "remove the move, or the server: what belonged to one name can belong to one server alone"
        found.append(Diagnostic(code=codes.MOVED, detail=detail, span=old.span, help=help_))
    if new.value not in declared:
        detail = f"The hub has no server `{new.value}`."
        found.append(Diagnostic(code=codes.MOVED, detail=detail, span=new.span, help=suggest(new.value, declared)))
    return found


def _twice(old: Text, new: Text, taken: dict[tuple[str, str], Text]) -> list[Diagnostic]:
    found = []
    for end, name in (("from", old), ("to", new)):
        first = taken.setdefault((end, name.value), name)
        if first is not name:
            detail = f"Two moves are {end} `{name.value}`."
            note = Note(message="the first is here", span=first.span)
            help_ = "keep one of them; a server that was renamed twice moved from its first name to its last"
            found.append(Diagnostic(code=codes.MOVED, detail=detail, span=name.span, help=help_, notes=(note,)))
    return found
