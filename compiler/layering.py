"""A hub made of several documents: the files that it includes beside it, and an environment over them.

Loaded when a hub includes files or an environment is asked for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.merge import merge, overlay
from mcphub_gitops.compiler.read.syntax import MAX_BYTES, MapNode, Node
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, texts
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.validation import Document, check_whole, read_part

MAX_FILES = 256
"""So many files may one hub be made of."""

_INCLUDE = "include"

Find = Callable[[str], Mapping[str, bytes | str]]
"""Returns the files of the hub's folder that a pattern matches, by name: what is in each, or why it is refused."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment's name, the name of its file, and what is in it."""

    name: str
    file: str
    data: bytes


def open_layers(name: str, data: bytes, find: Find, environment: Environment | None = None) -> Document:
    """Read the hub document `data`, known as `name`, with all that belongs to it; never raises on any input.

    Every place is that of the file where it stands. With a file that cannot be read at all, nothing is put together;
    with one that needs a newer mcphub, nothing else is told.
    """
    reader = _Reader(find)
    reader.read(name, data, ())
    if environment is not None:
        reader.read_environment(environment)
    sources = tuple(reader.sources)
    document = Document(
        source=sources[0],
        others=sources[1:],
        root=None,
        diagnostics=tuple(reader.too_new or reader.problems),
        layers=tuple(reader.roots),
        environment=environment.name if environment is not None else "",
    )
    if len(reader.roots) < len(sources):
        return document
    over = reader.roots.pop() if environment is not None else None
    merged = merge([reader.roots[0], *(_without_include(root) for root in reader.roots[1:])])
    problems = [*document.diagnostics, *merged.diagnostics]
    root = merged.root
    if over is not None:
        merged = overlay(root, over)
        problems.extend(merged.diagnostics)
        root = merged.root
    whole, found = check_whole(root)
    return replace(document, root=whole, diagnostics=(*problems, *found))


def _without_include(root: Node) -> Node:
    if not isinstance(root, MapNode):
        return root
    return root._replace(entries=tuple(entry for entry in root.entries if entry.key != _INCLUDE))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a document and what it includes, depth first; a file is read once, whoever includes it."""

    find: Find
    sources: list[Source] = field(default_factory=list)
    roots: list[Node] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    too_new: list[Diagnostic] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def read(self, name: str, data: bytes, trail: tuple[str, ...]) -> None:
        root = self._parse(name, data)
        if root is None:
            return
        trail = (*trail, name)
        for pattern in texts(root, _INCLUDE):
            for file, content in self._matches(pattern):
                self._include(file, content, pattern, trail)

    def read_environment(self, environment: Environment) -> None:
        root = self._parse(environment.file, environment.data)
        include = child(root, _INCLUDE)
        if include is not None:
            detail = "An environment includes nothing: what it stands above would depend on it."
            self.problems.append(Diagnostic(code=codes.INCLUDE, detail=detail, span=include.span))

    def _parse(self, name: str, data: bytes) -> Node | None:
        part = read_part(name, data)
        self.sources.append(part.source)
        self.sizes.append(len(data))
        if part.is_too_new:
            # Left out of the roots, it ends what is put together, and nobody follows what it includes.
            self.too_new.extend(part.diagnostics)
            return None
        self.problems.extend(part.diagnostics)
        if part.root is not None:
            self.roots.append(part.root)
        return part.root

    def _matches(self, pattern: Text) -> Iterator[tuple[str, bytes | str]]:
        problem = why_not_granted(normpath(pattern.value), "read")
        found = self.find(pattern.value) if not problem else {}
        # A glob as wide as `**/*.yaml` means the hub's files, and not what mcphub keeps beside them.
        found = {file: content for file, content in found.items() if not why_not_granted(file, "read")}
        if problem:
            self._refuse(pattern, f"`{pattern.value}` {problem}.")
        elif not found:
            self._refuse(pattern, f"No file of the hub's folder is called `{pattern.value}`.")
        yield from sorted(found.items())

    def _include(self, file: str, content: bytes | str, pattern: Text, trail: tuple[str, ...]) -> None:
        if isinstance(content, str):
            self._refuse(pattern, f"`{file}` {content}.")
        elif file in trail:
            circle = " includes ".join(f"`{each}`" for each in (*trail[trail.index(file) :], file))
            self._refuse(pattern, f"{circle}.")
        elif any(source.name == file for source in self.sources):
            return
        elif len(self.sources) >= MAX_FILES:
            self._refuse(pattern, f"A hub may be made of {MAX_FILES} files.")
        elif sum(self.sizes) + len(content) > MAX_BYTES:
            self._refuse(pattern, f"With `{file}` the hub has more than {MAX_BYTES:,} bytes.")
        else:
            self.read(file, content, trail)

    def _refuse(self, pattern: Text, detail: str) -> None:
        found = Diagnostic(code=codes.INCLUDE, detail=detail, span=pattern.span)
        if found not in self.problems:
            self.problems.append(found)
