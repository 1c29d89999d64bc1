"""Changes of a document that several files make: each goes into the file that it belongs into.

Beside the first file stand those that it includes, and one may stand over all of them: an environment. What comes out
is put together again, and is refused unless the whole says what the same change of its plain data says.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.compiler.read.change import Append, Change, Path, Remove, RemoveItem, SetValue, change_plain, shown
from mcphub_gitops.compiler.read.edit import Refused, edit
from mcphub_gitops.compiler.read.merge import merge, overlay
from mcphub_gitops.compiler.read.roundtrip import UnfitError
from mcphub_gitops.compiler.read.syntax import MapNode, Node, parse, plain

_INCLUDE = "include"
_NAMED = 2
"""So many keys lead to a thing with a name, such as a server; a file that has one of them alone has no say."""

_NOTHING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """The texts of a document by the names of their files, the first one first; `over` names the one over the others.

    All of them are such as `syntax.parse` finds nothing wrong with.
    """

    texts: Mapping[str, str]
    over: str = ""

    def whole(self) -> Any:  # noqa: ANN401  (any JSON value)
        """Return what they come to together, as plain data; raises UnfitError where they contradict one another."""
        roots = {name: _root(text) for name, text in self.texts.items()}
        over = roots.pop(self.over, None)
        first, *others = roots.values()
        found = merge([first, *map(_without_include, others)])
        problems = list(found.diagnostics)
        if over is not None:
            found = overlay(found.root, over)
            problems.extend(found.diagnostics)
        if problems:
            raise UnfitError("its files contradict one another")
        return plain(found.root)

    def below(self) -> "Joint":
        """Return the files without the one over them."""
        return Joint(texts={name: text for name, text in self.texts.items() if name != self.over})


def edit_joint(joint: Joint, *changes: Change) -> Mapping[str, str] | Refused:
    """Return the texts of `joint` with one change after the other, made in the files that they belong into.

    With a file over the others, it takes all of them.
    """
    if len(joint.texts) == 1:
        ((name, text),) = joint.texts.items()
        found = edit(text, *changes)
        return found if isinstance(found, Refused) else {name: found}
    try:
        for change in changes:
            joint = _changed(joint, change)
    except UnfitError as error:
        return Refused(reason=str(error))
    return joint.texts


def _changed(joint: Joint, change: Change) -> Joint:
    before = joint.whole()
    wanted = change_plain(before, change)
    if _exact(wanted) == _exact(before):
        return joint
    name = joint.over or _home(joint, change.path)
    own = _over(joint, change, wanted) if joint.over else change
    text = edit(joint.texts[name], own)
    if isinstance(text, Refused):
        raise UnfitError(text.reason)
    after = Joint(texts={**joint.texts, name: text}, over=joint.over)
    if _canonical(after.whole()) != _canonical(wanted):
        raise UnfitError(f"other files than `{name}` say something of `{shown(change.path)}` as well")
    return after


def _home(joint: Joint, path: Path) -> str:
    """Return the file that has the longest part of `path`, the first of several; a new thing belongs into the first."""
    lengths = {name: _length(plain(_root(text)), path) for name, text in joint.texts.items()}
    first = next(iter(lengths))
    longest = max(lengths.values())
    if longest < min(_NAMED, len(path)):
        return first
    return next(name for name, length in lengths.items() if length == longest)


def _length(data: object, path: Path) -> int:
    return next((depth for depth in range(len(path), 0, -1) if _at(data, path[:depth]) is not _NOTHING), 0)


def _over(joint: Joint, change: Change, wanted: object) -> Change:
    """Return what `change` is for the file over the others, where the whole is to be what is `wanted`.

    It replaces lists as a whole, and deletes with null what it does not set itself.
    """
    value, below = _at(wanted, change.path), _at(joint.below().whole(), change.path)
    own = _at(plain(_root(joint.texts[joint.over])), change.path)
    if value is _NOTHING:
        return Remove(path=change.path, keep=1) if below is _NOTHING else SetValue(path=change.path, value=None)
    if isinstance(change, (Append, RemoveItem)) and isinstance(own, list):
        return change
    return SetValue(path=change.path, value=value)


def _at(data: object, path: Path) -> object:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return _NOTHING
        data = data[key]
    return data


def _root(text: str) -> Node:
    parsed = parse("", text.encode())
    if parsed.root is None or parsed.diagnostics:
        raise UnfitError("it has mistakes of its own")
    return parsed.root


def _without_include(root: Node) -> Node:
    if not isinstance(root, MapNode):
        return root
    return root._replace(entries=tuple(entry for entry in root.entries if entry.key != _INCLUDE))


def _canonical(data: object) -> str:
    """Return `data` as one text; an empty mapping counts for nothing, since which file leaves one says nothing."""
    return _exact(_filled(data))


def _exact(data: object) -> str:
    # Python itself takes 1, 1.0 and True for the same.
    return json.dumps(data, sort_keys=True)


def _filled(data: object) -> object:
    if not isinstance(data, dict):
        return data
    return dict(_entries(data))


def _entries(data: dict[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in data.items():
        found = _filled(value)
        if found != {}:
            yield key, found
