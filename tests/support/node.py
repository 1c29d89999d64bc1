"""Tests that need Node.js with npm: skipped without them, unless they are required; and packages for them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

REQUIRED = os.environ.get("MCPHUB_REQUIRE_NODE") == "1"

needs_node = pytest.mark.skipif(
    not REQUIRED and (shutil.which("node") is None or shutil.which("npm") is None), reason="Node.js and npm are absent"
)


def install_packages(cache: pytest.Cache, source: Path, script: str) -> Path:
    """Return a folder with the packages that the lock file in `source` has, and its `script`; it is kept.

    Where the registry cannot be reached, the tests are skipped unless they are required.
    """
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache.mkdir(f"{source.name}-{digest}")
    if not (folder / "whole").exists():
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode and not REQUIRED:
            pytest.skip(f"npm cannot install what {source.name} needs: {done.stderr.strip().splitlines()[:1]}")
        assert done.returncode == 0, done.stderr
        (folder / "whole").touch()
    shutil.copy(source / script, folder)
    return folder
