"""Several documents as one tree: files of one layer beside one another, and an environment over them.

Mappings merge key by key, at any depth, and so do lists whose items all have a `name`, item by item. Everything else
is whole: of the files of one layer one may set it, and an environment replaces it, or deletes it with `null`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode

_NAME = "name"
_REPEATABLE = frozenset({"apiVersion"})
"""What each file says of itself, and not of the whole."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The tree that several came to, each node with its own place, and what is wrong with them together."""

    root: Node
    diagnostics: tuple[Diagnostic, ...]


def merge(roots: Sequence[Node]) -> Merged:
    """Return `roots`, at least one, beside one another; what two of them set is told at the later."""
    joiner = _Joiner(overrides=False)
    root = roots[0]
    for other in roots[1:]:
        root = joiner.joined(root, other, ())
    return Merged(root=root, diagnostics=tuple(joiner.problems))


def overlay(base: Node, over: Node) -> Merged:
    """Return `base` with `over` on top: it wins wherever both set something, and its nulls delete."""
    joiner = _Joiner(overrides=True)
    root = joiner.joined(base, over, ())
    return Merged(root=root, diagnostics=tuple(joiner.problems))


@dataclass(frozen=True, slots=True)
class _Joiner:
    overrides: bool
    problems: list[Diagnostic] = field(default_factory=list)

    def joined(self, base: Node, other: Node, path: Path, *, found_by: str = "") -> Node:
        if isinstance(base, MapNode) and isinstance(other, MapNode):
            entries = tuple(self._entries(base, other, path, found_by))
            return base._replace(entries=entries, repeated=base.repeated + other.repeated)
        if isinstance(base, ListNode) and isinstance(other, ListNode):
            names, others = _names(base), _names(other)
            if names and others:
                return base._replace(items=tuple(self._items(base, other, path)))
        return other if self.overrides else self._clash(base, other, path)

    def _entries(self, base: MapNode, other: MapNode, path: Path, found_by: str) -> Iterator[Entry]:
        given = {entry.key: entry for entry in other.entries if entry.key != found_by}
        for entry in base.entries:
            over = given.pop(entry.key, None)
            if over is None or (not path and entry.key in _REPEATABLE and not self.overrides):
                yield entry
            elif not self._deletes(over):
                value = self.joined(entry.value, over.value, (*path, entry.key))
                # The key's place is that of the value that counts; of a mapping that both give, the first's.
                yield (over if value is over.value else entry)._replace(value=value)
        yield from self._new(given.values(), path)

    def _new(self, entries: Iterable[Entry], path: Path) -> Iterator[Entry]:
        """Yield the entries that the document below does not have."""
        for entry in entries:
            if self._deletes(entry):
                detail = f"Nothing sets `{'.'.join((*path, entry.key))}`, so there is nothing to delete."
                self.problems.append(Diagnostic(code=codes.UNKNOWN_NAME, detail=detail, span=entry.key_span))
            else:
                yield entry

    def _items(self, base: ListNode, other: ListNode, path: Path) -> Iterator[Node]:
        given: dict[str, Node] = dict(zip(_names(other), other.items, strict=True))
        for name, item in zip(_names(base), base.items, strict=True):
            over = given.pop(name, None)
            # What both are found by is set by both.
            yield item if over is None else self.joined(item, over, (*path, name), found_by=_NAME)
        yield from given.values()

    def _deletes(self, entry: Entry) -> bool:
        return self.overrides and isinstance(entry.value, ScalarNode) and entry.value.value is None

    def _clash(self, base: Node, other: Node, path: Path) -> Node:
        detail = f"`{'.'.join(path)}` is set here, and in {base.span.source}." if path else "This is no mapping."
        note = Note(message="set here too", span=base.span)
        help_ = "set it in one of the files: only an environment overrides"
        found = Diagnostic(code=codes.SET_TWICE, detail=detail, span=other.span, notes=(note,), help=help_)
        self.problems.append(found)
        return base


def _names(node: ListNode) -> tuple[str, ...]:
    """Return the names of the items where each is a mapping with one of its own, else nothing."""
    found = [item.get(_NAME) if isinstance(item, MapNode) else None for item in node.items]
    values = [entry.value.value for entry in found if entry is not None and isinstance(entry.value, ScalarNode)]
    names = tuple(value for value in values if isinstance(value, str))
    return names if len(names) == len(node.items) == len(set(names)) else ()
