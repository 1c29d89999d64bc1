"""The protocol's TypeScript clients: installed from their lock file, and run."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import install_packages

CLIENTS = Path(__file__).resolve().parent / "typescript"


def install_clients(cache: pytest.Cache) -> Path:
    """Return a folder with the clients as their lock file has them; see `install_packages`."""
    return install_packages(cache, CLIENTS, "client.mjs")


def run_client(folder: Path, wanted: Mapping[str, object]) -> Any:  # noqa: ANN401  (any JSON value)
    """Return what the client in `folder` says of a gateway."""
    done = subprocess.run(
        ["node", "client.mjs", json.dumps(wanted)], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
