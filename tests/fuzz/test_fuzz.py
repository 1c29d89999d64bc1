import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fuzzing import TARGETS

pytest.importorskip("atheris", reason="atheris has no wheel for this machine")
ROOT = Path(__file__).parents[2]
SECONDS = "3"


@pytest.mark.parametrize("target", TARGETS)
def test_a_few_seconds_of_fuzzing_find_nothing(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", SECONDS, str(tmp_path), target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in tmp_path.glob("failed-*")] == []
    assert "stat::number_of_executed_units" in done.stderr
