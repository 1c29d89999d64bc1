"""Bundles of policies: fetched once, and kept, since what a bundle is named by never leads to something else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.resolve.model import PolicyBundle
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

MAX_BYTES = 8 * 1024 * 1024
"""The most that all files of a bundle have."""

Files = Mapping[str, bytes]
Fetch = Callable[[PolicyBundle], Files]
"""Returns the files of a bundle by the names that users know; raises RuntimeFailure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleShelf:
    """The bundles that were fetched: a document each in `folder`, which no server may write to."""

    folder: Path

    def find(self, bundle: PolicyBundle) -> Files | None:
        """Return the files of `bundle`, None where they are not here, or not whole; raises RuntimeFailure."""
        data = read_file(self._file(bundle), limit=2 * MAX_BYTES)
        try:
            found = json.loads(data) if data is not None else None
        except ValueError:
            return None
        if not isinstance(found, dict):
            return None
        return {name: str(text).encode("utf-8", "surrogateescape") for name, text in found.items()}

    def fetch(self, bundle: PolicyBundle, fetch: Fetch) -> Files:
        """Return the files of `bundle`, which are fetched and kept where they are not here; raises RuntimeFailure."""
        kept = self.find(bundle)
        if kept is not None:
            return kept
        found = {name: data for name, data in sorted(fetch(bundle).items()) if name.endswith((".yaml", ".yml"))}
        if not found or sum(map(len, found.values())) > MAX_BYTES:
            raise RuntimeFailure(
                f"the policy bundle {bundle} is not used",
                detail=f"It has to hold files named *.yaml, of {MAX_BYTES // 1024**2} MiB at most.",
                resolution="name another one, or push it again",
            )
        # Bytes that are no UTF-8 are kept too: what reads policies tells of them at their place.
        texts = {name: data.decode("utf-8", "surrogateescape") for name, data in found.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(self._file(bundle), json.dumps(texts).encode())
        return found

    def _file(self, bundle: PolicyBundle) -> Path:
        return self.folder / f"{fingerprint([bundle.kind, str(bundle)]).removeprefix('sha256:')}.json"
