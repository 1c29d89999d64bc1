"""The template language of Docker MCP catalogs: ``{{path|filter}}`` for settings, ``$NAME`` for a variable's value.

Where the reference implementation ignores what it does not know, this one says so. The value of a secret is never
known here: what comes out has a hole with the variable's name. What fills a template is not read again, so a setting
can name neither a secret nor another setting.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from mcphub_gitops.compiler.read.shape import suggest

_SHOWN = 80
_SUGGESTIONS = 20
_OPEN, _CLOSE = "{{", "}}"
_REFERENCE = re.compile(r"\$(?:\{(?P<braced>[^{}]*)\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")
_EXPONENT = 1e21
"""Where the reference begins to print a whole number with an exponent."""

_BACKSLASH = "\\"
_DRIVE = re.compile(r"(?P<drive>[A-Za-z]):(?=[\\/])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a template may name: the values that were given, and the dotted paths of all that may be.

    `named` says in messages what one of them is.
    """

    values: Mapping[str, Any]
    declared: frozenset[str]
    named: str = "setting of the server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is not understood in a template, and its code points ``[start, end)``."""

    detail: str
    start: int
    end: int
    help: str = ""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """Stands for the value of the secret that the server gets as the variable `variable`."""

    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A text with the values of secrets left open; no part is empty, and no two texts stand side by side."""

    parts: tuple[str | SecretValue, ...]

    @property
    def text(self) -> str | None:
        """The whole text, None where a secret is in it."""
        return None if self.secrets else "".join(part for part in self.parts if isinstance(part, str))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The variables whose secrets are in it, in order of name."""
        return tuple(sorted({part.variable for part in self.parts if isinstance(part, SecretValue)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """What a template comes to, as JSON-like data; only meant to be used where there are no faults."""

    value: object
    faults: tuple[Fault, ...] = ()


Variables: TypeAlias = Mapping[str, Word]
"""What ``$NAME`` stands for, by name."""

NO_VARIABLES: Variables = MappingProxyType({})


def expand(template: str, scope: Scope) -> Expanded:
    """Fill in the ``{{…}}`` of `template`; never raises, and takes time linear in its length.

    A template that is one lone ``{{…}}`` keeps the type of its value, and is empty text for a setting that is not
    given. Everything else is text. A dollar means nothing here.
    """
    filling = _Filling(scope)
    terms = _terms(template)
    lone = _lone(terms)
    value = filling.value(lone) if lone is not None else "".join(filling.text(term) for term in terms)
    return Expanded(value=value, faults=tuple(filling.faults))


def expand_env(template: str, scope: Scope, variables: Variables) -> tuple[Word, tuple[Fault, ...]]:
    """Return the value of one environment variable or header; where it is empty, none is to be set.

    As in the reference, ``$NAME`` is looked for only where there is no ``{{``.
    """
    filling = _Filling(scope, None if _OPEN in template else variables)
    return filling.word(_terms(template)), tuple(filling.faults)


def expand_argument(
    template: str, scope: Scope, variables: Variables = NO_VARIABLES
) -> tuple[tuple[Word, ...], tuple[Fault, ...]]:
    """Return the arguments that one item of a command comes to.

    A lone ``{{…}}`` is one argument an item where its value is a list, and none where the setting is not given.
    """
    filling = _Filling(scope, variables)
    return tuple(filling.words(_terms(template))), tuple(filling.faults)


def expand_volume(template: str, scope: Scope) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """Return the mounts, as text, that one item of a container's volumes comes to; empty ones are left out."""
    texts, faults = expand_words(template, scope)
    return tuple(text for text in texts if text), faults


def expand_words(template: str, scope: Scope) -> tuple[tuple[str, ...], tuple[Fault, ...]]:
    """Return the words that one item comes to, as `expand_argument` does, where a dollar means nothing."""
    filling = _Filling(scope)
    texts = (word.text for word in filling.words(_terms(template)))
    return tuple(text for text in texts if text is not None), tuple(filling.faults)


def begins_with_value(template: str) -> bool:
    """Tell whether the text of what `template` comes to begins with what fills it in."""
    return template.startswith(_OPEN)


def names_in(template: str) -> frozenset[str]:
    """Return the first step of each path that `template` names."""
    expressions = (term.text for term in _terms(template) if term.is_expression)
    return frozenset(text.partition("|")[0].partition(".")[0].strip() for text in expressions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A stretch of a template: literal text, or what stands between the braces; `start` is where `text` begins."""

    text: str
    start: int
    is_expression: bool
    is_closed: bool = True


def _terms(template: str) -> tuple[_Term, ...]:
    terms: list[_Term] = []
    at = 0
    while at < len(template):
        opened = template.find(_OPEN, at)
        end = len(template) if opened < 0 else opened
        if end > at:
            terms.append(_Term(text=template[at:end], start=at, is_expression=False))
        if opened < 0:
            break
        closed = template.find(_CLOSE, opened + len(_OPEN))
        if closed < 0:
            terms.append(_Term(text=template[opened:], start=opened, is_expression=True, is_closed=False))
            break
        inner = opened + len(_OPEN)
        terms.append(_Term(text=template[inner:closed], start=inner, is_expression=True))
        at = closed + len(_CLOSE)
    return tuple(terms)


def _lone(terms: tuple[_Term, ...]) -> _Term | None:
    return terms[0] if len(terms) == 1 and terms[0].is_expression else None


@dataclass(frozen=True, slots=True)
class _Filling:
    """Fills in terms and collects what is wrong; `variables` is None where a dollar means nothing."""

    scope: Scope
    variables: Variables | None = None
    faults: list[Fault] = field(default_factory=list)

    def words(self, terms: tuple[_Term, ...]) -> Iterator[Word]:
        lone = _lone(terms)
        if lone is None:
            yield self.word(terms)
            return
        value = self.value(lone)
        for item in value if isinstance(value, list) else [value] if value != "" else []:
            yield _joined([self._as_text(item, lone)])

    def word(self, terms: tuple[_Term, ...]) -> Word:
        return _joined(part for term in terms for part in self._parts(term))

    def text(self, term: _Term) -> str:
        return self._as_text(self.value(term), term) if term.is_expression else term.text

    def value(self, term: _Term) -> object:
        if not term.is_closed:
            self._fault("`{{` is not followed by `}}`.", term.start, len(_OPEN))
            return ""
        path, *filters = term.text.split("|")
        value = self._look_up(path, term.start)
        start = term.start + len(path)
        for each in filters:
            start += 1
            value = self._filtered(value, each, start)
            start += len(each)
        return value

    def _look_up(self, path: str, start: int) -> object:
        steps = [step.strip() for step in path.split(".")]
        name = ".".join(steps)
        if name not in self.scope.declared:
            noun = self.scope.named
            detail = f"`{_cut(name)}` is no {noun}." if name else f"The braces name no {noun.partition(' ')[0]}."
            self._fault(detail, start, len(path), self._suggest(name, self.scope.declared))
            return ""
        value: object = self.scope.values
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        return "" if value is None else value

    def _filtered(self, value: object, text: str, start: int) -> object:
        name, colon, argument = text.strip().partition(":")
        plain, told = _PLAIN.get(name), _TOLD.get(name)
        if plain is not None and not colon:
            return plain(value)
        if told is not None and colon:
            return told(value, argument.strip())
        if plain is not None:
            detail, help_ = f"The filter `{name}` takes nothing after a colon.", ""
        elif told is not None:
            detail, help_ = f"The filter `{name}` needs a colon and what follows it.", ""
        else:
            detail, help_ = f"`{_cut(name)}` is not a filter.", self._suggest(name, (*_PLAIN, *_TOLD))
        self._fault(detail, start, len(text), help_)
        return value

    def _parts(self, term: _Term) -> Iterator[str | SecretValue]:
        if term.is_expression or self.variables is None:
            yield self.text(term)
            return
        at = 0
        for match in _REFERENCE.finditer(term.text):
            yield term.text[at : match.start()]
            at = match.end()
            name = match["plain"] or match["braced"]
            found = self.variables.get(name) if name else None
            if found is None:
                detail = f"`{_cut(match[0])}` is no secret or variable that is known here."
                self._fault(
                    detail, term.start + match.start(), len(match[0]), self._suggest(name or "", self.variables)
                )
            else:
                yield from found.parts
        yield term.text[at:]

    def _as_text(self, value: object, term: _Term) -> str:
        text = _scalar(value)
        if text is None:
            what = "list" if isinstance(value, list) else "mapping"
            self._fault(f"A {what} cannot stand in a text.", term.start, len(term.text))
        return text or ""

    def _suggest(self, word: str, candidates: Iterable[str]) -> str:
        # What is close takes time to find, and helps nobody who has made so many mistakes in one text.
        return suggest(word, candidates) if len(self.faults) < _SUGGESTIONS else ""

    def _fault(self, detail: str, start: int, length: int, help_: str = "") -> None:
        self.faults.append(Fault(detail=detail, start=start, end=start + length, help=help_))


def _cut(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _joined(parts: Iterable[str | SecretValue]) -> Word:
    joined: list[str | SecretValue] = []
    text: list[str] = []
    for part in parts:
        if isinstance(part, str):
            text.append(part)
            continue
        joined.extend(filter(None, ["".join(text)]))
        joined.append(part)
        text.clear()
    joined.extend(filter(None, ["".join(text)]))
    return Word(parts=tuple(joined))


def _scalar(value: object) -> str | None:
    """Return a scalar as a program is told it, None for what is no scalar; 2.0 is 2, as the reference prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXPONENT:
        return str(int(value))
    if value is None:
        return ""
    return str(value) if isinstance(value, (int, float)) else None


def _each(change: Callable[[str], str]) -> Callable[[object], object]:
    """Return a filter that changes a scalar, or each item of a list; what is empty, or no scalar, stays as it is."""

    def one(value: object) -> object:
        text = _scalar(value)
        return change(text) if text else value

    def filtered(value: object) -> object:
        return [one(item) for item in value] if isinstance(value, list) else one(value)

    return filtered


def _target(path: str) -> str:
    """Return where a path of the host is seen in a container: at itself, or at ``/C/…`` for one of drive C."""
    drive = _DRIVE.match(path)
    return f"/{drive['drive']}{path[drive.end() :].replace(_BACKSLASH, '/')}" if drive else path


def _into(value: object) -> object:
    return value if isinstance(value, list) else [value] if value != "" else []


def _first(value: object) -> object:
    return (value[0] if value else "") if isinstance(value, list) else value


def _last(value: object) -> object:
    return (value[-1] if value else "") if isinstance(value, list) else value


def _or(value: object, default: str) -> object:
    if value not in ("", []):
        return value
    if not (default.startswith("[") and default.endswith("]")):
        return default
    inner = default[1:-1].strip()
    return [item.strip() for item in inner.split(",")] if inner else []


def _mount_as(value: object, target: str) -> object:
    first = _first(value)
    text = _scalar(first)
    return f"{text}:{target}" if text else first


def _flag(value: object, name: str) -> object:
    """Return an argument with its name: name and value, once for each item of a list; the name alone for true."""
    if isinstance(value, bool):
        return [name] if value else []
    return [each for item in _listed(value) for each in (name, item)]


def _listed(value: object) -> list[object]:
    found = _into(value)
    return found if isinstance(found, list) else [found]


_PLAIN: Mapping[str, Callable[[object], object]] = {
    "first": _first,
    "into": _into,
    "last": _last,
    "safe": lambda value: value,
    "volume": _each(lambda path: f"{path}:{_target(path)}"),
    "volume-target": _each(_target),
}
"""The filters that stand alone; `safe` is left in old catalogs by another template language, and changes nothing."""

_TOLD: Mapping[str, Callable[[object, str], object]] = {
    "flag": _flag,
    "mount_as": _mount_as,
    "or": _or,
}
"""The filters that are told something after a colon; `flag` is what named arguments of a `server.json` become."""
