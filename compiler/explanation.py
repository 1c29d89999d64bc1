"""Where a setting of a hub that several documents make comes from: which of them set it, and which one counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.source import Span

Role = Literal["counts", "overridden", "part", "deletes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A place where a document sets what was asked for: it counts, is overridden, or is part of a mapping."""

    role: Role
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The settings of a path in the order of the documents, and its value in the end; None where nothing sets it."""

    value: Node | None
    settings: tuple[Setting, ...]
    help: str = ""


def explain(root: Node, layers: Sequence[Node], path: str) -> Explained:
    """Return where `path` is set in the documents `layers`, in their order, of which `root` was made.

    A path is keys with dots between them; a key may itself have dots.
    """
    found = [_find(layer, path) for layer in layers]
    value = _find(root, path)
    settings = tuple(_settings([entry for entry in found if entry is not None], value))
    help_ = "" if settings else _nearest(root, path)
    return Explained(value=value.value if value is not None else None, settings=settings, help=help_)


def _settings(found: list[Entry], value: Entry | None) -> Iterator[Setting]:
    for entry in found:
        is_whole = value is None or not isinstance(entry.value, MapNode)
        role: Role = "counts"
        if isinstance(entry.value, ScalarNode) and entry.value.value is None and value is None:
            role = "deletes"
        elif not is_whole:
            role = "part"
        elif value is None or value.value.span != entry.value.span:
            role = "overridden"
        yield Setting(role=role, span=entry.key_span if isinstance(entry.value, MapNode) else entry.value.span)


def _find(root: Node, path: str) -> Entry | None:
    """Return the entry at `path`, where the longest key that fits is taken first."""
    if not isinstance(root, MapNode):
        return None
    for entry in sorted(root.entries, key=lambda each: len(each.key), reverse=True):
        if entry.key == path:
            return entry
        if path.startswith(f"{entry.key}."):
            return _find(_named(entry.value), path[len(entry.key) + 1 :])
    return None


def _named(node: Node) -> Node:
    """Return a list whose items have names as a mapping of them."""
    if not isinstance(node, ListNode):
        return node
    entries = []
    for item in node.items:
        name = item.get("name") if isinstance(item, MapNode) else None
        if name is not None and isinstance(name.value, ScalarNode) and isinstance(name.value.value, str):
            entries.append(Entry(key=name.value.value, key_span=name.value.span, value=item))
    return MapNode(entries=tuple(entries), span=node.span)


def _nearest(root: Node, path: str) -> str:
    """Return what there is at the deepest part of `path` that is set."""
    above, _, last = path.rpartition(".")
    found = _find(root, above) if above else None
    if above and found is None:
        return _nearest(root, above)
    named = _named(found.value if found is not None else root)
    return suggest(last, [entry.key for entry in named.entries]) if isinstance(named, MapNode) else ""
