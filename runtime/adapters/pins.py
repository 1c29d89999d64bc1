"""Requirement lines of a lock: one distribution at one version, and the hashes of its files. Pure text."""

import re
from dataclasses import dataclass

_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_VERSION = r"[A-Za-z0-9.+!_-]+"
# What PEP 508 markers are made of; two hyphens after a space would begin an option.
_MARKER = r"(?:(?! --)[A-Za-z0-9_.'\"<>=!~() +-])+?"
_LINE = re.compile(
    rf"(?P<name>{_NAME})==(?P<version>{_VERSION})(?: ; (?P<marker>{_MARKER}))?"
    r"(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)
_REQUIREMENT = re.compile(rf"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==(?P<version>{_VERSION}))?")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Pin:
    """A distribution at one version; `hashes` are ``sha256:<hex>``, sorted, of every file it was published as."""

    name: str
    version: str
    marker: str = ""
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name}=={self.version}{marker}" + "".join(f" --hash={each}" for each in self.hashes)


def parse_pin(line: str) -> Pin | None:
    """Return the pin that `line` is, or None.

    Nothing but ``name==version [; marker] --hash=sha256:…`` is one: an option, a second file or the address of an
    index, which uv would also take from such a line, cannot come in through a lock.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    hashes = tuple(sorted(part.removeprefix("--hash=") for part in match["hashes"].split()))
    return Pin(name=match["name"], version=match["version"], marker=match["marker"] or "", hashes=hashes)


def read_pins(text: str) -> tuple[Pin, ...] | None:
    """Return what `uv pip compile` wrote, in the order of names; None when any of it is not a pin."""
    lines = (" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines())
    pins = [parse_pin(line) for line in lines if line and not line.startswith("#")]
    found = [pin for pin in pins if pin is not None]
    return tuple(sorted(found)) if found and len(found) == len(pins) else None


def split_requirement(requirement: str) -> tuple[str, str] | None:
    """Return the normalised name and the version (empty without one) of ``name`` or ``name==version``, or None."""
    match = _REQUIREMENT.fullmatch(requirement)
    return (normalise(match["name"]), match["version"] or "") if match else None


def normalise(name: str) -> str:
    """Return the one spelling of a distribution's name (PyPA specification "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()
