"""What a hub mends of a catalog's entry, before anything is made of it: never in silence, always with a reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors
from mcphub_gitops.compiler.read import shape
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Node, ScalarNode, plain
from mcphub_gitops.compiler.resolve import image
from mcphub_gitops.compiler.resolve.catalog import CatalogSecret, CatalogServer
from mcphub_gitops.compiler.resolve.entry import Fill
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts, value
from mcphub_gitops.compiler.source import Span
from mcphub_gitops.schemas import load_schema

_KINDS = {
    "image": ("image",),
    "command": ("image", "package"),
    "volumes": ("image",),
    "user": ("image",),
    "env": ("image", "package"),
    "url": ("remote",),
    "config": ("image", "package", "remote"),
    "secretNames": ("image", "package", "remote"),
    "allowHosts": ("image",),
}
"""What can be mended, and of which kinds of entries."""

_FIELDS = {"allowHosts": "allow_hosts"}
"""What is called otherwise in an entry than in its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """An entry as it counts, what was mended in it and why, in one text, and what is wrong with the mending."""

    entry: CatalogServer
    summary: str = ""
    problems: tuple[Diagnostic, ...] = ()


def mend(entry: CatalogServer, override: Node | None, fill: Fill) -> Mended:
    """Return `entry` with what stands under `override`; its values are templates of the catalog's, and of the hub's.

    `fill` fills the hub's in and tells of those that cannot be; a dollar of the catalog's language is ``$$`` then.
    """
    if override is None:
        return Mended(entry=entry)
    mending = _Mending(entry, override, fill)
    mended = mending.entry()
    reason = value(override, "reason")
    summary = f"{reason} ({', '.join(sorted(mending.keys))})"
    return Mended(entry=mended, summary=summary, problems=tuple(mending.problems))


@dataclass(frozen=True, slots=True)
class _Mending:
    before: CatalogServer
    node: Node
    fill: Fill
    keys: list[str] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def entry(self) -> CatalogServer:
        changes = dict(self._changes())
        places = {
            **self.before.places,
            **{each.key: each.key_span for each in entries(self.node) if each.key in changes},
        }
        return replace(self.before, **changes, places=MappingProxyType(places))

    def _changes(self) -> Iterator[tuple[str, Any]]:
        before = self.before
        for key, kinds in _KINDS.items():
            given = child(self.node, key)
            if given is None:
                continue
            if before.kind not in kinds:
                detail = f"`{key}` means nothing to the entry, which is {_article(before.kind)}."
                self._tell(codes.NOT_HERE, detail, given.span)
            elif key == "env":
                yield "env", self._env()
            elif key == "config":
                yield "config", self._config(given)
            elif key == "secretNames":
                yield "secrets", self._secrets()
            else:
                yield from self._one(key, given)

    def _one(self, key: str, given: Node) -> Iterator[tuple[str, Any]]:
        before = self.before
        if key == "url":
            url = self._text(given)
            if url is not None and before.remote is not None:
                self._note(key, before.remote.url == url, given.span)
                yield "remote", replace(before.remote, url=url)
            return
        found: object = self._text(given) if key in {"image", "user"} else tuple(map(self.fill, texts(self.node, key)))
        if key == "image" and isinstance(found, Text):
            problem = image.parse(found.value)
            if isinstance(problem, str):
                self._tell(codes.BAD_VALUE, problem, given.span)
                return
            found = found.value
        field_ = _FIELDS.get(key, key)
        self._note(key, getattr(before, field_) == found, given.span)
        yield field_, found

    def _env(self) -> tuple[tuple[str, Text], ...]:
        known = dict(self.before.env)
        for each in entries(self.node, "env"):
            given = self._text(each.value)
            self._note(f"env.{each.key}", known.get(each.key) == given, each.key_span)
            if given is None:
                known.pop(each.key, None)
            else:
                known[each.key] = given
        return tuple(known.items())

    def _secrets(self) -> tuple[CatalogSecret, ...]:
        """Return the secrets under the names that they have in this hub."""
        known = {secret.name for secret in self.before.secrets}
        names: dict[str, str] = {}
        rules = load_schema("hub.v1")["$defs"]["secretName"]
        for each in entries(self.node, "secretNames"):
            given = text(each.value)
            if each.key not in known:
                detail = f"The entry has no secret `{each.key}`."
                self._tell(codes.UNKNOWN_KEY, detail, each.key_span, suggest(each.key, known))
            elif given is not None and shape.fits(given.value, rules):
                self._note(f"secretNames.{each.key}", given.value == each.key, each.key_span)
                names[each.key] = given.value
        return tuple(replace(secret, name=names.get(secret.name, secret.name)) for secret in self.before.secrets)

    def _config(self, given: Node) -> Mapping[str, Any]:
        """Return the schema of the settings with those of `given`; one that is empty there is no more."""
        schema = {**self.before.config}
        rules = {"$ref": "#/$defs/setting", "$defs": load_schema("catalog.v1")["$defs"]}
        properties, required = dict(schema.get("properties", {})), list(schema.get("required", ()))
        for each in entries(given):
            if isinstance(each.value, ScalarNode):
                self._note(f"config.{each.key}", each.key not in {*properties, *required}, each.key_span)
                properties.pop(each.key, None)
                required = [name for name in required if name != each.key]
                continue
            found = shape.check(each.value, rules)
            self.problems.extend(found)
            if not has_errors(found):
                self._note(f"config.{each.key}", properties.get(each.key) == plain(each.value), each.key_span)
                properties[each.key] = plain(each.value)
        return {**schema, "properties": properties, "required": required}

    def _text(self, node: Node) -> Text | None:
        given = text(node)
        return self.fill(given) if given is not None else None

    def _note(self, key: str, is_same: bool, span: Span) -> None:  # noqa: FBT001  (what is told of)
        self.keys.append(key)
        if is_same:
            detail = f"`{key}` is what the catalog says already."
            self._tell(codes.IDLE_OVERRIDE, detail, span, "leave it out")

    def _tell(self, code: Code, detail: str, span: Span, help_: str = "") -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=span, help=help_))


def _article(kind: str) -> str:
    words = {"image": "an image", "package": "a package", "remote": "a remote server"}
    return words.get(kind, "a set of tool containers")
