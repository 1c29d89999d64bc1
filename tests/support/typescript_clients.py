"""The protocol's TypeScript clients: installed from their lock file, and run."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import REQUIRED

CLIENTS = Path(__file__).resolve().parent / "typescript"


def install_clients(cache: pytest.Cache) -> Path:
    """Return a folder with the clients as their lock file has them; it is kept until that changes.

    Where the registry cannot be reached, the tests are skipped unless they are required.
    """
    digest = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache.mkdir(f"typescript-{digest}")
    if not (folder / "whole").exists():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(CLIENTS / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode and not REQUIRED:
            pytest.skip(f"npm cannot install the clients: {done.stderr.strip().splitlines()[:1]}")
        assert done.returncode == 0, done.stderr
        (folder / "whole").touch()
    shutil.copy(CLIENTS / "client.mjs", folder)
    return folder


def run_client(folder: Path, wanted: Mapping[str, object]) -> Any:  # noqa: ANN401  (any JSON value)
    """Return what the client in `folder` says of a gateway."""
    done = subprocess.run(
        ["node", "client.mjs", json.dumps(wanted)], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
