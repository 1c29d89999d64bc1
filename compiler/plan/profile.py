"""Profiles as they are to be served: which tools each of them has, at which path."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcphub_gitops.compiler.resolve.profile import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredProfile:
    """A selection that is served at `path`: the names, for clients, of the tools that it has of each of its servers.

    It is for tokens in one of `groups`, which are in order.
    """

    name: str
    path: str
    tools: Mapping[str, tuple[str, ...]]
    groups: tuple[str, ...] = ()

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact by the name that a plan shows, as one comparable text."""
        yield f"profile.{self.name}.path", self.path
        yield from ((f"profile.{self.name}.group.{group}", "let in") for group in self.groups)
        for server, tools in self.tools.items():
            yield f"profile.{self.name}.server.{server}", f"{len(tools)} {'tool' if len(tools) == 1 else 'tools'}"
            yield from ((f"profile.{self.name}.tool.{tool}", server) for tool in tools)


def bind_profiles(selections: Iterable[Selection], bound: Collection[str]) -> tuple[DesiredProfile, ...]:
    """Return the profiles of `selections` with what they have of the servers that are `bound` to a lock."""
    return tuple(
        DesiredProfile(
            name=each.profile.name,
            path=each.profile.path,
            tools=MappingProxyType({server: tools for server, tools in each.tools.items() if server in bound}),
            groups=tuple(sorted({group.value for group in each.profile.groups})),
        )
        for each in selections
    )
