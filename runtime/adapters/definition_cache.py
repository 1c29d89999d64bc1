"""Readable tool definitions that were read once: what is in which file of a project's folder of definitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mcphub_gitops.compiler.compilation import ReadDefinitions
from mcphub_gitops.compiler.lock.proven import Reader, preserve, revive
from mcphub_gitops.runtime.adapters.kept import KeptFiles


@dataclass(frozen=True, kw_only=True)
class DefinitionCache:
    """What is in definitions, in `folder` (`kept.cache_folder`); without one, each file is read anew."""

    folder: Path | None

    @contextmanager
    def open(self, definitions: Path) -> Iterator[ReadDefinitions]:
        """Yield what reads the files of the folder `definitions`, and keep what was read if some of it is new.

        A file is known by the digest of what is in it, wherever it lies: the folder only says what is kept together.
        """
        kept = self._files.read(str(definitions))
        reader = Reader(known=revive(kept) if kept is not None else {})
        yield reader.read
        if reader.new:
            self._files.write(str(definitions), preserve(reader.found))

    @cached_property
    def _files(self) -> KeptFiles:
        return KeptFiles(folder=self.folder, rooms=("", "lock"))
