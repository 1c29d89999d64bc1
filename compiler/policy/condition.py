"""Conditions: CEL, checked against the types of facts and within bounds before they are ever evaluated.

The one room that the CEL engine is spoken to in. A condition has no clock, no file, no function but the language's own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cel_expr_python import cel

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.policy.bounds import Breach, find_bounds
from mcphub_gitops.compiler.policy.place import offset_of, place_of
from mcphub_gitops.compiler.policy.tree import read_tree
from mcphub_gitops.compiler.policy.vocabulary import Fact, FactType, Kind, variables_of
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source, Span

_ERROR = re.compile(r"(?:^|: )ERROR: <input>:(?P<line>-?\d+):(?P<column>-?\d+): (?P<message>.*)$", re.MULTILINE)
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '(?P<name>[^']*)' applied to '(?P<types>[^']*)'")
_WORDS = re.compile(r"\s*\[[A-Z_]+\]$")
_OUTCOMES = frozenset({"BOOL", "DYN"})
_TRUTH, _FAILURE = "BOOL", "ERROR"

_TYPES: Mapping[FactType | None, Any] = {
    "string": cel.Type.STRING,
    "integer": cel.Type.INT,
    "number": cel.Type.DOUBLE,
    "boolean": cel.Type.BOOL,
    "strings": cel.Type.List(cel.Type.STRING),
    "records": cel.Type.List(cel.Type.Map(cel.Type.STRING, cel.Type.DYN)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that was checked; `text` is as it stands in the policy, `names` are the facts that it speaks of."""

    text: Text
    names: frozenset[str]
    program: Any = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why a condition could not be evaluated, in the engine's words."""

    reason: str


class Scope:
    """The facts that the conditions of one kind see of one thing; those that they do not speak of may be left out."""

    def __init__(self, kind: Kind, facts: Mapping[str, Any], *, derived: bool = True) -> None:
        self._activation = _environment(kind, derived=derived).Activation(dict(facts))

    def decide(self, condition: Condition) -> bool | Undecided:
        """Return whether `condition`, of the scope's kind, holds."""
        try:
            found = condition.program.eval(self._activation)
            kind, value = found.type().name(), found.value()
        except RuntimeError as error:
            return Undecided(_plain(str(error)))
        if kind == _TRUTH:
            return bool(value)
        return Undecided(
            _plain(str(value)) if kind == _FAILURE else f"it comes to {kind}, which is neither true nor false"
        )


def compile_condition(
    text: Text, source: Source, kind: Kind, *, derived: bool = True
) -> tuple[Condition | None, tuple[Diagnostic, ...]]:
    """Check the condition `text` of `source` for things of `kind`; never raises on any input.

    Without `derived`, it sees no facts that tags or other servers have a part in.
    """
    variables = variables_of(kind, derived=derived)
    environment = _environment(kind, derived=derived)
    try:
        program = environment.compile(text.value)
        tree = read_tree(program.serialize())
    except RuntimeError as error:
        return None, tuple(_refusals(str(error), text, source, variables, kind))
    except ValueError as error:
        detail = f"What it costs cannot be told: {error}."
        return None, (Diagnostic(code=codes.UNBOUNDED, detail=detail, span=text.span),)
    outcome = program.return_type().name()
    if outcome not in _OUTCOMES:
        detail = f"It comes to {outcome.lower()}; a condition is true or false."
        return None, (Diagnostic(code=codes.CONDITION, detail=detail, span=text.span),)
    bounds = find_bounds(tree, variables)
    breaches = [*bounds.breaches, *_bad_patterns(environment, bounds.patterns)]
    if breaches:
        return None, tuple(_refusal(each, text, source) for each in breaches)
    return Condition(text=text, names=bounds.names, program=program), ()


@cache
def _environment(kind: Kind, *, derived: bool) -> Any:  # noqa: ANN401  (the engine is not typed)
    variables = {name: _TYPES[fact.type] for name, fact in variables_of(kind, derived=derived).items()}
    return cel.NewEnv(variables=variables)


def _bad_patterns(environment: Any, patterns: tuple[tuple[int, str], ...]) -> Iterator[Breach]:  # noqa: ANN401  (same)
    for offset, pattern in patterns:
        found = environment.compile(f"''.matches({_quoted(pattern)})").eval()
        if found.type().name() == _FAILURE:
            yield Breach(offset=offset, detail=f"{_plain(str(found.value())).capitalize()}.", unknown=True)


def _quoted(text: str) -> str:
    """Return `text` as a literal of CEL, with an escape for each code point."""
    return "'" + "".join(f"\\U{ord(char):08x}" for char in text) + "'"


def _refusal(breach: Breach, text: Text, source: Source) -> Diagnostic:
    code = codes.CONDITION if breach.unknown else codes.UNBOUNDED
    return Diagnostic(code=code, detail=breach.detail, span=place_of(text, source, breach.offset), help=breach.help)


def _refusals(
    message: str, text: Text, source: Source, variables: Mapping[str, Fact], kind: Kind
) -> Iterator[Diagnostic]:
    found = list(_ERROR.finditer(message))
    if not found:
        detail = f"{_plain(message)}."
        yield Diagnostic(code=codes.CONDITION, detail=detail, span=text.span)
    for match in found:
        line, column = int(match["line"]), int(match["column"])
        # What goes for the whole of it has no place.
        span = place_of(text, source, offset_of(text.value, line, column)) if line > 0 else text.span
        yield _told(_plain(match["message"]), span, variables, kind)


def _told(message: str, span: Span, variables: Mapping[str, Fact], kind: Kind) -> Diagnostic:
    name, overload = _UNDECLARED.match(message), _OVERLOAD.match(message)
    if name is not None:
        detail = f"There is no `{name['name']}` here."
        return Diagnostic(code=codes.CONDITION, detail=detail, span=span, help=_hint(name["name"], variables, kind))
    if overload is not None:
        detail = f"`{overload['name'].strip('_')}` does not go with {overload['types']}."
        return Diagnostic(code=codes.CONDITION, detail=detail, span=span)
    return Diagnostic(code=codes.CONDITION, detail=f"{message[:1].upper()}{message[1:]}.", span=span)


def _hint(name: str, variables: Mapping[str, Fact], kind: Kind) -> str:
    thing = name.partition(".")[0]
    if name in variables_of(kind, derived=True):
        return "tags are given before this is worked out, so they do not see it"
    below = {each for each in variables if each.startswith(f"{thing}.")}
    return suggest(name, below or {each.partition(".")[0] for each in variables})


def _plain(message: str) -> str:
    """Return the engine's message without its own codes, on one line."""
    line = message.partition("\n")[0]
    head, colon, rest = line.partition(": ")
    words = rest if colon and head.isupper() else line
    return _WORDS.sub("", words).rstrip(".")
