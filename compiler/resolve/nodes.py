"""Looking into nodes whose shape has been checked, and told about, already: what is not there is None."""

from collections.abc import Iterator

from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.resolve.model import Text


def child(node: Node | None, *keys: str) -> Node | None:
    """Return the value under `keys`, one below the other."""
    # What most servers do not say is asked for most often, so it is looked for right here.
    for key in keys:
        for entry in node.entries if isinstance(node, MapNode) else ():
            if entry.key == key:
                node = entry.value
                break
        else:
            return None
    return node


def value(node: Node | None, *keys: str) -> object:
    """Return the scalar under `keys`."""
    found = child(node, *keys)
    return found.value if isinstance(found, ScalarNode) else None


def entries(node: Node | None, *keys: str) -> tuple[Entry, ...]:
    """Return the entries of the mapping under `keys`."""
    found = child(node, *keys)
    return found.entries if isinstance(found, MapNode) else ()


def text(node: Node | None) -> Text | None:
    """Return the string that `node` is."""
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return Text(value=node.value, span=node.span)
    return None


def texts(node: Node | None, *keys: str) -> Iterator[Text]:
    """Yield the strings of the list under `keys`."""
    found = child(node, *keys)
    for item in found.items if isinstance(found, ListNode) else ():
        each = text(item)
        if each is not None:
            yield each
