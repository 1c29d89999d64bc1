import os
from pathlib import Path

import pytest

from tests.support.bases import push_python_base
from tests.support.engine import Engine
from tests.test_readme import is_free, steps, walk


@pytest.mark.skipif(not is_free(8811), reason="something listens on the port that the README names")
def test_the_container_goes_as_the_readme_says(engine: Engine, tmp_path: Path) -> None:
    base = push_python_base(engine, "readme-base")
    walk(tmp_path, steps("console engine"), {**os.environ, "DOCKER_HOST": engine.host, "BASE": base})
