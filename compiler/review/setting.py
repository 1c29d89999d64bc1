"""What differs in the document and is told nowhere else: owners, catalogs and their order, and what has no effect yet.

Whatever is written in a hub is told when it changes. What servers, profiles and the gateway amount to is told as that;
the rest stands here, leaf by leaf.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.plan.plan import Action, Change
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node, plain
from mcphub_gitops.compiler.review.model import Setting
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.source import Span

_CONFIDENTIAL = frozenset({"secrets", "headers", "auth", "env", "config"})
"""Keys below which values are not repeated: they may hold what is none of a reader's business."""

_OF_NO_FACT = frozenset({"owner", "from"})
"""Keys of a server that nothing is told of with what the server amounts to."""

_SELECTED: Mapping[str, tuple[str, ...]] = {
    "tools": ("tool.", "hidden.", "description."),
    "prompts": ("prompt.",),
    "uris": ("resource.", "template.", "shut."),
}
"""The facts that tell of what a key of a server selects."""

_GATEWAY = frozenset({"listen", "publicUrl"})
_ADMISSION = frozenset({"auth", "groups"})
_SERVERS = ("servers",)
_OF_SERVER = len(("servers", "NAME"))

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a review tells anyway: changes of servers, and which were renamed; profiles, stores and clients by name.

    With `admission`, it tells of tokens and groups.
    """

    servers: Mapping[str, Change]
    clients: frozenset[str]
    profiles: frozenset[str]
    stores: frozenset[str]
    renames: Mapping[str, str]
    admission: bool = False


def compare_settings(before: Side, after: Side, told: Told) -> tuple[Setting, ...]:
    """Return each part of the documents that differs and that `told` does not cover, in the order of their paths."""
    if before.written is None or after.written is None:
        return ()
    found = _differing((), before.written.root, after.written.root, told.renames)
    return tuple(each for path, each in found if not _is_told(path, told))


def _is_told(path: Path, told: Told) -> bool:
    room, name, key = (*path, "", "", "")[:3]
    if room == "servers":
        return _is_told_of_server(told.servers.get(name), key)
    rooms = {
        "name": True,
        "moved": bool(told.renames),
        "gateway": name in _GATEWAY or (told.admission and name in _ADMISSION),
        "clients": key == "profile" and name in told.clients,
        "profiles": name in told.profiles or (told.admission and key == "groups"),
        "secretStores": name in told.stores,
    }
    return rooms.get(room, False)


def _is_told_of_server(change: Change | None, key: str) -> bool:
    if change is None:
        return False
    if change.action in {Action.CREATE, Action.DESTROY}:
        return True
    facts = _SELECTED.get(key)
    return any(each.name.startswith(facts) for each in change.fields) if facts is not None else key not in _OF_NO_FACT


def _differing(
    path: Path, before: Node | None, after: Node | None, renames: Mapping[str, str]
) -> Iterator[tuple[Path, Setting]]:
    if isinstance(before, ListNode) and isinstance(after, ListNode):
        yield from _of_list(path, before, after)
    elif _is_opened(path, before, after):
        one, other = _entries(before), _entries(after)
        if path == _SERVERS:
            one = _renamed(one, renames)
        for key in sorted({*one, *other}):
            yield from _differing((*path, key), one.get(key), other.get(key), renames)
    elif _json(before) != _json(after):
        yield path, _setting(path, before, after)


def _renamed(servers: Mapping[str, Node], renames: Mapping[str, str]) -> dict[str, Node]:
    """Return `servers` by their new names: what was renamed is compared with what it was, and is gone under no name."""
    found = {**servers, **{new: servers[old] for new, old in renames.items() if old in servers}}
    return {name: node for name, node in found.items() if name not in renames.values()}


def _is_opened(path: Path, before: Node | None, after: Node | None) -> bool:
    """Tell whether mappings are compared key by key, as whole servers that come or go are not."""
    are_mappings = all(each is None or isinstance(each, MapNode) for each in (before, after))
    return are_mappings and (_is_inside(path) or (before is not None and after is not None))


def _is_inside(path: Path) -> bool:
    return path[:1] != _SERVERS or len(path) != _OF_SERVER


def _of_list(path: Path, before: ListNode, after: ListNode) -> Iterator[tuple[Path, Setting]]:
    """Yield the items that came or went; the whole where they are the same in another order."""
    one, other = ([_json(item) for item in each.items] for each in (before, after))
    was, now = Counter(one), Counter(other)
    for text, item in zip(one, before.items, strict=True):
        if was[text] > now[text]:
            yield path, _setting(path, item, None)
    for text, item in zip(other, after.items, strict=True):
        if now[text] > was[text]:
            yield path, _setting(path, None, item)
    if was == now and one != other:
        yield path, _setting(path, before, after)


def _entries(node: Node | None) -> dict[str, Node]:
    return {entry.key: entry.value for entry in node.entries} if isinstance(node, MapNode) else {}


def _setting(path: Path, before: Node | None, after: Node | None) -> Setting:
    return Setting(
        path=".".join(path), before=_text(path, before), after=_text(path, after), span=_place(before, after)
    )


def _place(before: Node | None, after: Node | None) -> Span | None:
    node = after if after is not None else before
    return node.span if node is not None else None


def _text(path: Path, node: Node | None) -> str | None:
    if node is None:
        return None
    return _json(node) if _is_inside(path) and not _CONFIDENTIAL.intersection(path) else ""


def _json(node: Node | None) -> str:
    return json.dumps(plain(node), ensure_ascii=False, sort_keys=True) if node is not None else ""
