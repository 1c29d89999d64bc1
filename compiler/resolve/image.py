"""References to container images as people write them, by their text alone."""

import re
from dataclasses import dataclass

from mcphub_gitops.compiler.resolve.address import why_no_place

DEFAULT_HOST = "docker.io"
"""The registry of a reference that names none, as for Docker; it has a second name, and one for its users' images."""

_OTHER_NAME = "index.docker.io"
_OFFICIAL = "library"

# Many clients and registries take no longer name, host and path together (OCI distribution specification, "Pulling
# manifests").
_LONGEST = 255
_TOO_LONG = f"An image's name has at most {_LONGEST} characters with its registry; this one has more."

_PLACE = re.compile(r"(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::[0-9]+)?")
_PART = re.compile(r"[a-z0-9]+(?:(?:[_.]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_ALGORITHM = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image by its name: `host` is ``HOST[:PORT]`` in lower case, `path` what its registry calls the repository.

    `tag` and `digest` (``sha256:<hex>``) are empty where they are not given, but never both.
    """

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The full name, host first, without tag or digest."""
        return f"{self.host}/{self.path}"

    @property
    def tagged(self) -> str:
        """The full name with the tag, if there is one, without the digest."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository

    def by_digest(self, digest: str) -> str:
        """Return the reference that names `digest` in this repository, and nothing that can move."""
        return f"{self.repository}@{digest}"

    def __str__(self) -> str:
        return f"{self.tagged}@{self.digest}" if self.digest else self.tagged


def parse(text: str) -> ImageReference | str:
    """Return the image that ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]`` names, or in a sentence why it names none.

    The grammar and its defaults are those of Docker (the distribution project's `reference` package), and names that
    the OCI distribution specification allows; without host ``docker.io``, without tag and digest ``latest``. It differs
    in one thing: a first part in capitals is a mistake in the name, and not a registry.
    """
    if len(text) > _LONGEST + len(":@sha256:") + 128 + 64:
        return _TOO_LONG
    if "://" in text:
        return f"An image is named without `{text.partition('://')[0]}://`."
    named, at, digest = text.partition("@")
    folder, slash, last = named.rpartition("/")
    base, colon, tag = last.partition(":")
    host, path = _split_host(folder + slash + base)
    problem = _why_none(host, path, tag if colon else None, digest if at else None)
    if problem:
        return problem
    host, path = _complete(host, path)
    reference = ImageReference(host=host, path=path, tag=tag or ("" if at else "latest"), digest=digest)
    if len(reference.repository) > _LONGEST:
        return _TOO_LONG
    return reference


def _why_none(host: str, path: str, tag: str | None, digest: str | None) -> str:
    """Return why a name of these parts, of which a tag or digest that is None is not there, names no image."""
    return (
        (_why_no_host(host) if host else "")
        or _why_no_path(path)
        or (_why_no_tag(tag) if tag is not None else "")
        or (_why_no_digest(digest) if digest is not None else "")
    )


def _complete(host: str, path: str) -> tuple[str, str]:
    """Return host and path with what may be left out of them."""
    host = host.lower()
    if host not in {"", _OTHER_NAME, DEFAULT_HOST}:
        return host, path
    return DEFAULT_HOST, path if "/" in path else f"{_OFFICIAL}/{path}"


def _split_host(name: str) -> tuple[str, str]:
    """Return the registry, empty where none is named, and the path: only a host has a dot or a port, or is local."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first.lower() == "localhost"):
        return first, rest
    return "", name


def _why_no_host(host: str) -> str:
    if not _PLACE.fullmatch(host.lower()):
        return f"`{host}` is no registry; it is named by its host and, after a colon, its port."
    return why_no_place(host.lower(), least=1)


def _why_no_path(path: str) -> str:
    if not path:
        return "The image has no name."
    if _IDENTIFIER.fullmatch(path):
        return "This is the identifier that one engine gave an image; only a name can be looked up in a registry."
    for part in path.split("/"):
        if not part:
            return f"The image's name `{path}` has an empty part."
        if part.lower() != part and _PART.fullmatch(part.lower()):
            return f"`{part}` has capital letters; an image's name is written in lower case."
        if not _PART.fullmatch(part):
            return (
                f"`{part}` cannot be part of an image's name: it is made of lower-case letters and digits, "
                "with `.`, `_`, `__` or hyphens between them."
            )
    return ""


def _why_no_tag(tag: str) -> str:
    if _TAG.fullmatch(tag):
        return ""
    return (
        f"`{tag}` is no tag: it has up to 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two."
    )


def _why_no_digest(digest: str) -> str:
    algorithm, colon, value = digest.partition(":")
    if colon and algorithm != "sha256" and _ALGORITHM.fullmatch(algorithm):
        return f"The digest is one of `{algorithm}`; images are locked by sha256."
    if algorithm != "sha256" or not _IDENTIFIER.fullmatch(value):
        return f"`{digest}` is no digest: it is `sha256:` and 64 digits of 0-9 and a-f."
    return ""
