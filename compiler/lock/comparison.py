"""The locked tools of a server beside those it offers now."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Tool names, sorted: not locked, no longer offered, offered with another definition, offered twice."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    repeated: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.repeated)

    def sentences(self) -> Iterator[str]:
        """Yield one sentence a tool, in the order of kinds and names."""
        yield from (f"`{name}` is new" for name in self.added)
        yield from (f"`{name}` is gone" for name in self.removed)
        yield from (f"`{name}` has another definition" for name in self.changed)
        yield from (f"`{name}` is offered twice" for name in self.repeated)


def compare_names(names: Iterable[str], live: Iterable[Mapping[str, Any]]) -> Differences:
    """Compare `names`, of tools that are held to nothing else, with the definitions in `live`."""
    counts = Counter(str(definition.get("name")) for definition in live)
    wanted = set(names)
    return Differences(
        added=tuple(sorted(counts.keys() - wanted)),
        removed=tuple(sorted(wanted - counts.keys())),
        changed=(),
        repeated=tuple(sorted(name for name in counts.keys() & wanted if counts[name] > 1)),
    )


def compare_tools(locked: Mapping[str, str], live: Iterable[Mapping[str, Any]]) -> Differences:
    """Compare `locked` (fingerprint by name) with the definitions in `live`."""
    offered = [(str(definition.get("name")), fingerprint(definition)) for definition in live]
    found = dict(offered)
    counts = Counter(name for name, _ in offered)
    return Differences(
        added=tuple(sorted(found.keys() - locked.keys())),
        removed=tuple(sorted(locked.keys() - found.keys())),
        changed=tuple(sorted(name for name in found.keys() & locked.keys() if found[name] != locked[name])),
        repeated=tuple(sorted(name for name, count in counts.items() if count > 1)),
    )
