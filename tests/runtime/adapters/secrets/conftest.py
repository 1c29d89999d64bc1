from collections.abc import Iterator

import pytest

from tests.support.openbao import OpenBao, running_openbao


@pytest.fixture(scope="session")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as bao:
        yield bao
