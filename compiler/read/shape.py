"""A node tree against its JSON Schema: every breach as a diagnostic at the key or value that commits it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any, TypeVar

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix
from mcphub_gitops.compiler.enumeration import quoted
from mcphub_gitops.compiler.read.foreign import PATTERNS
from mcphub_gitops.compiler.read.spelling import quote, respell
from mcphub_gitops.compiler.read.syntax import MOST_PROBLEMS, Entry, ListNode, MapNode, Node, ScalarNode, plain
from mcphub_gitops.compiler.source import Span

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "empty",
}


_LONGEST_PATTERN = 100
_LONGEST_WORD = 100
_NUMBER = re.compile(r"\+?0*(?P<digits>0|[1-9][0-9]*)")
_Value = TypeVar("_Value")
_MOST_COMPARED = 500
_MOST_LISTED = 50


def check(root: Node, schema: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """Return what `schema` (draft 2020-12) finds wrong with `root`; nothing is ever fetched."""
    return _told(_validator(schema), root, schema)


def check_foreign(root: Node, schema: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """Return what a schema of others, which `foreign` has let through, finds wrong with `root`.

    Raises ValueError when a pattern of it is no regular expression, or none that is matched in linear time.
    """
    validator = Draft202012Validator(dict(schema), offline=True, pattern_options=PATTERNS)
    return _told(validator, root, schema)


def fits(document: object, schema: Mapping[str, Any]) -> bool:
    """Tell whether plain data fits `schema`, without saying where it does not: for documents that mcphub wrote."""
    try:
        return _validator(schema).is_valid(document)
    except ValueError:
        # Half a surrogate pair, or nesting beyond any document of ours.
        return False


def suggest(word: str, candidates: Iterable[str]) -> str:
    """Return a "did you mean" sentence for `word`, or the list of what is possible; empty without candidates."""
    known = sorted(candidates)
    is_comparable = len(word) <= _LONGEST_WORD and len(known) <= _MOST_COMPARED
    close = get_close_matches(word, known, n=1, cutoff=0.6) if is_comparable else []
    if close:
        return f"did you mean `{close[0]}`?"
    return f"possible: {quoted(known, _MOST_LISTED)}" if known else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Breach:
    """The parts of a validation error that a message is made of."""

    rule: str
    wanted: Any
    instance: Any
    schema: Mapping[str, Any]
    path: tuple[str | int, ...]
    in_key: bool


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    # Offline, because a reference to another document would be fetched by default.
    return Draft202012Validator(dict(schema), offline=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """A node tree whose places are asked for by path, each mapping's keys being looked at once."""

    root: Node
    _known: dict[int, dict[str, Entry]] = field(default_factory=dict)

    def node_at(self, path: Iterable[str | int]) -> Node:
        node = self.root
        for step in path:
            # The validator's paths leave empty keys out.
            while not isinstance(node, ListNode) and self._entry(node, step) is None and self._entry(node, ""):
                node = self._by_name(node)[""].value
            entry = self._entry(node, step)
            node = node.items[int(step)] if isinstance(node, ListNode) else entry.value if entry is not None else node
        return node

    def key_span(self, path: Iterable[str | int]) -> Span:
        """Return the span of the key that the mapping at `path` stands under, or its own first line."""
        steps = list(path)
        parent = self.node_at(steps[:-1])
        entry = self._entry(parent, steps[-1]) if steps else None
        if entry is not None:
            return entry.key_span
        span = self.node_at(steps).span
        return Span.between(span.source, span.start, span.start)

    def _entry(self, node: Node, step: str | int) -> Entry | None:
        return _under(self._by_name(node), step)

    def _by_name(self, node: Node) -> dict[str, Entry]:
        if id(node) not in self._known:
            self._known[id(node)] = {entry.key: entry for entry in _entries(node)}
        return self._known[id(node)]


def _under(mapping: Mapping[str, _Value], step: str | int) -> _Value | None:
    """Return what is under the key that `step` of a path means: the validator makes a number of each key like one."""
    if str(step) in mapping or isinstance(step, str):
        return mapping.get(str(step))
    numbers = ((_NUMBER.fullmatch(key), value) for key, value in mapping.items())
    return next((value for number, value in numbers if number is not None and number["digits"] == str(step)), None)


def _told(validator: Draft202012Validator, root: Node, schema: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    breaches = (_breach(error, schema) for error in validator.iter_errors(plain(root)))
    tree = _Tree(root=root)
    return tuple(islice((problem for breach in breaches for problem in _problems(breach, tree)), MOST_PROBLEMS))


def _breach(error: ValidationError, schema: Mapping[str, Any]) -> _Breach:
    *way, rule = error.schema_path
    owner: Any = schema
    for step in way:
        owner = owner[int(step)] if isinstance(owner, list) else _under(owner, step)
    kind = error.kind
    in_key = isinstance(kind, ValidationErrorKind.PropertyNames)
    return _Breach(
        rule=str(rule),
        wanted=owner[rule],
        instance=kind.error.instance if isinstance(kind, ValidationErrorKind.PropertyNames) else error.instance,
        schema=owner if isinstance(owner, Mapping) else {},
        path=tuple(error.instance_path),
        in_key=in_key,
    )


def _problems(error: _Breach, tree: _Tree) -> Iterator[Diagnostic]:
    node = tree.node_at(error.path)
    if error.rule == "additionalProperties":
        yield from _unknown_keys(error, node)
    elif error.rule == "required":
        yield from _missing_keys(error, node, tree.key_span(error.path))
    elif error.rule == "oneOf":
        if isinstance(node, MapNode) and _names(error):
            yield _choice(error, tree.key_span(error.path))
        elif _has_type(error):
            yield _bad_value(error, node)
    elif error.rule == "type":
        yield _wrong_type(error, node)
    elif error.in_key:
        yield from _bad_key(error, node)
    else:
        yield _bad_value(error, node)


def _wrong_type(error: _Breach, node: Node) -> Diagnostic:
    wanted = error.wanted if isinstance(error.wanted, list) else [error.wanted]
    expected = " or ".join(_TYPE_NAMES.get(str(each), str(each)) for each in wanted)
    secret = error.schema.get("writeOnly", False)
    detail = f"{_path(error)} is {'something else' if secret else _describe(error.instance)}; expected {expected}."
    if isinstance(error.instance, (bool, int, float)) and "string" in wanted and not secret:
        help_ = "put it in quotes to make it a string"
        fix = quote(node.span) if _is_bare(node) else None
        return Diagnostic(code=codes.WRONG_TYPE, detail=detail, span=node.span, help=help_, fix=fix)
    return Diagnostic(code=codes.WRONG_TYPE, detail=detail, span=node.span)


def _unknown_keys(error: _Breach, node: Node) -> Iterator[Diagnostic]:
    known = error.schema.get("properties", {})
    fixes = _respelt_keys(_entries(node), known)
    for entry in _entries(node):
        if entry.key not in known:
            detail = f"`{entry.key}` is not a key of {_path(error, whole='the document')}."
            help_, fix = suggest(entry.key, known), fixes.get(entry.key)
            yield Diagnostic(code=codes.UNKNOWN_KEY, detail=detail, span=entry.key_span, help=help_, fix=fix)


def _respelt_keys(entries: tuple[Entry, ...], known: Iterable[str]) -> dict[str, Fix]:
    """Return how each unknown key of one mapping is certainly meant; none becomes a key that another already is."""
    unknown = [entry for entry in entries if entry.key not in known and entry.is_bare]
    if len(unknown) > MOST_PROBLEMS:
        return {}
    found = {entry.key: fix for entry in unknown if (fix := respell(entry.key, entry.key_span, known)) is not None}
    wanted = Counter((*map(_word, found.values()), *(entry.key for entry in entries)))
    return {key: fix for key, fix in found.items() if wanted[_word(fix)] == 1}


def _word(fix: Fix) -> str:
    return fix.replacements[0].text


def _missing_keys(error: _Breach, node: Node, span: Span) -> Iterator[Diagnostic]:
    missing = [key for key in error.wanted if isinstance(node, MapNode) and node.get(key) is None]
    # Each missing key is reported by itself; the diagnostics are equal and sorting drops repeats.
    for key in missing:
        yield Diagnostic(code=codes.MISSING_KEY, detail=f"{_path(error)} needs `{key}`.", span=span)


def _names(error: _Breach) -> list[str]:
    """Return the keys by which a mapping chooses."""
    return [key for option in error.wanted for key in option.get("required", ())]


def _has_type(error: _Breach) -> bool:
    """Tell whether the value is of a type that is allowed; where it is not, that is told by itself."""
    allowed = error.schema.get("type", ())
    types = [allowed] if isinstance(allowed, str) else allowed
    return not types or fits(error.instance, {"type": list(types)})


def _choice(error: _Breach, span: Span) -> Diagnostic:
    names = _names(error)
    listed = " or ".join(f"`{name}`" for name in names)
    given = [name for name in names if isinstance(error.instance, dict) and name in error.instance]
    found = f"it has {' and '.join(f'`{name}`' for name in given)}" if given else "it has none of them"
    return Diagnostic(code=codes.CHOICE, detail=f"{_path(error)} takes exactly one of {listed}; {found}.", span=span)


def _bad_key(error: _Breach, node: Node) -> Iterator[Diagnostic]:
    help_ = str(error.schema.get("description", ""))
    detail = f"`{error.instance}` does not match {error.wanted}."
    for span in (entry.key_span for entry in _entries(node) if entry.key == error.instance):
        yield Diagnostic(code=codes.BAD_VALUE, detail=detail, span=span, help=help_)


def _entries(node: Node) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, MapNode) else ()


def _bad_value(error: _Breach, node: Node) -> Diagnostic:
    if error.rule in {"enum", "const"}:
        return _unlisted(error, node)
    help_ = ""
    if error.rule == "pattern":
        help_ = str(error.schema.get("description", ""))
        # A long pattern tells a reader less than the words for it.
        is_readable = not help_ or len(str(error.wanted)) <= _LONGEST_PATTERN
        form = f"does not match {error.wanted}" if is_readable else "has another form"
        detail = f"{_path(error)} {form}."
    elif error.rule in {"anyOf", "oneOf"}:
        fits = "none" if error.rule == "anyOf" else "not exactly one"
        detail = f"{_path(error)} fits {fits} of the {len(error.wanted)} forms that it may have."
    else:
        detail = f"{_path(error)} breaks the rule {error.rule}: {error.wanted}."
    return Diagnostic(code=codes.BAD_VALUE, detail=detail, span=node.span, help=help_)


def _unlisted(error: _Breach, node: Node) -> Diagnostic:
    allowed = error.wanted if error.rule == "enum" else [error.wanted]
    detail = f"{_path(error)} is {_describe(error.instance)}."
    help_ = suggest(str(error.instance), [str(value) for value in allowed])
    fix = None
    # The one value of a constant is another version of the document: nothing is misspelt.
    if error.rule == "enum" and isinstance(error.instance, str) and _is_bare(node):
        fix = respell(error.instance, node.span, [value for value in allowed if isinstance(value, str)])
    return Diagnostic(code=codes.BAD_VALUE, detail=detail, span=node.span, help=help_, fix=fix)


def _describe(value: object) -> str:
    if isinstance(value, str):
        return "a string" if len(value) > 40 else f"`{value}`"  # noqa: PLR2004  (a line of an error message)
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "a mapping"


def _is_bare(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_bare


def _path(error: _Breach, *, whole: str = "The document") -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.path)
    return f"`{steps.lstrip('.')}`" if steps else whole
