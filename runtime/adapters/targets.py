"""What a container's interpreter is, and how it finds and starts a package that is mounted for it. Pure text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Self

from mcphub_gitops.compiler.plan.container import PACKAGE_FOLDER
from mcphub_gitops.runtime.adapters.complaints import OLDEST_PYTHON
from mcphub_gitops.runtime.failure import RuntimeFailure

_TARGET = re.compile(r"python(?P<major>3)\.(?P<minor>0|[1-9][0-9]?)-(?P<libc>gnu|musl)")
_OLDEST_MINOR = int(OLDEST_PYTHON.partition(".")[2])

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
"""uv's names of what `uname -m` says, on Linux and elsewhere."""

_SYSTEMS = {
    # glibc of 2018: that of Debian 10, Ubuntu 18.10 and RHEL 8. A wheel that needs a newer one would be installed, and
    # then not load in an image that has an older one; which one an image has, nobody knows here.
    "gnu": "manylinux_2_28",
    # musl 1.2, which Alpine has had since 3.13 (2021).
    "musl": "unknown-linux-musl",
}

VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        # The folder becomes a site directory, as in a virtual environment: it comes after the standard library, and
        # its .pth files count. From PYTHONPATH it would come first, and a distribution that is called like a module of
        # the standard library (asyncio, typing, pathlib, uuid, all of them on the index) would take its place.
        "PYTHONUSERBASE": PACKAGE_FOLDER,
        # What an image sets for its own sake: the one would shut that folder out, the other comes before all that is
        # locked. Empty is unset (Python's manual, "Command line and environment").
        "PYTHONNOUSERSITE": "",
        "PYTHONPATH": "",
        # It could not be written, and would only be tried.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
)
"""How a container's Python finds the packages, those that it starts itself as well."""

PYTHON_SCRIPT = b"#!/usr/bin/env python3\n"
"""How a Python script begins that names no interpreter of one machine."""

_STARTED_BY_THE_KERNEL = (b"#!", b"\x7fELF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A container's Python: its minor version ("3.12") and its C library."""

    version: str
    libc: Literal["gnu", "musl"]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the target that `text` is, such as ``python3.12-gnu``; raises RuntimeFailure when it is none."""
        found = _TARGET.fullmatch(text)
        if found is None or int(found["minor"]) < _OLDEST_MINOR:
            raise RuntimeFailure(
                f"no package of the Python index can be installed for `{text}`",
                detail=f"A container's Python is {OLDEST_PYTHON} or later, with glibc (gnu) or musl.",
                resolution=f"choose a base image with Python {OLDEST_PYTHON} or later, as for `python3.12-gnu`",
            )
        libc: Literal["gnu", "musl"] = "musl" if found["libc"] == "musl" else "gnu"
        return cls(version=f"{found['major']}.{found['minor']}", libc=libc)

    @property
    def site(self) -> str:
        """The folder of packages, relative to the environment: where `site` looks below PYTHONUSERBASE."""
        return f"lib/python{self.version}/site-packages"

    @property
    def scripts(self) -> str:
        """The folder of scripts, relative to the environment: where uv puts them with ``--target``."""
        return f"{self.site}/bin"

    def platform(self, machine: str) -> str:
        """Return uv's name of the platform, for the architecture that `uname -m` calls `machine`.

        Raises RuntimeFailure for an architecture that no container of ours runs on.
        """
        if machine.lower() not in _MACHINES:
            raise RuntimeFailure(
                "no package can be installed for a container on this machine",
                detail=f"Its architecture is {machine}; known are x86_64 and aarch64.",
                resolution="run the server as a process",
            )
        return f"{_MACHINES[machine.lower()]}-{_SYSTEMS[self.libc]}"

    def entrypoint(self, script: str, head: bytes) -> tuple[str, ...]:
        """Return what starts `script`, whose first bytes are `head`, in the container.

        The image's own Python runs a Python script, wherever it is; ``-P`` keeps the folder of scripts from being
        searched for modules. Anything else, such as a compiled program, is started itself.
        """
        path = f"{PACKAGE_FOLDER}/{self.scripts}/{script}"
        return ("python3", "-P", path) if head.startswith(PYTHON_SCRIPT) else (path,)


def is_program(head: bytes) -> bool:
    """Whether a file that begins with `head` can be started: a wheel's own package may be called `bin` as well."""
    return head.startswith(_STARTED_BY_THE_KERNEL)
