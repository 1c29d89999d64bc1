from typing import Any

import pytest

from mcphub_gitops.runtime.engines.docker.images import Progress, reference_of
from mcphub_gitops.runtime.failure import RuntimeFailure

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("image", "name", "host"),
    [
        ("registry.example/team/search", "registry.example/team/search", "registry.example"),
        ("registry.example:5000/search:3", "registry.example:5000/search", "registry.example:5000"),
        ("127.0.0.1:5000/search", "127.0.0.1:5000/search", "127.0.0.1:5000"),
        ("localhost/search:latest", "localhost/search", "localhost"),
        ("mcp/fetch:1.0", "mcp/fetch", "docker.io"),
        ("busybox", "busybox", "docker.io"),
        ("busybox:1", "busybox", "docker.io"),
    ],
)
def test_a_reference_is_taken_apart(image: str, name: str, host: str) -> None:
    reference = reference_of(f"{image}@{DIGEST}")
    assert (reference.name, reference.digest, reference.host) == (name, DIGEST, host)
    assert str(reference) == f"{name}@{DIGEST}"


@pytest.mark.parametrize("image", ["busybox", "busybox:1", "@sha256:0", "busybox@md5:0", ""])
def test_an_image_without_a_digest_could_be_anything(image: str) -> None:
    with pytest.raises(RuntimeFailure, match="not an image by its digest"):
        reference_of(image)


def test_progress_counts_what_is_loaded_and_nothing_twice() -> None:
    progress = Progress()
    lines: list[dict[str, Any]] = [
        {"status": "Pulling from search", "id": "3"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 10, "total": 100}, "id": "a"},
        {"status": "Downloading", "progressDetail": {"current": 5, "total": 50}, "id": "b"},
        {"status": "Download complete", "progressDetail": {}, "id": "a"},
        {"status": "Extracting", "progressDetail": {"current": 1, "total": 100}, "id": "a"},
        {"status": "Pull complete", "progressDetail": {}, "id": "a"},
        {"status": "Already exists", "progressDetail": {}, "id": "c"},
        {"status": "Download complete", "progressDetail": {}, "id": "d"},
    ]
    told = [(progress.done, progress.known) for line in lines if progress.take(line)]
    assert told == [(10, 100), (15, 150), (105, 150)]
