"""Tests that need Node.js with npm: skipped without them, unless they are required."""

import os
import shutil

import pytest

REQUIRED = os.environ.get("MCPHUB_REQUIRE_NODE") == "1"

needs_node = pytest.mark.skipif(
    not REQUIRED and (shutil.which("node") is None or shutil.which("npm") is None), reason="Node.js and npm are absent"
)
