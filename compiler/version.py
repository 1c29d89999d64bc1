"""What version of mcphub this is, and whether a hub needs a newer one."""

import re
from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import MapNode, Node, ScalarNode

VERSION = "0.1.0"
"""This version, as the package has it: ``MAJOR.MINOR.PATCH``, and a suffix before a release."""

_RELEASE = re.compile(r"[0-9]+(\.[0-9]+){0,2}")
_REQUIREMENT = re.compile(r">=(?P<least>[0-9]{1,6}(\.[0-9]{1,6}){0,2})")
"""A version or a later one; the schema refuses every other form."""


def find_too_old(root: Node | None, version: str = VERSION) -> Iterator[Diagnostic]:
    """Yield what is wrong where the document `root` needs a newer mcphub than `version`.

    What it asks for in no known form is the schema's to tell.
    """
    entry = root.get("requires") if isinstance(root, MapNode) else None
    node = entry.value if entry is not None else None
    found = _REQUIREMENT.fullmatch(node.value) if isinstance(node, ScalarNode) and isinstance(node.value, str) else None
    if node is None or found is None or not is_older(version, found["least"]):
        return
    detail = f"This is mcphub {version}, and the document is written for {found['least']} or later."
    help_ = f"update mcphub to {found['least']} or later; nothing else of the document was looked at"
    yield Diagnostic(code=codes.TOO_OLD, detail=detail, span=node.span, help=help_)


def is_older(version: str, least: str) -> bool:
    """Tell whether `version` comes before `least`; both begin with up to three numbers, and those that lack are 0.

    A suffix counts as the release that it leads to: who tries `0.2.0rc1` is to be able to read what is written for 0.2.
    """
    return _numbers(version) < _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    found = _RELEASE.match(version)
    numbers = [int(part) for part in found[0].split(".")] if found is not None else []
    return tuple([*numbers, 0, 0, 0][:3])
