"""Who may reach what, as it is to be: the tokens that open the gateway, and whom its paths are for."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mcphub_gitops.compiler.resolve.location import stores_of
from mcphub_gitops.compiler.resolve.model import Gateway

OPERATOR = ".mcphub/token"
"""The gateway's own token, by a name that no other has: it opens every path where there are no others, else none."""

OPERATORS_REACH = "the whole hub and each profile for the gateway's own token"
"""What that token is given where there are no others."""

ADMISSIONS = frozenset({"token", "group", "tokenStore"})
"""The kinds of the gateway's facts that are about it: their names up to the first dot."""

_MEMBER = "in it"
_ADMITTED = "let in"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredToken:
    """A token: the reference to its value, never the value, and the groups that whoever has it is in."""

    name: str
    value: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The `tokens` in the order of their names, and the `groups` that the whole hub is for.

    `stores` are the facts of the stores that the tokens are in, by name. Without tokens the
    gateway has its own alone.
    """

    tokens: tuple[DesiredToken, ...] = ()
    groups: tuple[str, ...] = ()
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact by the name that a plan shows, as one comparable text."""
        for token in self.tokens:
            yield f"token.{token.name}", token.value
            yield from ((f"token.{token.name}.group.{group}", _MEMBER) for group in token.groups)
        yield from ((f"group.{group}", _ADMITTED) for group in self.groups)
        for name, facts in self.stores.items():
            yield f"tokenStore.{name}", describe_store(facts)

    def reaching(self, groups: Collection[str]) -> tuple[str, ...]:
        """Return the names of those who reach a path that is for `groups`."""
        if not self.tokens:
            return (OPERATOR,)
        return tuple(token.name for token in self.tokens if not set(groups).isdisjoint(token.groups))


def describe_store(facts: Mapping[str, str]) -> str:
    """Return the facts of a store as one comparable text."""
    return " ".join(f"{fact}={value.replace(' ', '%20')}" for fact, value in facts.items())


def bind_admission(gateway: Gateway, stores: Mapping[str, Mapping[str, str]]) -> Admission:
    """Return who may reach what of a hub with `gateway` and the `stores` that it declares."""
    used = sorted({name for token in gateway.tokens for name in stores_of(str(token.value))})
    return Admission(
        tokens=tuple(
            DesiredToken(
                name=token.name, value=str(token.value), groups=tuple(sorted({group.value for group in token.groups}))
            )
            for token in gateway.tokens
        ),
        groups=tuple(sorted({group.value for group in gateway.groups})),
        stores=MappingProxyType({name: stores[name] for name in used if name in stores}),
    )


def is_token(fact: str) -> bool:
    """Tell whether a fact of the gateway is that there is a token."""
    kind, _, rest = fact.partition(".")
    return kind == "token" and "." not in rest


def is_admission(fact: str) -> bool:
    """Tell whether a fact of the gateway says who may reach what."""
    kind, _, rest = fact.partition(".")
    return kind in ADMISSIONS or (kind == "profile" and ".group." in rest)


def describe_admission(fact: str, value: str) -> str:
    """Return such a fact with its `value` in words; both are somebody's raw text."""
    kind, _, rest = fact.partition(".")
    name, is_grouped, group = rest.partition(".group.")
    if kind == "group":
        return f"the whole hub for the group {rest}"
    if kind == "profile":
        return f"the profile {name} for the group {group}"
    if kind == "tokenStore":
        return f"tokens of the store {rest} ({value})"
    if is_grouped:
        return f"the group {group} for the token {name}"
    loose = ", by a program that is not held in" if "exec://" in value else ""
    return f"the gateway for the token {rest} ({value}){loose}"
