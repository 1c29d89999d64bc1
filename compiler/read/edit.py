"""Changes of a document's text that touch no line but their own: comments, quotes, breaks and widths stay as they are.

A change is spliced into the text at its place. What comes out is read again, and is refused unless it says exactly what
the same change of the plain data says: a text in a form that nobody thought of is never damaged.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from mcphub_gitops.compiler.read import block, bracket
from mcphub_gitops.compiler.read.change import Append, Change, Path, Remove, RemoveItem, SetValue, change_plain
from mcphub_gitops.compiler.read.lines import Lines, Splice, apply_splices
from mcphub_gitops.compiler.read.roundtrip import Branch, Limb, Place, UnfitError, find_places
from mcphub_gitops.compiler.read.syntax import parse, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The change cannot be made in this text; `reason` is a clause that says why."""

    reason: str


def edit(text: str, *changes: Change) -> str | Refused:
    """Return `text`, a document that `syntax.parse` finds nothing wrong with, with one change after the other."""
    try:
        for change in changes:
            text = _changed(text, change)
    except UnfitError as error:
        return Refused(reason=str(error))
    return text


def _changed(text: str, change: Change) -> str:
    before = _read(text)
    wanted = _canonical(change_plain(before, change))
    if wanted == _canonical(before):
        return text
    after = apply_splices(text, _Editor(text).splices(change))
    parsed = parse("", after.encode())
    if parsed.root is None or parsed.diagnostics or _canonical(plain(parsed.root)) != wanted:
        raise UnfitError("its text cannot be changed at that place without changing something else")
    return after


def _read(text: str) -> Any:  # noqa: ANN401  (any JSON value)
    parsed = parse("", text.encode())
    if parsed.root is None or parsed.diagnostics:
        raise UnfitError("it has mistakes of its own")
    return plain(parsed.root)


def _canonical(data: object) -> str:
    # Python itself takes 1, 1.0 and True for the same.
    return json.dumps(data, sort_keys=True)


class _Editor:
    """Finds where in a text a change belongs; the way to a place is the entries that lead to it, from the root."""

    def __init__(self, text: str) -> None:
        self._lines = Lines(text)
        self._root = find_places(text)

    def splices(self, change: Change) -> Iterator[Splice]:
        """Yield what the change does to the text; raises UnfitError."""
        if isinstance(change, SetValue):
            yield from self._set(change.path, change.value)
        elif isinstance(change, Append):
            yield from self._append(change)
        elif isinstance(change, Remove):
            yield from self._prune(self._way(change.path), change.keep)
        else:
            yield from self._remove_item(change)

    def _way(self, path: Path) -> list[Limb]:
        """Return the way along `path` as far as it leads."""
        way: list[Limb] = []
        for depth, key in enumerate(path):
            place = self._place(way, depth)
            found = place.get(key) if isinstance(place, Branch) else None
            if found is None:
                break
            way.append(found)
        return way

    def _place(self, way: list[Limb], depth: int) -> Place:
        return way[depth - 1].value if depth else self._root

    def _in_brackets(self, way: list[Limb]) -> bool:
        """Whether the last entry of the way is in a mapping with brackets."""
        holder = self._place(way, len(way) - 1)
        return isinstance(holder, Branch) and holder.flow

    def _set(self, path: Path, value: object) -> Iterator[Splice]:
        way = self._way(path)
        if len(way) == len(path):
            if self._in_brackets(way):
                yield from bracket.replace_value(way[-1], value)
            else:
                yield from block.replace_value(self._lines, way[-1], value)
            return
        key, *rest = path[len(way) :]
        for each in reversed(rest):
            value = {each: value}
        yield from self._insert(way, key, value)

    def _insert(self, way: list[Limb], key: str, value: object) -> Iterator[Splice]:
        """Yield what puts ``key: value`` into what the way leads to: a mapping, or nothing yet."""
        holder = self._place(way, len(way))
        step = block.indent_step(self._lines, self._root)
        if isinstance(holder, Branch) and not holder.flow:
            yield from block.insert_entry(self._lines, holder, key, value, step)
        elif way and not self._in_brackets(way) and not self._inside(holder):
            yield from block.insert_first(self._lines, way[-1], key, value, step)
        elif isinstance(holder, Branch):
            yield from bracket.insert_entry(self._lines, holder, key, value)
        else:
            yield from bracket.replace_value(way[-1], {key: value})

    def _inside(self, place: Place) -> str:
        """Return what stands between the brackets of a place."""
        return self._lines.text[place.start + 1 : place.end - 1].strip(" \t") if isinstance(place, Branch) else ""

    def _append(self, change: Append) -> Iterator[Splice]:
        way = self._way(change.path)
        items = self._place(way, len(way))
        if len(way) < len(change.path) or not isinstance(items, Branch):
            yield from self._set(change.path, list(change.values))
        elif items.flow:
            yield from bracket.insert_items(self._lines, items, change.values)
        else:
            yield from block.insert_items(self._lines, items, change.values)

    def _remove_item(self, change: RemoveItem) -> Iterator[Splice]:
        way = self._way(change.path)
        items = self._branch(way, len(way))
        if len(items.limbs) == 1:
            yield from self._prune(way, change.keep)
            return
        data = _read(self._lines.text)
        for key in change.path:
            data = data[key]
        yield from self._without(items, items.limbs[data.index(change.value)], None)

    def _prune(self, way: list[Limb], keep: int) -> Iterator[Splice]:
        """Yield what removes the last entry of the way with those above it that it is alone in."""
        depth = len(way) - 1
        while depth > keep and len(self._branch(way, depth).limbs) == 1:
            depth -= 1
        yield from self._without(self._branch(way, depth), way[depth], way[depth - 1] if depth else None)

    def _branch(self, way: list[Limb], depth: int) -> Branch:
        # What the plain data has lost something from is a mapping or a list.
        return cast("Branch", self._place(way, depth))

    def _without(self, holder: Branch, limb: Limb, owner: Limb | None) -> Iterator[Splice]:
        if holder.flow:
            yield from bracket.remove_limb(self._lines, holder, limb)
            return
        yield from block.remove_limb(self._lines, holder, limb)
        if len(holder.limbs) == 1:
            if owner is None:
                raise UnfitError("nothing would be left of it")
            yield Splice(start=owner.colon + 1, end=owner.colon + 1, text=" {}")
