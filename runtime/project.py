"""Reads a project and runs the compiler on it: the one place where both meet."""

from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.compiler.read.syntax import MAX_BYTES
from mcphub_gitops.compiler.validation import Validated, validate
from mcphub_gitops.runtime.failure import RuntimeFailure

HUB_FILE = "mcp-hub.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a hub document; `hub_file` is relative to it and is the name that diagnostics show."""

    root: Path
    hub_file: str = HUB_FILE

    def validate(self) -> Validated:
        """Validate the hub document; raises RuntimeFailure when it cannot be read."""
        path = self.root / self.hub_file
        try:
            with path.open("rb") as file:
                # One byte past the limit is enough to tell that there is more.
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise RuntimeFailure(
                f"{self.hub_file} cannot be read",
                detail=f"{error.strerror}: {path}",
                resolution="run mcphub in the folder that holds it, or give its path with --file",
            ) from error
        return validate(self.hub_file, data)
