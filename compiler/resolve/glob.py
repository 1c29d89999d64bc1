"""Globs of names as shells have them: ``*``, ``?`` and ``[…]`` stand for characters."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

_SPECIAL = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Globs:
    """Several globs; most filters name what they mean, and a name is found without a pattern."""

    names: frozenset[str]
    patterns: tuple[str, ...]

    @classmethod
    def of(cls, globs: Iterable[str]) -> "Globs":
        """Return `globs` as one value."""
        patterns = dict.fromkeys(globs)
        names = frozenset(glob for glob in patterns if _SPECIAL.search(glob) is None)
        return cls(names, tuple(glob for glob in patterns if glob not in names))

    def __bool__(self) -> bool:
        return bool(self.names or self.patterns)

    def match(self, name: str) -> bool:
        """Tell whether `name` is meant by any of them."""
        return name in self.names or any(fnmatchcase(name, glob) for glob in self.patterns)


def matches_any(glob: str, names: Collection[str]) -> bool:
    """Tell whether `glob` means any of `names`."""
    if _SPECIAL.search(glob) is None:
        return glob in names
    return any(fnmatchcase(name, glob) for name in names)
