"""What registries store of an image: indexes, manifests and configurations, read from their bytes. Pure.

Sources: the OCI image specification 1.1 and Docker's "Image Manifest Version 2, Schema 2", which differ in little but
the names of media types. Every reader takes the bytes of strangers.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")

ACCEPT = ", ".join((*_INDEXES, *_MANIFESTS))
"""The header's value that asks for what is understood here."""

MOST_ENTRIES = 256
"""How many manifests an index may list: each one for Linux is fetched. Official images list up to 20."""

_TITLE = "org.opencontainers.image.title"
_OLD = re.compile(r"application/vnd\.docker\.distribution\.manifest\.v1\+.*")
_MEDIA = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")

# How BuildKit marks what is about an image rather than one ("Image attestation storage").
_UNKNOWN = "unknown/unknown"


class MalformedError(Exception):
    """The bytes are not what they should be; the message is the end of a sentence about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One manifest of an index; `platform` is ``os/architecture[/variant]``, empty where the index does not say."""

    digest: str
    platform: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The manifests of an image for several platforms, in their order; what is no image is left out.

    Where one platform is listed twice the first counts, as for an engine.
    """

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image for one platform, which stands in its configuration, the blob `config`."""

    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoImage:
    """Something that was understood, and is no image that can be locked: `why` is the end of a sentence."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What an image's configuration says: ``os/architecture[/variant]``, and the user, empty where it names none.

    `created` is in seconds since 1970, None where it names no such moment.
    """

    platform: str
    user: str
    created: int | None = None


def read_manifest(data: bytes, content_type: str) -> Index | Manifest | NoImage:
    """Return what `data` is; its own word on that counts before `content_type`, the one of whoever sent it.

    Where the two contradict each other, or the content fits both an index and a manifest, nothing is read: an engine
    could see the other one (CVE-2021-41190). Raises MalformedError.
    """
    content = _object(data, "is")
    sent = content_type.partition(";")[0].strip()
    media = _text(content, "mediaType") or sent
    if content.get("schemaVersion") == 1 or _OLD.fullmatch(media):
        return NoImage(
            why="is stored in Docker's oldest format (schema 1), which names no platform and no configuration"
        )
    if {media, sent} & {*_INDEXES} and {media, sent} & {*_MANIFESTS}:
        raise MalformedError(f"is a `{media}` and was sent as `{sent}`")
    if media in _INDEXES:
        return _read_index(content)
    if media in _MANIFESTS:
        return _read_single(content)
    if not _MEDIA.fullmatch(media):
        raise MalformedError("does not say what it is")
    return NoImage(why=f"is no container image but a `{media}`")


def read_files(data: bytes) -> dict[str, str]:
    """Return the digest of each titled layer of an artifact's manifest, by its title; raises MalformedError.

    The title is the annotation ``org.opencontainers.image.title``, which is how tools name the files that they push.
    """
    layers = _object(data, "is").get("layers")
    if not isinstance(layers, list) or len(layers) > MOST_ENTRIES:
        raise MalformedError(f"is no manifest with up to {MOST_ENTRIES} layers")
    found: dict[str, str] = {}
    for layer in layers:
        annotations = layer.get("annotations") if isinstance(layer, dict) else None
        if not isinstance(annotations, dict):
            raise MalformedError("has a layer without a title")
        title = _text(annotations, _TITLE)
        if not title or title in found:
            raise MalformedError("has a layer without a title of its own")
        found[title] = _digest(layer)
    return found


def read_configuration(data: bytes) -> Configuration:
    """Return what is needed of an image's configuration; raises MalformedError."""
    content = _object(data, "has a configuration that is")
    platform = _platform(content)
    if not platform:
        raise MalformedError("names no platform in its configuration")
    settings = content.get("config") or {}
    if not isinstance(settings, dict):
        raise MalformedError("has a `config` that is not an object")
    user = _text(settings, "User")
    if not user.isprintable() or len(user) > 256:  # noqa: PLR2004  (longer than any name of a user and a group)
        raise MalformedError("names a user that cannot be one")
    return Configuration(platform=platform, user=user, created=_moment(content.get("created")))


def _moment(value: object) -> int | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    # Without a zone it would be a moment of this machine.
    return int(found.timestamp()) if found is not None and found.tzinfo is not None else None


def _read_index(content: dict[str, Any]) -> Index | NoImage:
    listed = content.get("manifests")
    if not isinstance(listed, list) or "config" in content or "layers" in content:
        raise MalformedError("is an index without a list of manifests, or with more than that")
    if len(listed) > MOST_ENTRIES:
        raise MalformedError(f"is an index of {len(listed)} manifests, and {MOST_ENTRIES} are allowed")
    entries: dict[str, Entry] = {}
    for descriptor in listed:
        if not isinstance(descriptor, dict):
            raise MalformedError("is an index of something else than manifests")
        if _text(descriptor, "mediaType") in _INDEXES:
            return NoImage(why="is an index that lists another index, which mcphub does not lock")
        platform = _platform(descriptor.get("platform") or {})
        if platform == _UNKNOWN or _text(descriptor, "mediaType") not in {"", *_MANIFESTS}:
            continue
        entry = Entry(digest=_digest(descriptor), platform=platform)
        entries.setdefault(platform or entry.digest, entry)
    return Index(entries=tuple(entries.values()))


def _read_single(content: dict[str, Any]) -> Manifest | NoImage:
    config = content.get("config")
    if not isinstance(config, dict) or "manifests" in content:
        raise MalformedError("is a manifest without a configuration, or with more than that")
    media = _text(config, "mediaType")
    if media not in _CONFIGS:
        kind = f"a `{media}`" if _MEDIA.fullmatch(media) else "something else"
        return NoImage(why=f"is no container image but {kind}")
    return Manifest(config=_digest(config))


def _object(data: bytes, it: str) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise MalformedError(f"{it} not a JSON object")
    return content


def _text(content: dict[str, Any], name: str) -> str:
    value = content.get(name) or ""
    if not isinstance(value, str):
        raise MalformedError(f"has a `{name}` that is not text")
    return value


def _digest(descriptor: dict[str, Any]) -> str:
    digest = _text(descriptor, "digest")
    if not _DIGEST.fullmatch(digest):
        raise MalformedError("names a part by something else than a sha256 digest")
    return digest


def _platform(content: object) -> str:
    if not isinstance(content, dict):
        raise MalformedError("names a platform that is not an object")
    system, architecture, variant = (_text(content, name) for name in ("os", "architecture", "variant"))
    if not system and not architecture:
        return ""
    words = (system, architecture, variant) if variant else (system, architecture)
    if not all(_WORD.fullmatch(word) for word in words):
        raise MalformedError("names a platform that cannot be one")
    return "/".join(words)
