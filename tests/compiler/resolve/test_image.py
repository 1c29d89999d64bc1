import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.image import ImageReference, parse

DIGEST = "sha256:" + "0123456789abcdef" * 4

ALNUM = string.ascii_lowercase + string.digits
words = st.text(ALNUM, min_size=1, max_size=8)
parts = st.builds(
    lambda first, rest: first + "".join(f"{separator}{word}" for separator, word in rest),
    words,
    st.lists(st.tuples(st.sampled_from([".", "_", "__", "-", "---"]), words), max_size=2),
)
hosts = st.sampled_from(["", "localhost", "ghcr.io", "registry.example.com", "127.0.0.1", "[::1]", "h"])
ports = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
tags = st.text(string.ascii_letters + string.digits + "_.-", min_size=1, max_size=128).filter(
    lambda tag: tag[0] not in ".-"
)


@st.composite
def references(draw: st.DrawFn) -> str:
    host, port = draw(hosts), draw(ports)
    place = f"{host}{port}/" if host and (port or host != "h") else ""
    names = draw(st.lists(parts, min_size=1, max_size=4))
    # A first part with a dot would be the host.
    assume(place or len(names) == 1 or "." not in names[0])
    path = "/".join(names)
    tag, digest = draw(st.one_of(st.just(""), tags.map(":{}".format))), draw(st.sampled_from(["", f"@{DIGEST}"]))
    return f"{place}{path}{tag}{digest}"


def read(text: str) -> ImageReference:
    found = parse(text)
    assert isinstance(found, ImageReference), found
    return found


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
        ("docker.io/mcp/time", "docker.io/mcp/time:latest"),
        ("mcp/time:1.2", "docker.io/mcp/time:1.2"),
        ("ghcr.io/acme/search", "ghcr.io/acme/search:latest"),
        ("ghcr.io/search", "ghcr.io/search:latest"),
        ("GHCR.io/acme/search", "ghcr.io/acme/search:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a/b/c:x", "localhost:5000/a/b/c:x"),
        ("registry:5000/a", "registry:5000/a:latest"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        ("[::1]/a", "[::1]/a:latest"),
        ("host/a", "docker.io/host/a:latest"),
        # Without a slash, what follows the colon is a tag, whatever stands before it.
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("a__b.c_d---e", "docker.io/library/a__b.c_d---e:latest"),
        (f"alpine@{DIGEST}", f"docker.io/library/alpine@{DIGEST}"),
        (f"alpine:3@{DIGEST}", f"docker.io/library/alpine:3@{DIGEST}"),
    ],
)
def test_what_people_leave_out_is_added_as_docker_does(text: str, full: str) -> None:
    assert str(read(text)) == full


def test_a_reference_by_digest_names_nothing_that_can_move() -> None:
    reference = read("ghcr.io/acme/search:3")
    assert reference.repository == "ghcr.io/acme/search"
    assert reference.tagged == "ghcr.io/acme/search:3"
    assert reference.by_digest(DIGEST) == f"ghcr.io/acme/search@{DIGEST}"
    assert read(f"ghcr.io/acme/search@{DIGEST}").tagged == "ghcr.io/acme/search"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no name"),
        (":3", "has no name"),
        ("ghcr.io/", "has no name"),
        (f"@{DIGEST}", "has no name"),
        ("https://ghcr.io/a", "without `https://`"),
        ("docker://alpine", "without `docker://`"),
        ("a//b", "`a//b` has an empty part"),
        ("/a", "`/a` has an empty part"),
        ("a/", "`a/` has an empty part"),
        ("ghcr.io/Acme/search", "`Acme` has capital letters"),
        # Docker takes this for a registry called Acme.
        ("Acme/search", "`Acme` has capital letters"),
        ("-a", "`-a` cannot be part"),
        ("a_", "`a_` cannot be part"),
        ("a___b", "`a___b` cannot be part"),
        ("a..b/c..d/", "is no host name"),
        (" alpine", "` alpine` cannot be part"),
        ("alpine\n", "cannot be part"),
        ("ä", "`ä` cannot be part"),
        ("a/../b", "`..` cannot be part"),
        ("0" * 64, "identifier"),
        ("alpine:", "`` is no tag"),
        ("alpine:.3", "`.3` is no tag"),
        ("alpine:a:b", "`a:b` is no tag"),
        ("alpine:" + "x" * 129, "is no tag"),
        ("alpine@", "`` is no digest"),
        ("alpine@sha256:abc", "`sha256:abc` is no digest"),
        ("alpine@" + DIGEST.upper(), "is no digest"),
        (f"alpine@{DIGEST}0", "is no digest"),
        (f"alpine@{DIGEST}@{DIGEST}", "is no digest"),
        ("alpine@sha512:" + "0" * 128, "one of `sha512`; images are locked by sha256"),
        ("my_host.example/a", "`my_host.example` is no registry"),
        ("host:/a", "`host:` is no registry"),
        ("host:x/a", "`host:x` is no registry"),
        ("a.b@c/d", "is no digest"),
        ("host:65536/a", "from 1 to 65535"),
        ("host:0/a", "from 1 to 65535"),
        ("1.2.3.4.5/a", "is no IPv4 address"),
        ("[::g]/a", "`[::g]` is no registry"),
        ("[1]/a", "`[1]` cannot be part"),
        ("[1.]/a", "is no IPv6 address"),
        ("-x.example/a", "is no host name"),
        ("ghcr.io/" + "a" * 248, "at most 255"),
        ("A" * 1_000_000, "at most 255"),
    ],
)
def test_what_is_no_image_is_refused_in_a_sentence(text: str, words: str) -> None:
    problem = parse(text)
    assert isinstance(problem, str)
    assert words in problem
    assert problem.endswith(".")
    assert problem[0].isupper() or problem[0] == "`"


def test_the_longest_name_has_255_characters_with_its_registry() -> None:
    name = "ghcr.io/" + "a" * 247
    assert str(read(f"{name}:{'x' * 128}@{DIGEST}")) == f"{name}:{'x' * 128}@{DIGEST}"
    assert len(read(name).repository) == 255


@given(references())
def test_every_reference_is_read_the_same_from_its_full_form(text: str) -> None:
    reference = read(text)
    assert parse(str(reference)) == reference
    assert parse(reference.by_digest(DIGEST)) == ImageReference(host=reference.host, path=reference.path, digest=DIGEST)
    assert reference.tag or reference.digest


@given(st.text(max_size=60) | st.text(ALNUM + "AZ.:/@_-[]\n", max_size=60))
@example("[::1]:5000/a:b@sha256:c")
def test_any_text_is_either_a_reference_in_full_form_or_a_sentence(text: str) -> None:
    found = parse(text)
    if isinstance(found, str):
        assert found.endswith(".")
    else:
        assert parse(str(found)) == found
        assert str(found).isascii()
        assert str(found).isprintable()
        assert " " not in str(found)
