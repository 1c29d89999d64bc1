"""Real data that is not part of the project: read where it lies, skipped where it is absent, unless it is required."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MCPHUB_SHARED_DATA", "../shared/data"))
REQUIRED = "MCPHUB_REQUIRE_SHARED_DATA" in os.environ

needs_shared_data = pytest.mark.skipif(not SHARED.is_dir() and not REQUIRED, reason="the shared data is absent")
