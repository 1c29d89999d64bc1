"""YAML bytes to a tree of nodes with spans, under a strict profile of YAML 1.2.

Size and nesting are checked on the bytes before the parser runs, because libyaml's composer recurses in C and
crashes the process on deep nesting. Scalars follow the YAML 1.2 core schema, not YAML 1.1: ``no`` is a string.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import yaml
from yaml.composer import ComposerError
from yaml.reader import ReaderError

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix, Note, Replacement
from mcphub_gitops.compiler.read.strictness import find_breach, find_directive, is_flow
from mcphub_gitops.compiler.source import Position, Source, Span

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MIN_INT, MAX_INT = -(2**63), 2**64 - 1
"""The whole numbers that are numbers; a longer one is most often a name, and other programs would round it."""

MOST_PROBLEMS = 1000
"""How many problems of one document are told: each costs time, and nobody reads more at once."""

_MAX_DIGITS = 64

_make = tuple.__new__
"""Makes a named tuple as its class does, in a third of the time: there are several for each word of a document."""

ScalarValue: TypeAlias = bool | int | float | str | None

_CORE_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_CORE_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_LINE_HEAD = re.compile(r"^(?P<indent> *)(?P<marks>(?:[-?:][ \t]+)*)(?=[^\s#])", re.MULTILINE)
_BRACKET = re.compile(r"[\[\]{}]")
_TEXT = bytes([*b"\t\n", *range(0x20, 0x7F)])
"""What an ASCII text without control characters is made of, with line breaks as Unix has them."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|\r(?!\n)|\\A\ufeff")
_PROPERTY = re.compile("[!&]")
_BREAKS = "\r\x85\u2028\u2029"
_BLANK_END = re.compile(r"\n +\Z")


class ScalarNode(NamedTuple):
    """A scalar: its YAML 1.2 value and its place; `is_bare` unless its place begins with a tag or an anchor.

    A document has as many nodes as words, so they are tuples: one is made in a third of the time of a frozen dataclass.
    """

    value: ScalarValue
    span: Span
    is_bare: bool = True


class ListNode(NamedTuple):
    """A sequence of nodes."""

    items: tuple["Node", ...]
    span: Span


class Entry(NamedTuple):
    """One key of a mapping, with the key's own place; `is_bare` as of a scalar, of the key."""

    key: str
    key_span: Span
    value: "Node"
    is_bare: bool = True


class MapNode(NamedTuple):
    """A mapping; keys are unique and in the order of the document. `repeated` are the entries that were refused."""

    entries: tuple[Entry, ...]
    span: Span
    repeated: tuple[Entry, ...] = ()

    def get(self, key: str) -> Entry | None:
        """Return the entry of `key`, or None."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        return None


Node: TypeAlias = ScalarNode | ListNode | MapNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A parsed document: its source for excerpts, the tree where there is one, and what is wrong."""

    source: Source
    root: Node | None
    diagnostics: tuple[Diagnostic, ...]


def parse(name: str, data: bytes, *, max_bytes: int = MAX_BYTES) -> Parsed:
    """Parse one YAML document; never raises on any input.

    `name` is how the user knows the file. The result's `root` is None when the document cannot be used at all;
    duplicate keys keep the first value, so that later phases can go on and report everything at once.
    """
    if len(data) > max_bytes:
        source = Source(name, "")
        detail = f"It has {len(data):,} bytes; {max_bytes:,} are allowed."
        return _refused(source, Diagnostic(code=codes.TOO_LARGE, detail=detail, span=source.span(0, 0)))
    try:
        source = Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8"))
        end = len(source.text)
        detail = f"Byte {error.start} (0x{data[error.start]:02x}) does not belong to a UTF-8 sequence."
        return _refused(source, Diagnostic(code=codes.NOT_UTF8, detail=detail, span=source.span(end, end)))
    problem = (_control_character(source) if _may_control(data) else None) or _too_deep(source)
    if problem is not None:
        return _refused(source, problem)
    return _compose(source)


def plain(node: Node) -> object:
    """Return the node as plain JSON-like data, without places."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {entry.key: plain(entry.value) for entry in node.entries}


def _refused(source: Source, problem: Diagnostic) -> Parsed:
    return Parsed(source=source, root=None, diagnostics=(problem,))


def _may_control(data: bytes) -> bool:
    """Tell whether `data`, which is UTF-8, may have a control character: looking at what is left of it is no work."""
    left = data.translate(None, _TEXT)
    return bool(left) and _CONTROL.search(left.decode()) is not None


def _control_character(source: Source) -> Diagnostic | None:
    found = _CONTROL.search(source.text)
    if found is None:
        return None
    detail = f"U+{ord(found[0]):04X} {_why_refused(found[0])}."
    span = source.span(found.start(), found.end())
    fix = Fix(title=f"delete U+{ord(found[0]):04X}", replacements=(Replacement(span=span, text=""),))
    return Diagnostic(code=codes.NOT_UTF8, detail=detail, span=span, help="delete the character", fix=fix)


def _why_refused(char: str) -> str:
    if char == "\ufeff":
        return "is a byte order mark, which UTF-8 does not need"
    # One that only some readers take for the end of a line can hide a line behind a comment.
    return "ends a line for some readers only" if char in _BREAKS else "is a control character"


def _too_deep(source: Source) -> Diagnostic | None:
    if not _may_be_deep(source.text):
        return None
    depth = 0
    try:
        for event in yaml.parse(source.text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                detail = f"At most {MAX_DEPTH} levels are allowed."
                place = _position(event.start_mark)
                return Diagnostic(code=codes.TOO_DEEP, detail=detail, span=Span.between(source.name, place, place))
    except (yaml.MarkedYAMLError, ReaderError) as error:
        return _syntax_problem(source, error)
    return None


def _may_be_deep(text: str) -> bool:
    """Bound the nesting from above without parsing: brackets in strings count, closing ones do not.

    The rare document that this flags is measured exactly by libyaml's event parser, which keeps its stack on the
    heap and is left at the first event that is too deep; only the composer recurses.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and _deepest_flow(text) > MAX_DEPTH // 2:
        return True
    indents: list[int] = []
    for match in _LINE_HEAD.finditer(text):
        column = len(match["indent"])
        while indents and indents[-1] >= column:
            indents.pop()
        indents.append(column)
        if 2 * len(indents) + len(match["marks"]) > MAX_DEPTH // 2:
            return True
    return False


def _deepest_flow(text: str) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


class _Loader(yaml.CSafeLoader):
    """Composes nodes without finding out what YAML 1.1 takes them for, which is a tenth of the time and not asked.

    Whatever it is asked, a node's tag is empty. This is asked three times a node: a function of ours would take longer
    than the parser.
    """

    resolve: Callable[..., Any] = "".format
    descend_resolver: Callable[..., Any] = "".format
    ascend_resolver: Callable[..., Any] = "".format


def _compose(source: Source) -> Parsed:
    directive = find_directive(source.text)
    if directive is not None:
        detail = "A directive changes how readers take what follows."
        return _refused(source, Diagnostic(code=codes.ALIAS, detail=detail, span=source.span(directive, directive + 1)))
    # libyaml takes spaces at the very end for less than a line.
    text = f"{source.text}\n" if _BLANK_END.search(source.text) else source.text
    try:
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except (yaml.MarkedYAMLError, ReaderError) as error:
        return _refused(source, _syntax_problem(source, error))
    if len(documents) != 1 or documents[0] is None:
        found = "It is empty." if not any(documents) else f"It holds {len(documents)} documents."
        return _refused(source, Diagnostic(code=codes.DOCUMENTS, detail=found, span=source.span(0, 0)))
    builder = _Builder(source)
    root = builder.build(documents[0])
    return Parsed(source=source, root=root, diagnostics=tuple(builder.problems))


def _syntax_problem(source: Source, error: yaml.MarkedYAMLError | ReaderError) -> Diagnostic:
    if isinstance(error, ReaderError):
        offset = min(int(error.position), len(source.text))
        return Diagnostic(code=codes.SYNTAX, detail=f"{error.reason}.", span=source.span(offset, offset + 1))
    start = _position(error.problem_mark or error.context_mark)
    span = Span.between(source.name, start, Position(line=start.line, column=start.column + 1))
    detail = " ".join(part for part in (error.context, error.problem) if part)
    code = codes.ALIAS if isinstance(error, ComposerError) and "alias" in detail else codes.SYNTAX
    return Diagnostic(code=code, detail=f"{detail[:1].upper()}{detail[1:]}.", span=span)


def _span(source: str, node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    return _make(Span, (source, start.line + 1, start.column + 1, end.line + 1, end.column + 1))


class _Mark(Protocol):
    """What the two mark classes of PyYAML have in common, counted from 0."""

    line: int
    column: int


def _position(mark: _Mark | None) -> Position:
    return Position(line=mark.line + 1, column=mark.column + 1) if mark else Position(line=1, column=1)


class _Builder:
    """Turns PyYAML's nodes into ours, collecting problems on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        # An explicit tag or an anchor is the only thing a node can begin with that stands in no value.
        self._properties = frozenset(match.start() for match in _PROPERTY.finditer(source.text))
        self._seen: dict[int, Node] = {}

    def build(self, node: yaml.Node, indent: int = -1, *, in_flow: bool = False) -> Node:
        """Return `node`; `indent` is the column of the block that it stands in, `in_flow` whether brackets are."""
        span = _span(self.source.name, node)
        is_bare = node.start_mark.index not in self._properties
        if not is_bare:
            # Only what has an anchor is seen again.
            if id(node) in self._seen:
                self._problem(codes.ALIAS, "This value is used again by an alias.", span)
                return self._seen[id(node)]
            self._refuse_properties(span)
        built: Node
        if in_flow or not isinstance(node, yaml.ScalarNode) or node.style:
            # A plain scalar of a block, which most are, has nothing to be strict about.
            self._check_strictly(node, indent, in_flow=in_flow)
        if isinstance(node, yaml.ScalarNode):
            built = _make(ScalarNode, (_scalar(node), span, is_bare))
        elif isinstance(node, yaml.SequenceNode):
            within, flows = node.start_mark.column, is_flow(node)
            built = ListNode(items=tuple(self.build(item, within, in_flow=flows) for item in node.value), span=span)
        else:
            entries, repeated = self._entries(node)
            built = MapNode(entries=entries, span=span, repeated=repeated)
        if not is_bare:
            self._seen[id(node)] = built
        return built

    def _entries(self, node: yaml.Node) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
        entries: dict[str, Entry] = {}
        repeated: list[Entry] = []
        within, flows = node.start_mark.column, is_flow(node)
        for key_node, value_node in node.value:
            key_span = _span(self.source.name, key_node)
            value = self.build(value_node, within, in_flow=flows)
            if not isinstance(key_node, yaml.ScalarNode):
                repeated.append(Entry(key="", key_span=key_span, value=value))
                repeated.append(Entry(key="", key_span=key_span, value=self.build(key_node, within, in_flow=flows)))
                self._problem(codes.KEY_TYPE, "", key_span)
                continue
            is_bare = key_node.start_mark.index not in self._properties
            if not is_bare:
                self._refuse_properties(key_span)
            if flows or key_node.style:
                self._check_strictly(key_node, within, in_flow=flows)
            key = key_node.value
            if key == "<<" and not key_node.style:
                repeated.append(Entry(key=key, key_span=key_span, value=value))
                self._problem(codes.ALIAS, "`<<` merges another mapping.", key_span)
            elif key in entries:
                repeated.append(Entry(key=key, key_span=key_span, value=value))
                first = Note(message="first given here", span=entries[key].key_span)
                self._problem(codes.DUPLICATE_KEY, f"`{key}` stands twice in one mapping.", key_span, notes=(first,))
            else:
                entries[key] = _make(Entry, (key, key_span, value, is_bare))
        return tuple(entries.values()), tuple(repeated)

    def _refuse_properties(self, span: Span) -> None:
        self._problem(codes.ALIAS, "This value has an explicit tag or an anchor.", span)

    def _check_strictly(self, node: yaml.Node, indent: int, *, in_flow: bool) -> None:
        breach = find_breach(self.source.text, node, indent, in_flow=in_flow)
        if breach is not None:
            span = self.source.span(breach.offset, breach.offset + 1)
            self._problem(codes.SYNTAX, breach.detail, span)

    def _problem(self, code: codes.Code, detail: str, span: Span, notes: tuple[Note, ...] = ()) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Diagnostic(code=code, detail=detail, span=span, notes=notes))


def _scalar(node: yaml.ScalarNode) -> ScalarValue:
    text: str = node.value
    return core_scalar(text) if not node.style else text


def core_scalar(text: str) -> ScalarValue:
    """Resolve a plain scalar by the core schema of YAML 1.2.2 section 10.3.2, whose numbers are taken as JSON's.

    What readers of other versions take for another number stays a string, so that nothing decides silently: a leading
    zero (octal in YAML 1.1), `0o17` and `0x1F`. So do infinities, NaN, overflowing floats, and whole numbers beyond
    64 bits: JSON has none of them.
    """
    if text in _CORE_NULL:
        return None
    if text in _CORE_BOOL:
        return _CORE_BOOL[text]
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_DIGITS:
        return text
    if _INT.match(text):
        number = int(text)
        return number if MIN_INT <= number <= MAX_INT else text
    if _FLOAT.match(text) and math.isfinite(float(text)):
        return float(text)
    return text
