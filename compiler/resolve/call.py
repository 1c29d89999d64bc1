"""What one call of a tool that is a container comes to: words and mounts, made of the call's arguments.

No argument is ever read as a template, by a shell, or as more than the one word, or the one part of a mount, that the
catalog's template has it for.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.compiler.read.foreign import why_not_checked
from mcphub_gitops.compiler.resolve.binding import setting_paths
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.container import read_mount, why_no_target
from mcphub_gitops.compiler.resolve.plain import NO_PATTERN, find_misfits, with_defaults
from mcphub_gitops.compiler.resolve.template import (
    Fault,
    Scope,
    begins_with_value,
    expand,
    expand_volume,
    expand_words,
    names_in,
)

NOUN = "argument of the tool"
_NAME = "arguments"
_DEEPEST = 64
_HALVES = ("\ud800", "\udfff")
_SAMPLE = "/sample"
_SAMPLES: Mapping[str, Any] = {
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [_SAMPLE],
    "object": {"sample": 1},
    "null": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Templates:
    """What the container of each call of a tool is made from: templates over `schema`, that of the arguments."""

    command: tuple[str, ...]
    volumes: tuple[str, ...]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What one call comes to: the words of the command, and the mounts that it names, as far as their text goes.

    `locked` are the targets of those that stay read-only whatever is granted. Where there are `problems`, in sentences
    for whoever called, nothing is to be run.
    """

    words: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    locked: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


def prepare(templates: Templates, arguments: Mapping[str, Any]) -> Prepared:
    """Return what a call with `arguments`, which are JSON, comes to; bounded in time, and never raises on any of them.

    The arguments are held against the schema first, and what the schema has defaults for is filled in.
    """
    problems = tuple(_unreadable(arguments)) or tuple(_misfits(templates.schema, arguments))
    if problems:
        return Prepared(problems=problems)
    making = _Making(_scope(templates.schema, with_defaults(arguments, templates.schema)))
    words = tuple(word for text in templates.command for word in making.words(text))
    for text in templates.volumes:
        making.mount(text)
    if making.problems:
        return Prepared(problems=tuple(making.problems))
    return Prepared(words=words, mounts=tuple(making.mounts.values()), locked=frozenset(making.locked))


def why_not_callable(schema: Mapping[str, Any]) -> str:
    """Return why no call can be held against `schema`, as a sentence; empty where each can be."""
    why = why_not_checked(schema, {})
    if why:
        return f"The schema of the arguments {why}."
    try:
        find_misfits(_NAME, {}, schema)
    except ValueError:
        return NO_PATTERN
    return ""


def word_faults(template: str, schema: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return what is not understood in `template`, a word of a command, whatever the call."""
    return expand_words(template, _scope(schema, _samples(schema)))[1]


def mount_faults(template: str, schema: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return what is not understood in `template`, a mount that calls name, or why it mounts nothing that they name."""
    found, faults = expand_volume(template, _scope(schema, _samples(schema)))
    if faults:
        return faults
    mounts = [read_mount(text) for text in found]
    if all(mount is not None and mount.kind == "bind" and _SAMPLE in mount.source for mount in mounts):
        return ()
    detail = (
        "It is not SOURCE:TARGET[:ro|rw] with a folder of the host that the call names; what every call mounts has no"
        " template in it."
    )
    return (Fault(detail=detail, start=0, end=len(template)),)


def _scope(schema: Mapping[str, Any], values: Mapping[str, Any]) -> Scope:
    return Scope(values=values, declared=frozenset(setting_paths(schema)), named=NOUN)


def _samples(schema: Mapping[str, Any]) -> dict[str, object]:
    """Return each property of `schema` with a value of its type: what no sample of a call can do, no call can."""
    return {name: _sample(inner) for name, inner in schema.get("properties", {}).items()}


def _sample(schema: Mapping[str, Any]) -> object:
    return _samples(schema) if "properties" in schema else _SAMPLES.get(str(schema.get("type")), _SAMPLE)


def _unreadable(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield why the arguments are not looked at; no recursion, since anybody may have nested them."""
    rest: list[tuple[object, int]] = [(arguments, 0)]
    while rest:
        value, depth = rest.pop()
        if depth > _DEEPEST:
            yield f"The arguments are nested deeper than {_DEEPEST} levels."
            return
        if isinstance(value, str) and not _is_text(value):
            yield "The arguments hold half of a character, which no program can be told."
            return
        if isinstance(value, Mapping):
            rest.extend((each, depth + 1) for pair in value.items() for each in pair)
        elif isinstance(value, list):
            rest.extend((each, depth + 1) for each in value)


def _is_text(text: str) -> bool:
    return text.isascii() or not any(_HALVES[0] <= char <= _HALVES[1] for char in text)


def _misfits(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[str]:
    if why_not_checked(schema, arguments):
        yield "The arguments are too many, or too long, to be held against the tool's schema."
        return
    # What there is to help is for those who write documents.
    yield from (misfit.detail for misfit in find_misfits(_NAME, arguments, schema))


@dataclass(frozen=True, slots=True)
class _Making:
    """Fills in the templates of one call, and collects what cannot be."""

    scope: Scope
    mounts: dict[str, Mount] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def words(self, template: str) -> Iterator[str]:
        texts, faults = expand_words(template, self.scope)
        self.problems.extend(fault.detail for fault in faults)
        # A list is options too; a text in the place of one word is not, and a program would take it for one.
        if begins_with_value(template) and texts and texts[0].startswith("-"):
            value = expand(template, self.scope).value
            if isinstance(value, str):
                self.problems.append(f"What stands for `{template}` begins with a hyphen, as an option does.")
        yield from texts

    def mount(self, template: str) -> None:
        named = sorted(names_in(template))
        smuggling = [name for name in named if ":" in "".join(_texts_in(self.scope.values.get(name)))]
        if smuggling:
            self.problems.append(f"`{smuggling[0]}` is part of a mount, and has a colon in it.")
            return
        found, faults = expand_volume(template, self.scope)
        self.problems.extend(fault.detail for fault in faults)
        for text in found if not faults else ():
            self._add(text)

    def _add(self, text: str) -> None:
        mount = read_mount(text)
        if mount is None or mount.kind != "bind" or not mount.source.startswith("/"):
            self.problems.append("What is mounted is named by its whole path, which begins with a slash.")
        elif why_no_target(mount.target):
            self.problems.append(why_no_target(mount.target))
        elif mount.target in self.mounts:
            self.problems.append(f"Two mounts of the call are at `{mount.target}`.")
        else:
            self.mounts[mount.target] = mount
            if text.endswith(":ro"):
                self.locked.add(mount.target)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
    elif isinstance(value, str):
        yield value
