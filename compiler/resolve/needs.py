"""What a catalog's entry has to be given, and may be given, before a hub takes it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcphub_gitops.compiler.resolve.catalog import CatalogSecret, CatalogServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A secret or a setting of an entry: its name (of a setting: its path, with dots), and what it is in words."""

    kind: Literal["secret", "config"]
    name: str
    required: bool
    detail: str
    variable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """All that an entry takes; of `choices`, which are lists of settings, one has to be given as a whole."""

    each: tuple[Need, ...]
    choices: tuple[tuple[str, ...], ...] = ()

    def missing(self, secrets: Collection[str], settings: Collection[str]) -> tuple[Need, ...]:
        """Return what is needed beside the names of `secrets` and the paths of `settings` that are given."""
        return tuple(need for need in self._others(secrets, settings) if need.required)

    def optional(self, secrets: Collection[str], settings: Collection[str]) -> tuple[Need, ...]:
        """Return what may be given besides."""
        return tuple(need for need in self._others(secrets, settings) if not need.required)

    def open_choices(self, settings: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return the choices, of which none has been made."""
        made = any(all(name in settings for name in choice) for choice in self.choices)
        return () if made else self.choices

    def _others(self, secrets: Collection[str], settings: Collection[str]) -> Iterator[Need]:
        for need in self.each:
            if need.name not in (secrets if need.kind == "secret" else settings):
                yield need


def needs_of(server: CatalogServer) -> Needs:
    """Return what `server` takes: secrets first, then settings, those that are needed before the others."""
    secrets = [
        Need(
            kind="secret",
            name=secret.name,
            required=secret.required,
            detail=_describe_secret(secret),
            variable=secret.variable,
        )
        for secret in server.secrets
    ]
    settings = list(_settings(server.config, "", needed=True))
    choices = (tuple(each.get("required", ())) for each in server.config.get("anyOf", ()))
    ordered = sorted([*secrets, *settings], key=lambda need: (need.kind == "config", not need.required))
    return Needs(each=tuple(ordered), choices=tuple(choice for choice in choices if choice))


def _describe_secret(secret: CatalogSecret) -> str:
    if secret.is_token:
        return "an access token, as OAuth gives it"
    return "a secret" if secret.required else "a secret that may be left out"


def _settings(schema: Mapping[str, Any], above: str, *, needed: bool) -> Iterator[Need]:
    declared = schema.get("properties", {})
    required = schema.get("required", ())
    for name in dict.fromkeys((*declared, *required)):
        inner = declared.get(name, {})
        is_needed = needed and name in required and "default" not in inner
        if inner.get("properties"):
            yield from _settings(inner, f"{above}{name}.", needed=is_needed)
        else:
            yield Need(kind="config", name=f"{above}{name}", required=is_needed, detail=_describe(inner))


def _describe(schema: Mapping[str, Any]) -> str:
    parts = [str(schema.get("type", "anything"))]
    if "enum" in schema:
        parts.append("one of " + ", ".join(str(each) for each in schema["enum"]))
    if "default" in schema:
        parts.append(f"{schema['default']} by default")
    if schema.get("description"):
        parts.append(str(schema["description"]).strip().partition("\n")[0])
    return "; ".join(parts)
