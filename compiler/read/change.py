"""Changes of a document as values, and what each comes to in plain data."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from mcphub_gitops.compiler.read.roundtrip import UnfitError

Path: TypeAlias = tuple[str, ...]
"""Keys, one below the other, from the document's root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetValue:
    """The value (plain data) stands under `path`, whose mappings are made where there are none."""

    path: Path
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """The entry at `path` goes; with it the mappings that it leaves empty, down to the first `keep` keys of `path`."""

    path: Path
    keep: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """The values become the last items of the list at `path`, which is made where there is none."""

    path: Path
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveItem:
    """The first item of the list at `path` that is `value` goes; a list that it leaves empty goes as by `Remove`."""

    path: Path
    value: str
    keep: int


Change: TypeAlias = SetValue | Remove | Append | RemoveItem


def change_plain(data: Any, change: Change) -> Any:  # noqa: ANN401  (any JSON value)
    """Return plain data with the change; raises UnfitError where it does not apply."""
    root = deepcopy(data)
    holders = _holders(root, change)
    holder, key = holders[-1], change.path[-1]
    if isinstance(change, SetValue):
        holder[key] = change.value
    elif isinstance(change, Append):
        holder[key] = [*_list(holder.get(key), change.path), *change.values]
    elif isinstance(change, RemoveItem):
        items = _list(holder.get(key), change.path)
        if change.value not in items:
            raise UnfitError(f"`{shown(change.path)}` has no `{change.value}`")
        items.remove(change.value)
        holder[key] = items
        if not items:
            _prune(holders, change.path, change.keep)
    else:
        _prune(holders, change.path, change.keep)
    return root


def shown(path: Path) -> str:
    """Return the path as people read it."""
    return ".".join(path)


def _holders(root: Any, change: Change) -> list[dict[str, Any]]:  # noqa: ANN401  (any JSON value)
    """Return the mappings on the way, from the root to the one that the last key of the change's path is in."""
    holders = [_mapping(root, ())]
    for depth, key in enumerate(change.path[:-1]):
        if isinstance(change, (SetValue, Append)) and holders[-1].get(key) is None:
            holders[-1][key] = {}
        holders.append(_mapping(holders[-1].get(key), change.path[: depth + 1]))
    return holders


def _prune(holders: list[dict[str, Any]], path: Path, keep: int) -> None:
    depth = len(path) - 1
    if path[depth] not in holders[depth]:
        raise UnfitError(f"it has no `{shown(path)}`")
    while depth > keep and len(holders[depth]) == 1:
        depth -= 1
    del holders[depth][path[depth]]


def _mapping(value: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401  (any JSON value)
    if not isinstance(value, dict):
        raise UnfitError(f"`{shown(path)}` is not a mapping" if path else "it is not a mapping")
    return value


def _list(value: Any, path: Path) -> list[Any]:  # noqa: ANN401  (any JSON value)
    if value is not None and not isinstance(value, list):
        raise UnfitError(f"`{shown(path)}` is not a list")
    return list(value or [])
