"""The tools of a server that are served, as one value: each by itself is made when it is looked at."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.lock.definitions import Defined, Definitions
from mcphub_gitops.compiler.lock.model import EMPTY
from mcphub_gitops.compiler.resolve.exposure import Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that is served: its name for clients, its own name, and the fingerprint of its own `definition`.

    With a `description`, clients see that in place of the server's own.
    """

    name: str
    upstream: str
    hash: str
    description: str = ""
    definition: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def is_locked(self) -> bool:
        """Whether the definition is the one that the fingerprint was taken of."""
        return fingerprint(self.definition) == self.hash

    @property
    def exposed(self) -> dict[str, Any]:
        """The definition that clients see."""
        described = {"description": self.description} if self.description else {}
        return {**self.definition, **described, "name": self.name}

    @property
    def fact(self) -> str:
        """The tool as one comparable text: its fingerprint, and its own name where clients see another."""
        return self.hash if self.name == self.upstream else f"{self.upstream} {self.hash}"


class Tools(Later[Tool]):
    """The tools of one server, in the order of the names that clients see.

    `hashes` are their fingerprints by the server's own names. `facts` are those of a plan (`Tool.fact`) by the names
    for clients, and `descriptions` those that clients see in place of the server's own. Of most servers, clients see
    all tools as they are: their `definitions` are in one value then, and None otherwise.
    """

    __slots__ = ("definitions", "descriptions", "facts", "hashes")

    def __init__(
        self,
        make: Callable[[], Iterable[Tool]],
        *,
        hashes: Mapping[str, str],
        facts: Mapping[str, str],
        descriptions: Mapping[str, str],
        definitions: Definitions | None,
    ) -> None:
        super().__init__(make)
        self.hashes = hashes
        self.facts = facts
        self.descriptions = descriptions
        self.definitions = definitions

    @classmethod
    def of(cls, tools: Iterable[Tool]) -> Self:
        """Return `tools` as one value."""
        items = tuple(tools)
        return cls(
            lambda: items,
            hashes={tool.upstream: tool.hash for tool in items},
            facts={tool.name: tool.fact for tool in items},
            descriptions={tool.name: tool.description for tool in items if tool.description},
            definitions=None,
        )

    @classmethod
    def unchanged(cls, hashes: Mapping[str, str], definitions: Definitions) -> Self:
        """Return the tools that clients see as they are; `definitions` are as far as they are at hand."""
        make = partial(_unchanged, hashes, definitions)
        return cls(make, hashes=hashes, facts=hashes, descriptions=EMPTY, definitions=definitions)

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def are_locked(self) -> bool:
        """Whether each definition is the one that the fingerprint was taken of."""
        if isinstance(self.definitions, Defined):
            return self.definitions.hashes() == self.hashes
        return all(tool.is_locked for tool in self)

    def others(self, hashes: Mapping[str, str]) -> Mapping[str, str]:
        """Return those of `hashes`, which has all of these tools by their own names, that are not among them."""
        if len(hashes) == len(self.hashes):
            return EMPTY
        return MappingProxyType({name: hash_ for name, hash_ in hashes.items() if name not in self.hashes})


def serve(exposure: Exposure, hashes: Mapping[str, str], definitions: Definitions) -> Tools:
    """Return the tools of `exposure` as they are to be served; `hashes` are those of all tools that are locked."""
    described = {tool.value: text.value for tool, text in exposure.server.descriptions.items()}
    if exposure.names is exposure.tools and len(exposure.tools) == len(hashes) and not described:
        return Tools.unchanged(hashes, definitions)
    return Tools.of(
        Tool(
            name=each.name,
            upstream=each.tool,
            hash=hashes[each.tool],
            description=described.get(each.tool, ""),
            definition=definition_of(each.tool, definitions),
        )
        for each in exposure
    )


def definition_of(tool: str, definitions: Definitions) -> Mapping[str, Any]:
    """Return the definition of `tool`: its name alone where there is none at hand."""
    return definitions.get(tool) or {"name": tool}


def _unchanged(hashes: Mapping[str, str], definitions: Definitions) -> Iterable[Tool]:
    for name in sorted(hashes):
        yield Tool(name=name, upstream=name, hash=hashes[name], definition=definition_of(name, definitions))
