from tests.runtime.engines.conftest import run

__all__ = ["run"]
