"""The tools of a server that are served, as one value: each by itself is made when it is looked at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from mcphub_gitops.compiler.canonical import digest, encode_text
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.lock.definitions import Definitions, written
from mcphub_gitops.compiler.lock.model import EMPTY
from mcphub_gitops.compiler.plan.pinned import Pinned
from mcphub_gitops.compiler.resolve.exposure import Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Pinned):
    """A tool that is served. With a `description`, clients see that in place of the server's own."""

    description: str = ""

    @property
    def exposed(self) -> dict[str, Any]:
        """The definition that clients see."""
        described = {"description": self.description} if self.description else {}
        return {**self.definition, **described, "name": self.name}


class Tools(Later[Tool]):
    """The tools of one server, in the order of the names that clients see.

    `names` has a tool's own name by the one for clients, `hashes` its fingerprint by its own name, `descriptions` what
    clients see in place of its own, by the name for clients; `definitions` are by their own names, as far as they are
    at hand. `facts` are those of a plan (`Tool.fact`), by the names for clients.
    """

    __slots__ = ("definitions", "descriptions", "facts", "hashes", "names")

    def __init__(
        self,
        names: Mapping[str, str],
        hashes: Mapping[str, str],
        definitions: Definitions,
        descriptions: Mapping[str, str] = EMPTY,
    ) -> None:
        super().__init__(self._each)
        self.names = names
        self.hashes = hashes
        self.definitions = definitions
        self.descriptions = descriptions
        self.facts = {
            name: hashes[own] if name == own else f"{own} {hashes[own]}" for name, own in sorted(names.items())
        }

    @classmethod
    def of(cls, tools: Iterable[Tool]) -> Self:
        """Return `tools` as one value."""
        items = tuple(tools)
        return cls(
            {tool.name: tool.upstream for tool in items},
            {tool.upstream: tool.hash for tool in items},
            {tool.upstream: tool.definition for tool in items},
            {tool.name: tool.description for tool in items if tool.description},
        )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def are_locked(self) -> bool:
        """Whether each definition is the one that the fingerprint was taken of."""
        texts = written(self.hashes, self.definitions)
        return all(digest(encode_text(texts[tool])) == hash_ for tool, hash_ in self.hashes.items())

    def others(self, hashes: Mapping[str, str]) -> Mapping[str, str]:
        """Return those of `hashes`, which has all of these tools by their own names, that are not among them."""
        if len(hashes) == len(self.hashes):
            return EMPTY
        return MappingProxyType({name: hash_ for name, hash_ in hashes.items() if name not in self.hashes})

    def _each(self) -> Iterator[Tool]:
        for name, own in sorted(self.names.items()):
            yield Tool(
                name=name,
                upstream=own,
                hash=self.hashes[own],
                description=self.descriptions.get(name, ""),
                definition=self.definitions.get(own) or {"name": own},
            )


def serve(exposure: Exposure, hashes: Mapping[str, str], definitions: Definitions) -> Tools:
    """Return the tools of `exposure` as they are to be served; `hashes` are those of all tools that are locked."""
    names = dict(zip(exposure.names, exposure.tools, strict=True))
    described = {tool.value: text.value for tool, text in exposure.server.descriptions.items()}
    descriptions = {name: described[own] for name, own in names.items() if own in described} if described else EMPTY
    if len(names) < len(hashes):
        hashes = {own: hashes[own] for own in names.values()}
    return Tools(names, hashes, definitions, descriptions)
