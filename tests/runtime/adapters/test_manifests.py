import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.adapters.manifests import (
    MOST_ENTRIES,
    Configuration,
    Entry,
    Index,
    MalformedError,
    Manifest,
    NoImage,
    read_configuration,
    read_manifest,
)
from tests.support.registry import DOCKER, OCI, Kinds, split_platform

DIGEST, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def entry(digest: str = DIGEST, platform: str = "linux/amd64", **more: object) -> dict[str, Any]:
    place = {"platform": split_platform(platform)} if platform else {}
    return {"mediaType": OCI.manifest, "digest": digest, "size": 1, **place, **more}


def index(*entries: object, **more: object) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": OCI.index, "manifests": list(entries), **more}


def manifest(**more: object) -> dict[str, Any]:
    config = {"mediaType": OCI.config, "digest": DIGEST, "size": 1}
    return {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": [], **more}


def read(content: object, kind: str = "") -> Index | Manifest | NoImage:
    return read_manifest(json.dumps(content).encode(), kind)


def complaint(content: object, kind: str = "") -> str:
    with pytest.raises(MalformedError) as caught:
        read(content, kind)
    return str(caught.value)


@pytest.mark.parametrize("kinds", [OCI, DOCKER], ids=["oci", "docker"])
def test_what_it_is_stands_in_the_document_or_in_what_it_was_sent_as(kinds: Kinds) -> None:
    several = Index(entries=(Entry(digest=DIGEST, platform="linux/amd64"),))
    assert read(index(entry(), mediaType=kinds.index)) == several
    assert read(index(entry(), mediaType=None), f"{kinds.index}; charset=utf-8") == several
    assert read(index(entry(), mediaType=kinds.index), "application/json") == several
    single = manifest(mediaType=None, config={"mediaType": kinds.config, "digest": DIGEST})
    assert read(single, kinds.manifest) == Manifest(config=DIGEST)


def test_a_document_that_could_be_read_in_two_ways_is_not_read() -> None:
    assert "was sent as" in complaint(index(entry()), OCI.manifest)
    assert "was sent as" in complaint(manifest(), DOCKER.index)
    assert "with more than that" in complaint(index(entry(), config={"digest": DIGEST}))
    assert "with more than that" in complaint(index(entry(), layers=[]))
    assert "with more than that" in complaint(manifest(manifests=[]))


def test_platforms_keep_their_order_and_the_first_of_each_counts() -> None:
    found = read(index(entry(OTHER, "linux/arm64/v8"), entry(), entry(OTHER), entry(OTHER, "")))
    assert isinstance(found, Index)
    assert [(each.platform, each.digest) for each in found.entries] == [
        ("linux/arm64/v8", OTHER),
        ("linux/amd64", DIGEST),
        ("", OTHER),
    ]


def test_what_is_no_image_is_left_out_of_an_index() -> None:
    attestation = entry(OTHER, "unknown/unknown")
    layer = entry(OTHER, "linux/arm64", mediaType="application/vnd.oci.image.layer.v1.tar")
    assert read(index(attestation, layer)) == Index(entries=())


def test_an_index_in_an_index_is_told() -> None:
    found = read(index(entry(mediaType=DOCKER.index)))
    assert isinstance(found, NoImage)
    assert "another index" in found.why


def test_the_oldest_format_is_told() -> None:
    signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    for content, kind in [({"schemaVersion": 1}, ""), ({"schemaVersion": 1}, OCI.manifest), ({}, signed)]:
        found = read(content, kind)
        assert isinstance(found, NoImage)
        assert "schema 1" in found.why


def test_an_artifact_is_told_by_its_own_name() -> None:
    helm = manifest(config={"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": DIGEST})
    assert read(helm) == NoImage(why="is no container image but a `application/vnd.cncf.helm.config.v1+json`")
    assert read({"mediaType": "a/b"}) == NoImage(why="is no container image but a `a/b`")
    assert read(manifest(config={"mediaType": "x\n", "digest": DIGEST})) == NoImage(
        why="is no container image but something else"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "not a JSON object"),
        ({}, "does not say what it is"),
        ({"mediaType": "x\n"}, "does not say what it is"),
        ({"mediaType": 1}, "`mediaType` that is not text"),
        (index() | {"manifests": {}}, "without a list"),
        (index("x"), "something else than manifests"),
        (index(entry("sha512:" + "1" * 128)), "something else than a sha256 digest"),
        (index(entry(DIGEST + "\n")), "something else than a sha256 digest"),
        (index(entry(platform="linux")), "a platform that cannot be one"),
        (index(entry(platform="linux/../v8")), ""),
        (index(entry(platform="linux/a b")), "a platform that cannot be one"),
        (index({**entry(), "platform": ["linux"]}), "a platform that is not an object"),
        (index(*[entry(platform=f"linux/a{n}") for n in range(MOST_ENTRIES + 1)]), f"{MOST_ENTRIES} are allowed"),
        (manifest(config=[]), "without a configuration"),
        (manifest(config={"mediaType": OCI.config}), "something else than a sha256 digest"),
    ],
)
def test_what_is_not_as_it_should_be_is_told_as_the_end_of_a_sentence(content: object, words: str) -> None:
    if words:
        assert words in complaint(content)
    else:
        assert isinstance(read(content), Index)


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000, b"null"])
def test_what_is_no_json_is_told(data: bytes) -> None:
    for reader in (lambda: read_manifest(data, OCI.manifest), lambda: read_configuration(data)):
        with pytest.raises(MalformedError, match="not a JSON object"):
            reader()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"os": "linux", "architecture": "amd64"}, ("linux/amd64", "")),
        ({"os": "linux", "architecture": "arm", "variant": "v7", "config": {"User": "app"}}, ("linux/arm/v7", "app")),
        ({"os": "linux", "architecture": "amd64", "config": None}, ("linux/amd64", "")),
        ({"os": "linux", "architecture": "amd64", "config": {"User": None}}, ("linux/amd64", "")),
    ],
)
def test_a_configuration_names_a_platform_and_perhaps_a_user(content: object, found: tuple[str, str]) -> None:
    assert read_configuration(json.dumps(content).encode()) == Configuration(platform=found[0], user=found[1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "names no platform"),
        ({"os": "linux", "architecture": "amd64", "config": []}, ""),
        ({"os": "linux", "architecture": "amd64", "config": [1]}, "`config` that is not an object"),
        ({"os": "linux", "architecture": "amd64", "config": {"User": 0.5}}, "`User` that is not text"),
        ({"os": "linux", "architecture": "amd64", "config": {"User": "a\nb"}}, "user that cannot be one"),
        ({"os": "linux", "architecture": "amd64", "config": {"User": "a" * 257}}, "user that cannot be one"),
    ],
)
def test_a_configuration_that_is_not_as_it_should_be_is_told(content: object, words: str) -> None:
    data = json.dumps(content).encode()
    if not words:
        assert read_configuration(data).user == ""
        return
    with pytest.raises(MalformedError, match=words):
        read_configuration(data)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from([DIGEST, OCI.manifest, OCI.config]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mediaType", "digest", "platform", "os", "architecture", "manifests", "config", "User"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(anything, st.sampled_from(["", OCI.index, DOCKER.manifest, "text/html"]))
def test_any_json_is_read_or_told(content: object, kind: str) -> None:
    data = json.dumps(content).encode()
    for reader in (lambda: read_manifest(data, kind), lambda: read_configuration(data)):
        assert str(outcome(reader)).isprintable()


def outcome(reader: Callable[[], object]) -> object:
    try:
        return reader()
    except MalformedError as error:
        return error


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2023-05-04T17:37:03.872958712Z", 1683221823),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2023-05-04T17:37:03", None),
        ("yesterday", None),
        (12, None),
        (None, None),
    ],
)
def test_when_an_image_was_made_is_what_it_says_with_a_zone(said: object, moment: int | None) -> None:
    content = {"os": "linux", "architecture": "amd64", "created": said}
    assert read_configuration(json.dumps(content).encode()).created == moment
