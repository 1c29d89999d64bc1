"""What a lock asks of the world, and the answers it takes: the compiler asks, the runtime finds out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from mcphub_gitops.compiler.lock.offers import NOTHING, OffersAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageQuestion:
    """A wish for pins: the versions and wheels that satisfy `requirement` on every platform.

    `requirement` is a PEP 508 name with at most one ``==``, or ``npm:NAME[@VERSION]``. `preferred` are the requirements
    that are locked now: they are kept wherever they still satisfy the question. `published_before` is a moment
    (RFC 3339, UTC) after which nothing counts that was published; empty where everything does.
    """

    requirement: str
    preferred: tuple[str, ...] = ()
    published_before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageAnswer:
    """The pins that were found: `package` is ``name==version`` or ``npm:NAME@VERSION``, `requirements` a line each.

    A line begins with name and version and has the hashes of what is installed, in the order of names. `problem` says
    in a sentence why there are none, when the index has no such name or no usable version; the others are empty then.
    """

    package: str = ""
    requirements: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageQuestion:
    """A wish for an image by digest: `reference` is as people write it, ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]``.

    A digest that is given is looked up as it is, also where the tag leads elsewhere now.
    """

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnswer:
    """The image that was found: `repository` is the full name, host first, without tag or digest.

    `digest` is that of what the reference names (an index, or a manifest where there is no index), `platforms` maps
    ``os/architecture[/variant]`` to the manifest's digest. `user` is the one that the image itself names, empty where
    it names none, or where its platforms differ. `created` is when it was built, in seconds since 1970: the latest of
    its platforms, and what its builder says; None where one does not say. `problem` says in a sentence why there is
    none, when the registry has no such image; the others are empty then.
    """

    repository: str = ""
    digest: str = ""
    platforms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    user: str = ""
    created: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetQuestion:
    """A wish to know what the interpreter in `image`, a reference by digest, is (`Environment.target`)."""

    image: str
    ecosystem: Literal["pypi", "npm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsAnswer:
    """What a server offers: the protocol era it answered in, and each definition as it was sent, on all pages."""

    era: str
    tools: tuple[Mapping[str, Any], ...]
    offers: OffersAnswer = NOTHING
