"""A catalog's server and what a hub says under its `config`, put together: what is to run, or why it cannot be."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.read.foreign import why_not_checked
from mcphub_gitops.compiler.resolve.catalog import CatalogSecret, CatalogServer, canonical
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.plain import NO_PATTERN, find_misfits, with_defaults
from mcphub_gitops.compiler.resolve.template import (
    NO_VARIABLES,
    Fault,
    Scope,
    SecretValue,
    Variables,
    Word,
    expand_argument,
    expand_env,
    expand_volume,
)
from mcphub_gitops.compiler.source import Span

_CONFIG = "config"
_MOST_PROBLEMS = 100
_MOUNT = re.compile(r"(?P<source>[A-Za-z]:[\\/][^:]*|[^:]*):(?P<target>/[^:]*)(?::(?P<mode>ro|rw))?")
"""A path of the host or a volume's name, and a path of the container. No part has a colon but a drive's own, so that
a setting cannot smuggle in a target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason why a server cannot be bound.

    `path` leads from the hub's declaration of the server to what is at fault, such as ``("config", "url")``; it is
    empty where the catalog is at fault, at `span` of its document. A `path` may name what is not there.
    """

    code: Code
    detail: str
    path: tuple[str | int, ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundMount:
    """A mount: a path of the host, or a volume's name, seen at `target`; `mode` is empty where nothing is said."""

    source: str
    target: str
    mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What is to run, with every setting filled in.

    `env` has the values without secrets, `composed` those that have one inside; both leave out the variables that are
    a secret and nothing else: `secrets` has the names of those, by the catalog's name of the secret. `image` is empty
    for a remote, `url` for all else.
    """

    image: str
    args: tuple[Word, ...]
    env: Mapping[str, str]
    composed: Mapping[str, Word]
    secrets: Mapping[str, tuple[str, ...]]
    mounts: tuple[BoundMount, ...]
    user: str
    extra_hosts: tuple[str, ...]
    url: str
    headers: Mapping[str, Word]


def bind(server: CatalogServer, config: Mapping[str, Any]) -> tuple[Bound | None, tuple[Problem, ...]]:
    """Return what `server` amounts to under `config`, or all that is wrong; never raises on what `syntax` can read.

    `config` is what the hub says, as plain data without templates of the hub's own. A setting that is not declared is
    refused, also where the server declares none; a default is filled in where the mapping that it belongs to is there.
    Which secrets the hub must give is for the caller to check, with `server.secrets`. A mount without a source is left
    out: its setting is optional, and not given. The containers of tools are bound by each call's own arguments, and
    are read by `toolset`.
    """
    top = canonical(server.name)
    # Most servers have nothing to set, and then there is nothing to check.
    is_open = bool(server.config or config)
    schema = _strict({"properties": {}, **server.config}, _given_as_secrets(server)) if is_open else {}
    settings = with_defaults(config, schema)
    why = why_not_checked(schema, settings) if is_open else ""
    if why:
        return None, (_unchecked(server, f"The schema of `{server.name}`'s settings {why}."),)
    problems = list(_setting_problems(server, settings, schema)) if is_open else []
    is_settled = not problems
    # Without settings that are right, nothing but the catalog's own mistakes can be told of its templates.
    scope = Scope(values={top: settings} if is_settled else {}, declared=frozenset(setting_paths(schema, f"{top}.")))
    problems.extend(Problem(code=codes.BAD_VALUE, detail=each.detail, span=each.span) for each in server.refusals)
    problems.extend(_variables_set_twice(server))
    bound = _bound(server, _Filler(scope, problems), is_settled=is_settled)
    return (None, tuple(problems)) if problems else (bound, ())


def setting_paths(schema: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted path of each setting that `schema` declares, after `above`: what a template may name."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{above}{name}"
        yield from setting_paths(inner, f"{above}{name}.")


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills in templates of the catalog, and adds what is wrong with them to `problems`."""

    scope: Scope
    problems: list[Problem]

    def env(self, text: Text, variables: Variables) -> Word:
        if self._is_hopeless():
            return Word(parts=())
        word, faults = expand_env(text.value, self.scope, variables)
        self._tell(text, faults)
        return word

    def plain(self, text: Text | None) -> str:
        return (self.env(text, NO_VARIABLES).text or "") if text is not None else ""

    def args(self, texts: Iterable[Text], variables: Variables) -> Iterator[Word]:
        for text in texts:
            if self._is_hopeless():
                return
            words, faults = expand_argument(text.value, self.scope, variables)
            self._tell(text, faults)
            yield from words

    def mounts(self, texts: Iterable[Text]) -> Iterator[tuple[str, Text]]:
        for text in texts:
            if self._is_hopeless():
                return
            mounts, faults = expand_volume(text.value, self.scope)
            self._tell(text, faults)
            yield from ((mount, text) for mount in mounts)

    def _is_hopeless(self) -> bool:
        """Whether so much is wrong that the rest is not looked at: nothing is bound then, whatever it says."""
        return len(self.problems) >= _MOST_PROBLEMS

    def _tell(self, text: Text, faults: tuple[Fault, ...]) -> None:
        for fault in faults:
            found = Problem(code=codes.TEMPLATE, detail=fault.detail, span=text.span, help=fault.help)
            self.problems.append(found)


def _bound(server: CatalogServer, filler: _Filler, *, is_settled: bool) -> Bound:
    known = {secret.variable: Word(parts=(SecretValue(secret.variable),)) for secret in server.secrets}
    env = _words(filler, server.env, known)
    headers = server.remote.headers if server.remote else ()
    mounts = [_mount(mount, text, filler.problems) for mount, text in filler.mounts(server.volumes) if is_settled]
    return Bound(
        image=server.image,
        args=tuple(filler.args(server.command, {**env, **known})),
        env=MappingProxyType({name: word.text for name, word in env.items() if word.text}),
        composed=MappingProxyType({name: word for name, word in env.items() if word.secrets}),
        secrets=MappingProxyType(_variables_of(server.secrets)),
        mounts=tuple(filter(None, mounts)),
        user=filler.plain(server.user),
        extra_hosts=server.extra_hosts,
        url=filler.plain(server.remote.url) if server.remote else "",
        headers=MappingProxyType(_words(filler, headers, known)),
    )


def _words(filler: _Filler, given: Iterable[tuple[str, Text]], known: Mapping[str, Word]) -> dict[str, Word]:
    return {name: filler.env(text, known) for name, text in given}


def _variables_of(secrets: Iterable[CatalogSecret]) -> dict[str, tuple[str, ...]]:
    """Return the variables that each secret is given as."""
    found: dict[str, tuple[str, ...]] = {}
    for secret in secrets:
        found[secret.name] = (*found.get(secret.name, ()), secret.variable)
    return found


def _mount(mount: str, text: Text, problems: list[Problem]) -> BoundMount | None:
    match = _MOUNT.fullmatch(mount)
    if match is not None and match["source"]:
        return BoundMount(source=match["source"], target=match["target"], mode=match["mode"] or "")
    if match is None and mount.strip(":"):
        detail = f"`{text.value}` comes to `{mount}`, which is not SOURCE:TARGET[:ro|rw] with an absolute target."
        found = Problem(code=codes.BAD_VALUE, detail=detail, path=(_CONFIG,), span=text.span)
        problems.append(found)
    return None


def _variables_set_twice(server: CatalogServer) -> Iterator[Problem]:
    taken: set[str] = set()
    named = [(secret.variable, secret.span) for secret in server.secrets]
    for name, span in (*named, *((name, text.span) for name, text in server.env)):
        if name in taken:
            detail = f"The catalog sets `{name}` twice for `{server.name}`."
            yield Problem(code=codes.DUPLICATE_VARIABLE, detail=detail, span=span)
        taken.add(name)


def _unchecked(server: CatalogServer, detail: str) -> Problem:
    return Problem(code=codes.FOREIGN_SCHEMA, detail=detail, span=server.span)


def _given_as_secrets(server: CatalogServer) -> frozenset[str]:
    """Return the settings that are secrets of the server: some catalogs ask for those once more (proxmox)."""
    start = f"{server.name}."
    return frozenset(secret.name.removeprefix(start) for secret in server.secrets if secret.name.startswith(start))


def _strict(schema: Mapping[str, Any], elsewhere: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return `schema` with every mapping closed that declares its settings.

    What is required without being declared (vectra-ai-rux-mcp-server) counts as declared, except `elsewhere`, which is
    not asked for.
    """
    strict = dict(schema)
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "properties" not in schema:
        return strict
    declared = schema["properties"]
    required = [name for name in schema.get("required", ()) if name in declared or name not in elsewhere]
    others = [*required, *(name for each in _alternatives(schema) for name in _named(each))]
    strict["properties"] = {
        **{name: {} for name in others},
        **{name: _strict(inner) for name, inner in declared.items()},
    }
    return {**strict, "required": required, "additionalProperties": False}


def _alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _named(schema: Mapping[str, Any]) -> list[str]:
    return [*schema.get("required", ()), *schema.get("properties", {})]


def _setting_problems(
    server: CatalogServer, settings: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[Problem]:
    choices = [tuple(each.get("required", ())) for each in schema.get("anyOf", ())]
    if choices and all(each.keys() == {"required"} for each in schema["anyOf"]):
        schema = {key: value for key, value in schema.items() if key != "anyOf"}
        yield from _undecided(choices, settings)
    try:
        found = find_misfits(_CONFIG, settings, schema)
    except ValueError:
        yield _unchecked(server, NO_PATTERN)
        return
    for each in found:
        yield Problem(code=each.code, detail=each.detail, path=each.path, help=each.help)


def _undecided(choices: Iterable[Sequence[str]], settings: Mapping[str, Any]) -> Iterator[Problem]:
    if not any(settings.keys() >= {*choice} for choice in choices):
        listed = " or ".join(" with ".join(f"`{name}`" for name in choice) for choice in choices)
        yield Problem(code=codes.MISSING_KEY, detail=f"`{_CONFIG}` needs {listed}.", path=(_CONFIG,))
