"""The readable tool definitions beside the lock: one file a server, held against the lock's fingerprints."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, TypeAlias

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import decode, digest, encode_text, write
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.file import find_conflict
from mcphub_gitops.compiler.source import Source, is_seen

Definitions: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The definitions of one server by tool name."""

_SHOWN = 3
_BETWEEN = "\t"
"""What stands in no canonical form, where all such characters are escaped."""


class Defined(Definitions):
    """Definitions as they are fingerprinted: `texts` has each in canonical form, and it is decoded when looked at."""

    __slots__ = ("_make", "_texts")

    def __init__(self, make: Callable[[], Mapping[str, str]]) -> None:
        self._make = make
        self._texts: Mapping[str, str] | None = None

    @classmethod
    def of(cls, definitions: Definitions) -> Self:
        """Return `definitions` in their canonical form."""
        texts = {tool: write(definition) for tool, definition in definitions.items()}
        return cls(lambda: texts)

    @classmethod
    def joined(cls, tools: Iterable[str], line: bytes) -> Self:
        """Return the definitions of `tools` that `join` has put into one line."""
        return cls(lambda: dict(zip(tools, line.decode("utf-8", "surrogatepass").split(_BETWEEN), strict=False)))

    def join(self, tools: Iterable[str]) -> bytes:
        """Return the definitions of `tools`, in their order, as one line."""
        return encode_text(_BETWEEN.join(self.texts[tool] for tool in tools))

    @property
    def texts(self) -> Mapping[str, str]:
        """Each definition in canonical form."""
        if self._texts is None:
            self._texts = self._make()
        return self._texts

    def __getitem__(self, tool: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.texts[tool])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)

    def hashes(self) -> dict[str, str]:
        """Return the fingerprint of each."""
        return {tool: digest(encode_text(text)) for tool, text in self.texts.items()}


def written(tools: Iterable[str], definitions: Definitions) -> Mapping[str, str]:
    """Return the definition of each of `tools` in canonical form: its name alone where there is none at hand."""
    texts = definitions.texts if isinstance(definitions, Defined) else {}
    if texts.keys() >= set(tools):
        return texts
    return {tool: texts.get(tool) or write(definitions.get(tool) or {"name": tool}) for tool in tools}


def write_definitions(definitions: Definitions) -> bytes:
    """Return the readable text of one server's tool definitions: JSON, sorted, indented.

    What a reviewer would not see, such as a change of the writing direction, is written as an escape.
    """
    return show_all(dict(definitions))


def show_all(value: object) -> bytes:
    """Return the JSON `value` as readable text: sorted, indented, with nothing in it that a reviewer would not see."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isascii() and line.isprintable() else _shown(line) for line in text.split("\n"))
    return "\n".join(lines).encode() + b"\n"


def _shown(line: str) -> str:
    return "".join(char if is_seen(char) else _escaped(char) for char in line)


def read_definitions(
    name: str, data: bytes | None, tools: Mapping[str, str]
) -> tuple[Definitions, tuple[Diagnostic, ...]]:
    """Return the definitions in `data` (None: there is no such file) and how they differ from the lock's `tools`."""
    if data is None:
        return {}, (unreadable(name, data, ""),)
    try:
        found = decode(data)
    except (ValueError, RecursionError):
        return {}, (unreadable(name, data, "It is not JSON with each key once."),)
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        return {}, (_problem(name, "It does not hold one definition a tool."),)
    defined = Defined.of(found)
    hashes = defined.hashes()
    if hashes == tools:
        return defined, ()
    return defined, find_differing(name, hashes, tools)


def find_differing(name: str, hashes: Mapping[str, str], locked: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """Return how the fingerprints `hashes` of what is in the file `name` differ from those that are `locked`."""
    differing = sorted(each for each in {*hashes, *locked} if hashes.get(each) != locked.get(each))
    return (_problem(name, _differing(differing)),) if differing else ()


def unreadable(name: str, data: bytes | None, why: str) -> Diagnostic:
    """Return that the file `name` cannot be read: it is missing, or in conflict, or `why`."""
    if data is None:
        return _problem(name, "The file is missing.")
    return find_conflict(name, data) or _problem(name, why)


def _escaped(char: str) -> str:
    return json.dumps(char, ensure_ascii=True)[1:-1]


def _differing(tools: list[str]) -> str:
    shown = ", ".join(f"`{tool}`" for tool in tools[:_SHOWN])
    more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
    return f"The lock has other fingerprints for {shown}{more}."


def _problem(name: str, detail: str) -> Diagnostic:
    help_ = "restore both from git, or run `mcphub lock` and review what changed"
    return Diagnostic(code=codes.DEFINITIONS, detail=detail, span=Source(name, "").span(0, 0), help=help_)
