"""Where everything stands in a YAML text, to the code point, and values as YAML would write them.

What `syntax` keeps of a document is what it means; an edit also has to know where each bracket, dash and colon is. Both
come from ruamel's scanner and emitter: whole documents are never written through it, because its round trip changes
quotes, indentation and breaks of lines that nobody touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString
from ruamel.yaml.tokens import ScalarToken, Token

from mcphub_gitops.compiler.read.syntax import parse, plain

Scalar: TypeAlias = bool | int | float | str | None

_ENDLESS = 1 << 30
"""A width of lines that breaks none."""

_DISPUTED = "not all readers of YAML take it as it is"
_ODD_KEY = "an entry has no key, or no scalar as its key"

_QUOTED = {"'": SingleQuotedScalarString, '"': DoubleQuotedScalarString}


class UnfitError(Exception):
    """The document, which is right, has a form that cannot be edited; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A scalar in ``[start, end)``; `style` is its quote or block indicator, empty for a plain one.

    Both ends of one that is not written are where it could be. A block scalar ends after the blank lines below it.
    """

    start: int
    end: int
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limb:
    """An entry of a mapping or an item of a list; `start` is its key, its dash or its value.

    `key` is empty for an item; `explicit` when it has a question mark. `colon` and `comma` are offsets, -1 for none.
    """

    start: int
    key: str
    colon: int
    value: "Place"
    comma: int = -1
    explicit: bool = False

    @property
    def end(self) -> int:
        """Where the last that it is made of ends, blank lines below a block scalar included."""
        return self.value.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A mapping or a list in ``[start, end)``, without the comments and blank lines below it; `flow` has brackets."""

    kind: Literal["map", "list"]
    flow: bool
    start: int
    end: int
    limbs: tuple[Limb, ...]

    def get(self, key: str) -> Limb | None:
        """Return the entry of `key`."""
        return next((limb for limb in self.limbs if limb.key == key), None) if self.kind == "map" else None


Place: TypeAlias = Leaf | Branch


def find_places(text: str) -> Place:
    """Return the tree of places of a document that `syntax.parse` accepts; raises UnfitError."""
    return _Builder(text, _scan(text)).root()


def scalar_stretches(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of all keys, values and directives, in order; raises UnfitError."""
    for token in _scan(text):
        if _name(token) in {"Scalar", "Directive"}:
            yield token.start_mark.index, token.end_mark.index


def _scan(text: str) -> list[Token]:
    try:
        return [token for token in YAML(typ="rt", pure=True).scan(text) if _name(token) != "Comment"]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise UnfitError(f"{_DISPUTED} ({place}{error.problem or error.context})") from error
    except YAMLError as error:
        raise UnfitError(_DISPUTED) from error


def write_scalar(value: Scalar, *, flow: bool = False, style: str = "") -> str:
    """Return `value` on one line, so that it is read as itself; a string with the quotes `style` where it can be.

    With `flow` it can stand between brackets.
    """
    if not isinstance(value, str):
        return _dump(value, flow=flow)
    wanted = [_QUOTED[style](value)] if style in _QUOTED else []
    if value.isprintable():
        wanted.append(value)
    for each in wanted:
        written = _dump(each, flow=flow)
        if "\n" not in written and _reads_as(written, value, flow=flow):
            return written
    return _dump(DoubleQuotedScalarString(value), flow=flow)


def write_flow(value: object) -> str:
    """Return plain data on one line, with brackets."""
    if isinstance(value, dict):
        inner = (f"{write_scalar(key, flow=True)}: {write_flow(each)}" for key, each in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(write_flow(each) for each in value)}]"
    if value is None or isinstance(value, (bool, int, float, str)):
        return write_scalar(value, flow=True)
    raise TypeError(f"{type(value).__name__} is not JSON")


class _Lines:
    """The little of a file that the emitter needs."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.parts.append(data)


def _dump(value: object, *, flow: bool) -> str:
    emitter = YAML(typ="rt", pure=True)
    emitter.width = _ENDLESS
    emitter.default_flow_style = flow
    emitter.allow_unicode = True
    emitter.representer.add_representer(type(None), lambda self, _: self.represent_scalar(_NULL, "null"))
    lines = _Lines()
    emitter.dump({"k": value}, lines)
    head, tail = ("{k: ", "}\n") if flow else ("k: ", "\n")
    return b"".join(lines.parts).decode().removeprefix(head).removesuffix(tail)


_NULL = "tag:yaml.org,2002:null"


def _reads_as(written: str, value: Scalar, *, flow: bool) -> bool:
    parsed = parse("", (f"{{k: {written}}}" if flow else f"k: {written}").encode())
    found = plain(parsed.root) if parsed.root is not None and not parsed.diagnostics else None
    return isinstance(found, dict) and found == {"k": value} and type(found["k"]) is type(value)


def _name(token: Token) -> str:
    return type(token).__name__.removesuffix("Token")


class _Builder:
    """Reads the scanner's tokens by the grammar of YAML, of which documents without tags and anchors need this much."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    def root(self) -> Place:
        while self._next in {"StreamStart", "Directive", "DocumentStart"}:
            self._take()
        return self._place(self._tokens[self._at].start_mark.index)

    @property
    def _next(self) -> str:
        return _name(self._tokens[self._at])

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _scalar(self) -> ScalarToken:
        token = self._take()
        if not isinstance(token, ScalarToken):
            raise UnfitError(_ODD_KEY)
        return token

    def _place(self, blank: int) -> Place:
        """Return what comes next; `blank` is where nothing at all would stand."""
        kind = self._next
        if kind == "Scalar":
            token = self._scalar()
            return Leaf(start=token.start_mark.index, end=token.end_mark.index, style=token.style or "")
        if kind in {"FlowSequenceStart", "FlowMappingStart"}:
            return self._flow("list" if kind == "FlowSequenceStart" else "map")
        if kind == "BlockMappingStart":
            return self._block_map()
        if kind in {"BlockSequenceStart", "BlockEntry"}:
            return self._block_list()
        if kind in {"Tag", "Anchor", "Alias"}:
            raise UnfitError("it has a tag, an anchor or an alias")
        return Leaf(start=blank, end=blank, style="")

    def _block_map(self) -> Branch:
        start = self._take().start_mark.index
        limbs: list[Limb] = []
        while self._next == "Key":
            limbs.append(self._pair())
        self._expect("BlockEnd")
        return Branch(kind="map", flow=False, start=start, end=limbs[-1].end, limbs=tuple(limbs))

    def _block_list(self) -> Branch:
        start = self._tokens[self._at].start_mark.index
        # A list at the column of its key has no tokens for its begin and end.
        has_end = self._next == "BlockSequenceStart"
        if has_end:
            self._take()
        limbs: list[Limb] = []
        while self._next == "BlockEntry":
            dash = self._take().start_mark.index
            value = self._leaf_at(dash + 1) if self._next == "BlockEntry" else self._place(dash + 1)
            limbs.append(Limb(start=dash, key="", colon=-1, value=value))
        if has_end:
            self._expect("BlockEnd")
        return Branch(kind="list", flow=False, start=start, end=limbs[-1].end, limbs=tuple(limbs))

    def _flow(self, kind: Literal["map", "list"]) -> Branch:
        start = self._take().start_mark.index
        limbs: list[Limb] = []
        while self._next not in {"FlowSequenceEnd", "FlowMappingEnd"}:
            limb = self._pair() if self._next == "Key" else self._alone(kind)
            comma = self._take().start_mark.index if self._next == "FlowEntry" else -1
            limbs.append(
                Limb(
                    start=limb.start,
                    key=limb.key,
                    colon=limb.colon,
                    value=limb.value,
                    comma=comma,
                    explicit=limb.explicit,
                )
            )
        end = self._take().end_mark.index
        return Branch(kind=kind, flow=True, start=start, end=end, limbs=tuple(limbs))

    def _alone(self, kind: Literal["map", "list"]) -> Limb:
        """Return an item, or the key of an entry without a value."""
        if self._next not in {"Scalar", "FlowSequenceStart", "FlowMappingStart"}:
            raise UnfitError(_ODD_KEY)
        if kind == "list":
            value = self._place(self._tokens[self._at].start_mark.index)
            return Limb(start=value.start, key="", colon=-1, value=value)
        key = self._scalar()
        return Limb(start=key.start_mark.index, key=key.value, colon=-1, value=self._leaf_at(key.end_mark.index))

    def _pair(self) -> Limb:
        mark = self._take()
        explicit = mark.end_mark.index > mark.start_mark.index and self._text[mark.start_mark.index] == "?"
        key = self._scalar()
        start = mark.start_mark.index if explicit else key.start_mark.index
        if self._next != "Value":
            blank = self._leaf_at(key.end_mark.index)
            return Limb(start=start, key=key.value, colon=-1, value=blank, explicit=explicit)
        colon = self._take().start_mark.index
        is_blank = self._next in {"Key", "Value", "BlockEnd", "FlowEntry"}
        value = self._leaf_at(colon + 1) if is_blank else self._place(colon + 1)
        return Limb(start=start, key=key.value, colon=colon, value=value, explicit=explicit)

    def _leaf_at(self, offset: int) -> Leaf:
        return Leaf(start=offset, end=offset, style="")

    def _expect(self, kind: str) -> None:
        if self._next != kind:
            raise UnfitError(_ODD_KEY)
        self._take()
