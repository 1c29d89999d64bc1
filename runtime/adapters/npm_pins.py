"""Requirement lines of an npm package's lock: one package in one place, with the hash of its file. Pure text.

A line is ``npm:NAME@VERSION PLACE sha512-… [TRAIT ...]``: what `npm ci` needs of an entry of ``package-lock.json``
(version 3), and nothing that changes by itself. So the address it came from, its licence and whether it was
deprecated are left out, and so is ``bin`` of all but the package that is asked for.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import normpath
from typing import Any
from urllib.parse import quote, unquote

ECOSYSTEM = "npm:"

_PART = r"[A-Za-z0-9~-][A-Za-z0-9._~-]*"
_NAME = rf"(?:@{_PART}/)?(?!node_modules(?:@|/| |$)){_PART}"
_SEMVER = r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:[-+][A-Za-z0-9.+-]+)?"
_REQUIREMENT = re.compile(rf"npm:(?P<name>{_NAME})(?:@(?P<version>{_SEMVER}))?")
_PLACE = re.compile(rf"node_modules/{_NAME}(?:/node_modules/{_NAME})*")
# 64 bytes are 86 characters of base64 and their padding.
_INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")
_LINE = re.compile(
    rf"npm:(?P<name>{_NAME})@(?P<version>{_SEMVER}) (?P<place>[^ ]+) (?P<integrity>[^ ]+)(?P<traits>(?: [^ ]+)*)"
)
_TAG = re.compile(r"(?![xX]$|v?\d)[A-Za-z][A-Za-z0-9._-]*")
_RANGE = re.compile(r"[A-Za-z0-9.+*^~<>=| -]+")

_NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")
_MAPS = (*_NEEDS, "bin", "engines")
_LISTS = ("optionalPeers", "os", "cpu", "libc")
_FLAGS = ("optional", "peer", "hasInstallScript")
_TRAITS = (*_MAPS, *_LISTS, *_FLAGS)
_ENGINES = ("node", "npm")
_PLAIN = "/^~<>=*|.:+-_!()"

Traits = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmPin:
    """A package at one version at `place` (``node_modules/NAME``, or below that of another package).

    Where the last name of `place` is not `name`, the package is installed under an alias. `traits` are in the order
    of `_TRAITS`: a map's items are ``NAME@VALUE``, a flag has none.
    """

    name: str
    version: str
    place: str
    integrity: str
    traits: Traits = ()

    def __str__(self) -> str:
        words = [f"npm:{self.name}@{self.version}", self.place, self.integrity]
        return " ".join([*words, *(_write_trait(trait, items) for trait, items in self.traits)])

    def has(self, trait: str) -> bool:
        """Whether it has `trait` at all."""
        return any(name == trait for name, _ in self.traits)

    def map(self, trait: str) -> dict[str, str]:
        """Return the items of the map `trait`, none where it has no such trait."""
        return dict(_split(item) for name, items in self.traits if name == trait for item in items)

    def needs(self) -> frozenset[str]:
        """Return the names of the packages that it looks for."""
        return frozenset(name for trait in _NEEDS for name in self.map(trait))

    def entry(self) -> dict[str, Any]:
        """Return the entry of ``package-lock.json`` that the pin stands for."""
        alias = {"name": self.name} if _last_name(self.place) != self.name else {}
        entry: dict[str, Any] = {**alias, "version": self.version, "integrity": self.integrity}
        for trait, items in self.traits:
            if trait in _MAPS:
                entry[trait] = dict(_split(item) for item in items)
            elif trait == "optionalPeers":
                entry["peerDependenciesMeta"] = {name: {"optional": True} for name in items}
            else:
                entry[trait] = list(items) if trait in _LISTS else True
        return entry


def parse_pin(line: str) -> NpmPin | None:
    """Return the pin that `line` is, to the letter, or None.

    Nothing but a registry's package with its hash is one: the address of a file, a folder or a repository, which npm
    would also take from a lock, cannot come in through a line.
    """
    match = _LINE.fullmatch(line)
    if match is None or not _PLACE.fullmatch(match["place"]) or not _INTEGRITY.fullmatch(match["integrity"]):
        return None
    traits = tuple(_read_trait(word) for word in match["traits"].split())
    pin = NpmPin(
        name=match["name"],
        version=match["version"],
        place=match["place"],
        integrity=match["integrity"],
        traits=traits,
    )
    return pin if _are_sound(traits) and str(pin) == line else None


def _are_sound(traits: Sequence[tuple[str, tuple[str, ...]]]) -> bool:
    named = [name for name, _ in traits]
    in_order = named == [name for name in _TRAITS if name in named]
    return in_order and all(_is_sound(*trait) for trait in traits)


def split_requirement(requirement: str) -> tuple[str, str] | None:
    """Return the name and the version (empty without one) of ``npm:NAME`` or ``npm:NAME@VERSION``, or None."""
    match = _REQUIREMENT.fullmatch(requirement)
    return (match["name"], match["version"] or "") if match else None


def place_of(name: str) -> str:
    """Return where the package that is asked for is installed."""
    return f"node_modules/{name}"


def write_manifest(name: str, version: str) -> bytes:
    """Return a ``package.json`` that asks for `name` at `version` (or with a tag)."""
    return _encode(_root(name, version))


def write_lock(name: str, version: str, pins: Iterable[NpmPin]) -> bytes:
    """Return the ``package-lock.json`` of `pins`, beside the manifest that asks for `name` at `version`."""
    # npm reads in this order, and passes over a package whose folder belongs to one that it has not read yet.
    entries = {pin.place: pin.entry() for pin in sorted(pins, key=lambda pin: pin.place)}
    packages = {"": _root(name, version), **entries}
    return _encode({**_root(name, version), "lockfileVersion": 3, "requires": True, "packages": packages})


def read_lock(text: str, name: str) -> tuple[NpmPin, ...]:
    """Return what npm wrote into ``package-lock.json`` for the package `name`, in the order of lines.

    Raises ValueError, with the reason as a sentence, when any of it is not a registry's package with its hash.
    """
    try:
        packages = json.loads(text)["packages"].items()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("npm's answer is not a lock of version 3.") from error
    pins = (_pin_of(place, entry, name) for place, entry in packages if place)
    return tuple(sorted(pins, key=str))


def keep_libc(pins: Iterable[NpmPin], locked: Iterable[NpmPin]) -> tuple[NpmPin, ...]:
    """Return `pins` with the C library that those of them need which are `locked` already.

    npm 11 writes that down, and 10 does not, even where it read it: a lock shall not change with who looks at it.
    """
    known = {(pin.place, pin.integrity): trait for pin in locked for trait in pin.traits if trait[0] == "libc"}
    return tuple(_with(pin, known.get((pin.place, pin.integrity))) for pin in pins)


def _with(pin: NpmPin, trait: tuple[str, tuple[str, ...]] | None) -> NpmPin:
    if trait is None or pin.has(trait[0]):
        return pin
    traits = sorted((*pin.traits, trait), key=lambda each: _TRAITS.index(each[0]))
    return replace(pin, traits=tuple(traits))


def _pin_of(place: str, entry: Mapping[str, Any], root: str) -> NpmPin:
    name = entry.get("name", _last_name(place))
    version = entry.get("version", "")
    reason = _why_not_lockable(place, entry)
    if reason:
        raise ValueError(f"It needs `{name}`{f' {version}' if version else ''}, which {reason}.")
    hashes = (each for each in entry["integrity"].split() if _INTEGRITY.fullmatch(each))
    pin = NpmPin(
        name=name,
        version=version,
        place=place,
        integrity=next(hashes),
        traits=tuple(_traits_of(entry, own=place == place_of(root), name=name)),
    )
    if parse_pin(str(pin)) != pin:
        raise ValueError(f"It needs `{name}`, of which npm's answer is nothing that can be locked: {str(pin)!r}.")
    return pin


def _why_not_lockable(place: str, entry: Mapping[str, Any]) -> str:
    if entry.get("link") or not place.startswith("node_modules/"):
        return "is a folder on this machine"
    if entry.get("inBundle"):
        return "comes inside of another package, so that it has no hash of its own"
    if "resolved" in entry:
        return "does not come from a package registry"
    if not any(_INTEGRITY.fullmatch(each) for each in str(entry.get("integrity", "")).split()):
        return "the registry gives no sha512 hash for"
    return ""


def _traits_of(entry: Mapping[str, Any], *, own: bool, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    optional_peers = _optional_peers(entry)
    found: dict[str, Any] = {**entry, "optionalPeers": sorted(optional_peers)}
    for trait in _NEEDS:
        # A peer that may be missing, and is asked for by address, can only be missing.
        missing = optional_peers if trait == "peerDependencies" else frozenset()
        found[trait] = _needs_of(entry.get(trait, {}), missing)
    found["bin"] = _bin_of(entry.get("bin"), name) if own else {}
    engines = entry.get("engines")
    # A list of old, which npm does not look at either.
    engines = engines if isinstance(engines, dict) else {}
    found["engines"] = {engine: str(engines[engine]) for engine in _ENGINES if engine in engines}
    return ((trait, _words_of(trait, found)) for trait in _TRAITS if found.get(trait))


def _optional_peers(entry: Mapping[str, Any]) -> frozenset[str]:
    meta = entry.get("peerDependenciesMeta", {})
    return frozenset(peer for peer, about in meta.items() if isinstance(about, dict) and about.get("optional") is True)


def _needs_of(wanted: Mapping[str, str], missing: Collection[str]) -> dict[str, str]:
    """Return the ranges of what a registry has, and what else is wanted as it stands unless it is `missing`."""
    ranges = {need: registry_range(range_) for need, range_ in wanted.items()}
    return {need: range_ or wanted[need] for need, range_ in ranges.items() if range_ or need not in missing}


def _words_of(trait: str, traits: Mapping[str, Any]) -> tuple[str, ...]:
    value = traits[trait]
    if trait in _MAPS:
        return tuple(f"{key}@{each}" for key, each in sorted(value.items()))
    if trait in _LISTS:
        return (value,) if isinstance(value, str) else tuple(value)
    return ()


def registry_range(wanted: str) -> str:
    """Return the range of versions that a package `wanted` of a registry, or nothing when it wants something else.

    A tag becomes ``*``: where it leads changes by itself, and which version is meant is what the lock says.
    """
    text = wanted.strip()
    if text.startswith(ECOSYSTEM):
        alias = re.fullmatch(rf"npm:(?P<name>{_NAME})(?:@(?P<range>.*))?", text)
        below = registry_range(alias["range"] or "") if alias else ""
        return f"npm:{alias['name']}@{below}" if alias and below and not below.startswith(ECOSYSTEM) else ""
    if not text or _TAG.fullmatch(text):
        return "*"
    return re.sub(r" ?\|\| ?", "||", " ".join(text.split())) if _RANGE.fullmatch(text) else ""


def _bin_of(found: object, name: str) -> dict[str, str]:
    if isinstance(found, str):
        found = {name.rpartition("/")[2]: found}
    return {key: normpath(path) for key, path in found.items()} if isinstance(found, dict) else {}


def _is_sound(trait: str, items: tuple[str, ...]) -> bool:
    """Whether npm may be told `items`, which can have been written by hand."""
    if trait in _FLAGS:
        return not items
    if trait == "bin":
        return all(_is_inside(*_split(item)) for item in items)
    if trait in _NEEDS:
        return all(re.fullmatch(_NAME, key) and registry_range(value) == value for key, value in map(_split, items))
    return bool(items)


def _is_inside(program: str, path: str) -> bool:
    return bool(program) and "/" not in program and path == normpath(path) and path[:1] not in {"", "/", "."}


def _write_trait(trait: str, items: tuple[str, ...]) -> str:
    return f"{trait}={','.join(quote(item, safe=f'{_PLAIN}@') for item in items)}" if items else trait


def _read_trait(word: str) -> tuple[str, tuple[str, ...]]:
    trait, sign, items = word.partition("=")
    return trait, tuple(unquote(item) for item in items.split(",")) if sign else ()


def _split(item: str) -> tuple[str, str]:
    """Return both sides of ``NAME@VALUE``, where the name may begin with an @ itself."""
    name, _, value = item[1:].partition("@")
    return item[:1] + name, value


def _last_name(place: str) -> str:
    return f"/{place}".rpartition("/node_modules/")[2]


def _root(name: str, version: str) -> dict[str, Any]:
    return {"name": "mcphub-environment", "version": "0.0.0", "private": True, "dependencies": {name: version}}


def _encode(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"
