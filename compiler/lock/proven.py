"""What is in files of tool definitions, as bytes and back: which tools, their fingerprints, their canonical form.

A file that was read once needs neither be parsed nor fingerprinted again: its own digest tells what is in it. The first
line holds the digest of all others, the second what is in which file; then each file has a line with its definitions.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcphub_gitops.compiler.canonical import digest, encode
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.definitions import Defined, Definitions, read_definitions


@dataclass(frozen=True, slots=True)
class Proven:
    """What is in a file: the fingerprint of each tool, and the definitions."""

    hashes: Mapping[str, str]
    definitions: Defined


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads definitions as `read_definitions` does; `known` has what is in files by their digest.

    `found` is all that was read and is right, `new` the digests of what of it was not known.
    """

    known: Mapping[str, Proven]
    found: dict[str, Proven] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)

    def read(
        self, name: str, data: bytes | None, tools: Mapping[str, str]
    ) -> tuple[Definitions, tuple[Diagnostic, ...]]:
        """Return the definitions in `data`, and how they differ from the lock's `tools`."""
        key = digest(data or b"")
        proven = self.known.get(key)
        if proven is not None and proven.hashes == tools:
            self.found[key] = proven
            return proven.definitions, ()
        definitions, problems = read_definitions(name, data, tools)
        if isinstance(definitions, Defined) and not problems:
            self.found[key] = Proven(dict(tools), definitions)
            self.new.add(key)
        return definitions, problems


def preserve(found: Mapping[str, Proven]) -> bytes:
    """Return what is in files, by their digests, as bytes that `revive` understands."""
    table = {key: dict(each.hashes) for key, each in found.items()}
    lines = (found[key].definitions.join(sorted(tools)) for key, tools in sorted(table.items()))
    body = b"\n".join((encode(table), *lines))
    return digest(body).encode() + b"\n" + body


def revive(kept: bytes) -> dict[str, Proven]:
    """Return what `preserve` was given; nothing where `kept` is damaged.

    Whoever calls answers for that `kept` was made by this edition of mcphub.
    """
    head, _, body = kept.partition(b"\n")
    if head != digest(body).encode():
        return {}
    first, *lines = body.split(b"\n")
    table: dict[str, dict[str, str]] = json.loads(first)
    return {
        key: Proven(hashes, Defined.joined(hashes, line))
        for (key, hashes), line in zip(table.items(), lines, strict=True)
    }
