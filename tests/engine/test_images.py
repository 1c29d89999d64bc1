"""Images fetched from a real registry by a real engine."""

import asyncio
import os
import uuid
from collections.abc import Callable

import pytest
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.engine.conftest import Hub
from tests.runtime.engines.conftest import Run
from tests.support.engine import encoded, tar_of

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])


def nothing(_done: int, _known: int) -> None:
    """Learn of nothing."""


@pytest.fixture
def absent(hub: Hub) -> str:
    """A reference to an image of 4 MB that the registry has, and the engine no longer."""
    image = hub.raw.push(f"absent-{uuid.uuid4().hex[:8]}", tar_of({"data": os.urandom(4_000_000)}), 'CMD ["/data"]')
    hub.raw.forget(image)
    return image


def test_an_image_that_is_fetched_is_present(run: Run, hub: Hub, absent: str) -> None:
    told: list[tuple[int, int]] = []
    engine = hub.engine()
    assert run(engine.present([absent, hub.image, absent])) == {hub.image}
    run(engine.pull(absent, lambda done, known: told.append((done, known))))
    assert run(engine.present([absent, hub.image])) == {absent, hub.image}
    assert told
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] >= 4_000_000


def test_a_tag_beside_the_digest_does_not_matter(run: Run, hub: Hub, absent: str) -> None:
    tagged = absent.replace("@", ":no-such-tag@")
    run(hub.engine().pull(tagged, nothing))
    assert run(hub.engine().present([tagged])) == {tagged}
    run(hub.engine().create(hub.spec(image=tagged, entrypoint=("/data",))))


@pytest.mark.parametrize(
    "change",
    [lambda image: image[:-8] + "00000000", lambda image: image.replace("absent-", "never-")],
    ids=["digest", "repository"],
)
def test_an_image_that_is_not_there_is_named(run: Run, hub: Hub, absent: str, change: Callable[[str], str]) -> None:
    image = change(absent)
    with pytest.raises(RuntimeFailure, match="cannot be fetched") as raised:
        run(hub.engine().pull(image, nothing))
    assert image in raised.value.brief
    assert "manifest unknown" in raised.value.detail or "not found" in raised.value.detail


def test_a_registry_that_is_not_there_is_told(run: Run, hub: Hub) -> None:
    image = f"127.0.0.1:1/none@sha256:{'0' * 64}"
    with pytest.raises(RuntimeFailure, match="cannot be fetched") as raised:
        run(hub.engine().pull(image, nothing))
    assert "refused" in raised.value.detail
    assert raised.value.retryable


def test_the_credential_of_the_host_is_asked_for(run: Run, hub: Hub, absent: str) -> None:
    asked: list[str] = []

    def credential(host: str) -> str:
        asked.append(host)
        return encoded({"username": "somebody", "password": "of no account"})

    run(hub.engine(credentials=credential).pull(absent, nothing))
    assert asked == [hub.raw.registry]


def test_a_cancelled_fetch_can_be_begun_again(run: Run, hub: Hub, absent: str) -> None:
    async def twice() -> None:
        engine = hub.engine()
        first = asyncio.ensure_future(engine.pull(absent, nothing))
        await asyncio.wait((first,), timeout=0.02)
        first.cancel()
        await asyncio.wait((first,))
        await engine.pull(absent, nothing)

    run(twice())
    assert run(hub.engine().present([absent])) == {absent}
