"""The tree of a checked expression, read from the bytes that the engine serialises it to.

The format is the protocol buffer ``cel.expr.CheckedExpr`` (cel-spec, proto/cel/expr/checked.proto and syntax.proto) in
``google.protobuf.Any``. What is not known here is an error: a tree that is read in part could be
called bounded when it is not.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["constant", "name", "select", "call", "list", "struct", "comprehension"]
Fields = dict[int, list[int | bytes]]

MAX_DEPTH = 100

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MORE, _LOW = 0x80, 0x7F

_KINDS: dict[int, Kind] = {
    3: "constant",
    4: "name",
    5: "select",
    6: "call",
    7: "list",
    8: "struct",
    9: "comprehension",
}
_STRING_CONSTANT = 6
_SECOND_VARIABLE = 8
_RANGE_INIT_CONDITION_STEP_RESULT = (2, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A node; `offset` is its place in the expression in code points.

    `name` is that of a name, field, function or comprehension's variable; `text` a constant's, where that is a string.
    `parts` are the operand of a select; target, if it has one, and arguments of a call; elements of a list; and range,
    start, condition, step and result of a comprehension. `overloads` are what a call may come to.
    """

    kind: Kind
    offset: int
    name: str = ""
    text: str | None = None
    parts: tuple["Tree", ...] = ()
    overloads: frozenset[str] = frozenset()


def read_tree(data: bytes) -> Tree:
    """Return the tree in `data`; raises ValueError when it is not one."""
    checked = _fields(_one(_fields(data), 2))
    references = {_number(entry, 1): _fields(_one(entry, 2)) for entry in map(_fields, _all(checked, 2))}
    overloads = {key: frozenset(each.decode() for each in _all(found, 3)) for key, found in references.items()}
    source = _fields(_one(checked, 5))
    places = {_number(entry, 1): _number(entry, 2) for entry in map(_fields, _all(source, 4))}
    return _Reader(overloads=overloads, places=places).tree(_one(checked, 4), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    overloads: dict[int, frozenset[str]]
    places: dict[int, int]

    def tree(self, data: bytes, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        fields = _fields(data)
        number = _number(fields, 2)
        kinds = fields.keys() & _KINDS.keys()
        if len(kinds) != 1:
            raise ValueError("an expression is of one kind")
        (field,) = kinds
        kind = _KINDS[field]
        name, text, parts = self._content(kind, _fields(_one(fields, field)))
        return Tree(
            kind=kind,
            offset=self.places.get(number, 0),
            name=name,
            text=text,
            parts=tuple(self.tree(part, depth + 1) for part in parts),
            overloads=self.overloads.get(number, frozenset()),
        )

    def _content(self, kind: Kind, body: Fields) -> tuple[str, str | None, tuple[bytes, ...]]:
        if kind in {"struct", "list"}:
            return "", None, _all(body, 1) if kind == "list" else ()
        if kind == "constant":
            return "", _one(body, _STRING_CONSTANT).decode() if _STRING_CONSTANT in body else None, ()
        if kind == "comprehension":
            if _SECOND_VARIABLE in body:
                raise ValueError("a comprehension has one variable")
            return _one(body, 1).decode(), None, tuple(_one(body, each) for each in _RANGE_INIT_CONDITION_STEP_RESULT)
        name = _one(body, 1 if kind == "name" else 2).decode()
        # The operand of a select, and the target of a call that has one, are the first field; a name has no parts.
        return name, None, (*_all(body, 1), *_all(body, 3)) if kind != "name" else ()


def _fields(data: bytes) -> Fields:
    """Return the fields of a message by number (Protocol Buffers, "Encoding")."""
    found: Fields = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(data, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
            if kind == _BYTES:
                size, at = _varint(data, at)
            value = data[at : at + size]
            if size < 0 or len(value) != size:
                raise ValueError("a field has no end")
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & _LOW) << shift
        if not byte & _MORE:
            return value, at
        shift += 7
    raise ValueError("a number has no end")


def _all(fields: Fields, number: int) -> tuple[bytes, ...]:
    return tuple(each for each in fields.get(number, []) if isinstance(each, bytes))


def _one(fields: Fields, number: int) -> bytes:
    found = _all(fields, number)
    if len(found) != 1:
        raise ValueError(f"field {number} is not there once")
    return found[0]


def _number(fields: Fields, number: int) -> int:
    """Return a number; one that is zero is left out of a message."""
    found = [each for each in fields.get(number, []) if isinstance(each, int)]
    return found[-1] if found else 0
