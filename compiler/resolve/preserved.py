"""A catalog that was read and is right, as bytes and back: all that its servers are, with their places.

The first line holds the digest of all others, the second what belongs to the whole. Two further lines are a server, the
second of them its tools, so that a hub of a few servers pays for those alone, and one that is locked for no tool. Lists
stand for the types of `catalog`, field by field.
"""

import json
from collections.abc import Iterator
from functools import partial
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.resolve.catalog import (
    Catalog,
    CatalogContainer,
    CatalogPackage,
    CatalogProvider,
    CatalogRemote,
    CatalogSecret,
    CatalogServer,
    CatalogTool,
    Refusal,
)
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source, Span, span_of

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def preserve(catalog: Catalog, source: Source) -> bytes:
    """Return `catalog`, which was read of `source`, as bytes that `revive` understands."""
    servers = [(name, server) for name in catalog.names if (server := catalog.get(name)) is not None]
    whole = {"names": [name for name, _ in servers], "hidden": [_place(span) for span in source.hidden]}
    lines = [whole, *(line for _, server in servers for line in (_server(server), list(map(_tool, server.tools))))]
    body = "\n".join(map(_ENCODER.encode, lines)).encode()
    return digest(body).encode() + b"\n" + body


def revive(name: str, data: bytes, kept: bytes) -> tuple[Catalog, Source] | None:
    """Return the catalog in `kept`, and its text `data` as the user knows it by `name`; None where it is damaged.

    Whoever calls answers for that `kept` was made of `data`, by this edition of mcphub.
    """
    head, _, body = kept.partition(b"\n")
    if head != digest(body).encode():
        return None
    first, *parts = body.decode().split("\n")
    whole = json.loads(first)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    catalog = Catalog.of(dict(zip(whole["names"], pairs, strict=True)), partial(_revived, name))
    return catalog, Source(name, data.decode("utf-8"), tuple(Span(name, *each) for each in whole["hidden"]))


def _place(span: Span) -> tuple[int, int, int, int]:
    return span[1:]


def _text(text: Text | None) -> Any:  # noqa: ANN401  (JSON)
    return [text.value, *_place(text.span)] if text is not None else None


def _texts(texts: tuple[Text, ...]) -> list[Any]:
    return [_text(text) for text in texts]


def _named(texts: tuple[tuple[str, Text], ...]) -> list[Any]:
    return [[name, _text(text)] for name, text in texts]


def _server(server: CatalogServer) -> list[Any]:
    package, remote = server.package, server.remote
    return [
        server.name,
        server.kind,
        server.shares_names,
        server.title,
        server.description,
        server.image,
        [package.ecosystem, package.name, package.version] if package is not None else None,
        _texts(server.command),
        _texts(server.volumes),
        _named(server.env),
        [[each.name, each.variable, each.required, each.alone, _place(each.span)] for each in server.secrets],
        server.config,
        _text(server.user),
        server.disable_network,
        _texts(server.allow_hosts),
        server.extra_hosts,
        server.contains_tools,
        server.prefix,
        [_text(remote.url), remote.transport, _named(remote.headers)] if remote is not None else None,
        [[each.provider, each.secret, each.variable] for each in server.oauth],
        [[each.detail, _place(each.span)] for each in server.refusals],
        _place(server.span),
        [[key, *_place(span)] for key, span in server.places.items()],
    ]


def _tool(tool: CatalogTool) -> list[Any]:
    plain = [tool.name, tool.description, _place(tool.span)]
    made = tool.container
    if made is None and not tool.parameters and not tool.annotations:
        # Nearly all are of this kind.
        return plain
    container = None
    if made is not None:
        container = [_text(made.image), _texts(made.command), _texts(made.volumes), _text(made.user)]
    return [*plain, [tool.parameters, tool.annotations, container]]


def _revived(source: str, part: tuple[str, str]) -> CatalogServer:
    """Return the server in `part`, its fields in their order, and its tools."""
    found = iter(json.loads(part[0]))
    revive_ = _Reviver(source)
    return CatalogServer(
        name=next(found),
        kind=next(found),
        shares_names=next(found),
        title=next(found),
        description=next(found),
        image=next(found),
        package=revive_.package(next(found)),
        command=revive_.texts(next(found)),
        volumes=revive_.texts(next(found)),
        env=revive_.named(next(found)),
        secrets=revive_.secrets(next(found)),
        config=next(found),
        user=revive_.text(next(found)),
        disable_network=next(found),
        allow_hosts=revive_.texts(next(found)),
        extra_hosts=tuple(next(found)),
        contains_tools=next(found),
        tools=Later(partial(revive_.tools, part[1])),
        prefix=next(found),
        remote=revive_.remote(next(found)),
        oauth=tuple(
            CatalogProvider(provider=provider, secret=secret, variable=variable)
            for provider, secret, variable in next(found)
        ),
        refusals=tuple(Refusal(detail=detail, span=Span(source, *place)) for detail, place in next(found)),
        span=Span(source, *next(found)),
        places=MappingProxyType({key: span_of((source, *place)) for key, *place in next(found)}),
    )


class _Reviver:
    """Makes the parts of a server of lists; `source` is the name of the document that their places are in."""

    def __init__(self, source: str) -> None:
        self.source = source

    def text(self, found: Any) -> Text | None:  # noqa: ANN401  (JSON)
        return self._text(*found) if found is not None else None

    def texts(self, found: list[Any]) -> tuple[Text, ...]:
        return tuple(self._text(*each) for each in found)

    def named(self, found: list[Any]) -> tuple[tuple[str, Text], ...]:
        return tuple((name, self._text(*each)) for name, each in found)

    def secrets(self, found: list[Any]) -> tuple[CatalogSecret, ...]:
        return tuple(
            CatalogSecret(name=name, variable=variable, required=required, alone=alone, span=Span(self.source, *place))
            for name, variable, required, alone, place in found
        )

    def package(self, found: Any) -> CatalogPackage | None:  # noqa: ANN401  (JSON)
        return CatalogPackage(ecosystem=found[0], name=found[1], version=found[2]) if found is not None else None

    def remote(self, found: Any) -> CatalogRemote | None:  # noqa: ANN401  (JSON)
        if found is None:
            return None
        url, transport, headers = found
        return CatalogRemote(url=self._text(*url), transport=transport, headers=self.named(headers))

    def tools(self, part: str) -> Iterator[CatalogTool]:
        return (self._tool(*each) for each in json.loads(part))

    def _tool(self, name: str, description: str, place: list[int], more: list[Any] | None = None) -> CatalogTool:
        span = Span(self.source, *place)
        if more is None:
            return CatalogTool(name=name, description=description, span=span)
        parameters, annotations, container = more
        return CatalogTool(
            name=name,
            description=description,
            parameters=parameters,
            annotations=annotations,
            container=self._container(*container) if container is not None else None,
            span=span,
        )

    def _container(
        self, image: list[Any], command: list[Any], volumes: list[Any], user: list[Any] | None
    ) -> CatalogContainer:
        return CatalogContainer(
            image=self._text(*image), command=self.texts(command), volumes=self.texts(volumes), user=self.text(user)
        )

    def _text(self, value: str, *place: int) -> Text:
        return Text(value=value, span=Span(self.source, *place))
