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
    text = json.dumps(dict(definitions), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isascii() and line.isprintable() else _shown(line) for line in text.split("\n"))
    return "\n".join(lines).encode() + b"\n"


def _shown(line: str) -> str:
    return "".join(char if is_seen(char) else _escaped(char) for char in line)


def read_definitions(
    name: str, data: bytes | None, tools: Mapping[str, str]
) -> tuple[Definitions, tuple[Diagnostic, ...]]:
    """Return the definitions in `data` (None: there is no such file) and how they differ from the lock's `tools`."""
    if data is None:
        return {}, (_problem(name, "The file is missing."),)
    try:
        found = decode(data)
    except (ValueError, RecursionError):
        return {}, (find_conflict(name, data) or _problem(name, "It is not JSON with each key once."),)
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        return {}, (_problem(name, "It does not hold one definition a tool."),)
    defined = Defined.of(found)
    hashes = defined.hashes()
    if hashes == tools:
        return defined, ()
    differing = sorted(tool for tool in {*hashes, *tools} if hashes.get(tool) != tools.get(tool))
    return defined, (_problem(name, _differing(differing)),)


def _escaped(char: str) -> str:
    return json.dumps(char, ensure_ascii=True)[1:-1]


def _differing(tools: list[str]) -> str:
    shown = ", ".join(f"`{tool}`" for tool in tools[:_SHOWN])
    more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
    return f"The lock has other fingerprints for {shown}{more}."


def _problem(name: str, detail: str) -> Diagnostic:
    help_ = "restore both from git, or run `mcphub lock` and review what changed"
    return Diagnostic(code=codes.DEFINITIONS, detail=detail, span=Source(name, "").span(0, 0), help=help_)
