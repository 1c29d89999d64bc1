"""What no real registry does, done by a fake on loopback; the real one is asked in `test_registry`."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from mcphub_gitops.compiler.resolve.image import ImageReference, parse
from mcphub_gitops.runtime.adapters.credentials import DockerLogins
from mcphub_gitops.runtime.adapters.registry_connection import LONGEST, Absence, Content, RegistryConnection
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.registry import OCI, basic, digest_of
from tests.support.registry_fakes import (
    NAMED,
    Asked,
    FakeRegistry,
    Reply,
    lead_home,
    make_certificate,
    running_fake,
)

MANIFEST, BLOB = "/v2/a/b/manifests/1", "/v2/a/b/blobs/"
BYTES = b"some bytes"
DIGEST = digest_of(BYTES)
HTML = Reply(status=404, headers={"Content-Type": "text/html"}, body=b"<html>canary</html>")


def error(status: int, *codes: str, **headers: str) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": "canary"} for code in codes]}).encode()
    return Reply(status=status, headers=headers, body=body)


def challenge(value: str) -> Reply:
    return Reply(status=401, headers={"WWW-Authenticate": value})


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with running_fake() as served:
        yield served


class Connect:
    """Connects to hosts with one login for each of them, or none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def __call__(
        self, host: str, login: dict[str, str] | None = None, *, insecure: tuple[str, ...] = (), timeout: float = 10
    ) -> RegistryConnection:
        (self._folder / "config.json").write_text(json.dumps({"auths": {host: login} if login else {}}))
        reference = parse(f"{host}/a/b:1")
        assert isinstance(reference, ImageReference)
        logins = DockerLogins({"DOCKER_CONFIG": str(self._folder)})
        return RegistryConnection(reference, logins, context=self.context, insecure=insecure, timeout=timeout)


LOGIN = {"auth": basic().removeprefix("Basic ")}


@pytest.fixture
def connect(tmp_path: Path) -> Connect:
    return Connect(tmp_path)


def failure_of(work: Callable[[], object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        work()
    told = f"{caught.value.brief}\n{caught.value.detail}\n{caught.value.resolution}"
    assert "canary" not in told
    assert basic().removeprefix("Basic ") not in told
    return caught.value


def fetch(connection: RegistryConnection) -> Content | Absence:
    with connection:
        return connection.manifest("1")


def refuse(connection: RegistryConnection) -> RuntimeFailure:
    with connection:
        return failure_of(lambda: connection.manifest("1"))


def test_bytes_come_with_their_own_digest_and_the_word_of_the_registry_on_what_they_are(
    fake: FakeRegistry, connect: Connect
) -> None:
    fake.replies[MANIFEST] = Reply(headers={"Content-Type": OCI.index}, body=BYTES)
    assert fetch(connect(fake.host)) == Content(data=BYTES, digest=DIGEST, media=OCI.index)
    asked = fake.asked[0]
    assert {OCI.index, OCI.manifest} <= set(asked.headers["accept"].split(", "))
    assert asked.headers["accept-encoding"] == "identity"
    assert "authorization" not in asked.headers


def test_other_bytes_than_a_digest_stands_for_are_refused(fake: FakeRegistry, connect: Connect) -> None:
    other = digest_of(b"other bytes")
    # The registry's own word on the digest does not help.
    lie = Reply(headers={"Docker-Content-Digest": other}, body=BYTES)
    fake.replies |= {f"/v2/a/b/manifests/{other}": lie, f"{BLOB}{other}": lie, MANIFEST: lie}
    with connect(fake.host) as connection:
        for ask in (
            lambda: connection.manifest(other),
            lambda: connection.blob(other),
            lambda: connection.manifest("1"),
        ):
            failure = failure_of(ask)
            assert failure.brief.endswith("what came is not what was asked for")
            assert failure.detail == f"{fake.host} was to send {other}, and sent {DIGEST}."
            assert not failure.retryable
        fake.replies[f"{BLOB}{DIGEST}"] = Reply(body=BYTES)
        blob = connection.blob(DIGEST)
        assert isinstance(blob, Content)
        assert blob.data == BYTES


def test_a_body_without_end_is_left_at_4_mib(fake: FakeRegistry, connect: Connect) -> None:
    fake.replies[MANIFEST] = Reply(body=b"x" * LONGEST)
    found = fetch(connect(fake.host))
    assert isinstance(found, Content)
    assert len(found.data) == LONGEST
    for reply in (Reply(body=b"x" * (LONGEST + 1)), Reply(body=b"x" * 65536, endless=True)):
        fake.replies[MANIFEST] = reply
        failure = refuse(connect(fake.host))
        assert failure.brief.endswith("what came is too large")
    fake.replies[MANIFEST] = Reply(status=404, body=b"x" * 65536, endless=True)
    assert "not answered as a registry" in refuse(connect(fake.host)).brief


def test_a_body_that_trickles_is_left_when_the_time_is_over(fake: FakeRegistry, connect: Connect) -> None:
    fake.replies[MANIFEST] = Reply(body=b"x", endless=True, pause=0.02)
    failure = refuse(connect(fake.host, timeout=0.3))
    assert failure.brief.endswith("the registry is too slow")
    assert failure.retryable


def test_a_registry_that_is_silent_is_left_when_the_time_is_over(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        failure = refuse(connect(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3))
    assert failure.brief.endswith("the registry is too slow")


def test_a_registry_that_is_not_there_is_a_failure_to_try_again(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    failure = refuse(connect(host))
    assert failure.brief == f"the image {host}/a/b:1 cannot be looked up: the registry cannot be reached"
    assert host in failure.detail
    assert failure.resolution
    assert failure.retryable
    assert refuse(connect("registry.invalid")).retryable


@pytest.mark.parametrize(
    ("reply", "absence"),
    [
        (error(404, "MANIFEST_UNKNOWN"), Absence.PART),
        (error(404, "NAME_UNKNOWN"), Absence.REPOSITORY),
        (Reply(status=404, headers={"Docker-Distribution-Api-Version": "registry/2.0"}), Absence.PART),
        (error(401, "UNAUTHORIZED", **{"WWW-Authenticate": "Basic realm=x"}), Absence.DENIED),
        (error(403, "DENIED"), Absence.DENIED),
    ],
)
def test_what_a_registry_says_of_what_is_not_there_is_an_answer(
    fake: FakeRegistry, connect: Connect, reply: Reply, absence: Absence
) -> None:
    fake.replies[MANIFEST] = reply
    assert fetch(connect(fake.host)) is absence


@pytest.mark.parametrize(
    ("reply", "reason", "detail", "retryable"),
    [
        (HTML, "not answered as a registry", "answered 404.", False),
        (Reply(status=403, body=b"<html>canary</html>"), "not answered as a registry", "answered 403.", False),
        (Reply(status=204), "not answered as a registry", "answered 204.", False),
        (Reply(status=302), "not answered as a registry", "answered 302.", False),
        (error(400, "TAG_INVALID", "canary"), "not answered as a registry", "answered 400 (TAG_INVALID).", False),
        (error(429, "TOOMANYREQUESTS"), "asked too often", "answered 429 (TOOMANYREQUESTS).", True),
        (error(500, "UNKNOWN"), "has a fault", "answered 500 (UNKNOWN).", True),
        (Reply(status=503), "has a fault", "answered 503.", True),
        (challenge("Negotiate"), "not answered as a registry", "answered 401.", False),
        (challenge("x" * 5000), "not answered as a registry", "answered 401.", False),
    ],
)
def test_what_is_no_answer_is_a_failure_that_names_the_host_and_what_to_do(
    fake: FakeRegistry, connect: Connect, reply: Reply, reason: str, detail: str, *, retryable: bool
) -> None:
    fake.replies[MANIFEST] = reply
    failure = refuse(connect(fake.host))
    assert reason in failure.brief
    assert failure.detail == f"{fake.host} {detail}"
    assert failure.resolution
    assert failure.retryable is retryable


@pytest.mark.parametrize(
    ("value", "when"), [("17", "in 17 seconds"), ("Wed, 21 Oct 2026 07:28:00 GMT", "later"), ("9" * 20, "later")]
)
def test_who_asks_too_often_is_told_when_to_come_back(
    fake: FakeRegistry, connect: Connect, value: str, when: str
) -> None:
    fake.replies[MANIFEST] = error(429, **{"Retry-After": value})
    resolution = refuse(connect(fake.host)).resolution
    assert resolution == f"try again {when}; with a login (`docker login {fake.host}`) more is allowed"


def test_what_is_no_http_is_a_failure(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = connect(f"127.0.0.1:{server.getsockname()[1]}")

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"SSH-2.0-OpenSSH\r\n")
                peer.recv(65536)

        thread = threading.Thread(target=answer)
        thread.start()
        failure = refuse(connection)
        thread.join()
    assert failure.brief.endswith("the registry cannot be reached")


def test_a_login_does_not_follow_a_redirect_to_another_host(fake: FakeRegistry, connect: Connect) -> None:
    with running_fake(address="127.0.0.2") as store:
        store.replies["/store"] = Reply(body=BYTES)
        fake.replies[f"{BLOB}{DIGEST}"] = guarded(
            Reply(status=307, headers={"Location": f"http://{store.host}/store?signature=x"})
        )
        with connect(fake.host, LOGIN) as connection:
            found = connection.blob(DIGEST)
        assert isinstance(found, Content)
        assert [asked.headers.get("authorization") for asked in fake.asked] == [None, basic()]
        assert [asked.headers.get("authorization") for asked in store.asked] == [None]


def test_a_login_follows_a_redirect_to_the_same_host(fake: FakeRegistry, connect: Connect) -> None:
    fake.replies[MANIFEST] = guarded(Reply(status=302, headers={"Location": "/elsewhere"}))
    fake.replies["/elsewhere"] = Reply(body=BYTES)
    assert isinstance(fetch(connect(fake.host, LOGIN)), Content)
    assert fake.asked[-1].headers["authorization"] == basic()


def test_who_a_registry_redirects_to_cannot_ask_for_its_login(fake: FakeRegistry, connect: Connect) -> None:
    with running_fake(address="127.0.0.2") as other:
        other.replies["/store"] = challenge("Basic realm=x")
        fake.replies[MANIFEST] = Reply(status=307, headers={"Location": f"http://{other.host}/store"})
        failure = refuse(connect(fake.host, LOGIN))
        assert failure.detail == f"{other.host} answered 401."
        assert len(other.asked) == 1
        # Neither is its refusal one of the login, which it never saw.
        other.replies["/store"] = error(403, "DENIED")
        fake.replies[MANIFEST] = guarded(Reply(status=307, headers={"Location": f"http://{other.host}/store"}))
        assert refuse(connect(fake.host, LOGIN)).detail == f"{other.host} answered 403 (DENIED)."
        assert not any("authorization" in asked.headers for asked in other.asked)


@pytest.mark.parametrize("place", ["http://registry.invalid/", "http://10.0.0.1:5000/x"])
def test_a_redirect_to_plain_http_elsewhere_is_not_followed(fake: FakeRegistry, connect: Connect, place: str) -> None:
    fake.replies[MANIFEST] = Reply(status=307, headers={"Location": place})
    failure = refuse(connect(fake.host))
    assert failure.brief.endswith("the registry leads to a place without TLS")
    assert place.partition("//")[2].partition("/")[0] in failure.detail


@pytest.mark.parametrize(
    "place", ["http://[", "https://x:y/", "//", ":x", "https://%00xn--a/", f"https://{'a' * 70}.x/", "ftp://127.0.0.1/"]
)
def test_a_redirect_to_nowhere_is_a_failure(fake: FakeRegistry, connect: Connect, place: str) -> None:
    fake.replies[MANIFEST] = Reply(status=307, headers={"Location": place})
    assert refuse(connect(fake.host)).brief


def test_redirects_come_to_an_end(fake: FakeRegistry, connect: Connect) -> None:
    fake.replies[MANIFEST] = Reply(status=307, headers={"Location": MANIFEST})
    assert refuse(connect(fake.host)).brief.endswith("the registry only redirects")
    assert len(fake.asked) == 6


def test_a_registry_with_tls_leads_nobody_back_to_plain_http(
    fake: FakeRegistry, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    connect.context.load_verify_locations(certificate)
    lead_home(monkeypatch)
    with running_fake(context=context) as named:
        host = f"{NAMED}:{named.host.rpartition(':')[2]}"
        named.replies[MANIFEST] = Reply(status=307, headers={"Location": f"http://{fake.host}{MANIFEST}"})
        assert "without TLS" in refuse(connect(host)).brief
        named.replies[MANIFEST] = challenge(f'Bearer realm="http://{fake.host}/token"')
        assert "no place for a token" in refuse(connect(host, LOGIN)).brief
    assert fake.asked == []


@pytest.mark.parametrize(
    ("realm", "shown"),
    [
        ("http://registry.invalid/token", "http://registry.invalid"),
        ("http://user:canary@127.0.0.1/token", "http://user:canary@127.0.0.1"),
        ("ftp://127.0.0.1/token", "ftp://127.0.0.1"),
        ("https://x:y/", "what is no address"),
        ("https://%00xn--a/", "what is no address"),
        ("token", "what is no address"),
        ("", "what is no address"),
    ],
)
def test_a_token_is_fetched_from_nowhere_without_tls(
    fake: FakeRegistry, connect: Connect, realm: str, shown: str
) -> None:
    fake.replies[MANIFEST] = challenge(f'Bearer realm="{realm}",service="x"')
    failure = refuse(connect(fake.host, LOGIN))
    assert failure.brief.endswith("the registry names no place for a token that can be used")
    assert shown.replace("user:canary@", "") in failure.detail


def test_a_login_is_not_shown_to_a_token_service_of_another_machine_over_plain_http(
    fake: FakeRegistry, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead_home(monkeypatch)
    service = f"{NAMED}:{fake.host.rpartition(':')[2]}"
    fake.replies[MANIFEST] = challenge(f'Bearer realm="http://{service}/token"')
    failure = refuse(connect(fake.host, LOGIN, insecure=(service,)))
    assert failure.brief.endswith("the login would travel in the open")
    assert [asked.path for asked in fake.asked] == [MANIFEST]
    # Without a login there is nothing to lose.
    fake.replies["/token"] = Reply(body=b'{"token": "t"}')
    fake.replies[MANIFEST] = guarded(Reply(body=BYTES), "Bearer t", f'Bearer realm="http://{service}/token"')
    assert isinstance(fetch(connect(fake.host, insecure=(service,))), Content)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=302, headers={"Location": "/token2"}),
        Reply(body=b"<html>"),
        Reply(body=b"{}"),
        Reply(body=b'{"token": 1}'),
        Reply(body=b'{"token": "a\\r\\nX: canary"}'),
        Reply(body=b'{"token": "\\u00e4"}'),
        Reply(body=b"[" * 100000),
    ],
)
def test_a_token_service_that_gives_no_token_is_a_failure(fake: FakeRegistry, connect: Connect, reply: Reply) -> None:
    fake.replies[MANIFEST] = challenge(f'Bearer realm="http://{fake.host}/token"')
    fake.replies["/token"] = reply
    assert refuse(connect(fake.host, LOGIN)).brief
    assert [asked.path.partition("?")[0] for asked in fake.asked] == [MANIFEST, "/token"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_service_that_knows_nobody_without_login_means_that_nothing_is_there(
    fake: FakeRegistry, connect: Connect, status: int
) -> None:
    fake.replies[MANIFEST] = challenge(f'Bearer realm="http://{fake.host}/token"')
    fake.replies["/token"] = Reply(status=status)
    assert fetch(connect(fake.host)) is Absence.DENIED
    assert "refuses the login" in refuse(connect(fake.host, LOGIN)).brief


def test_a_token_is_asked_for_with_what_the_registry_and_the_realm_say(fake: FakeRegistry, connect: Connect) -> None:
    offer = f'Basic realm="x", Bearer realm="http://{fake.host}/token?a=b",service="s t",scope="repository:p/q:pull"'
    fake.replies[MANIFEST] = guarded(Reply(body=BYTES), "Bearer t", offer)
    fake.replies["/token"] = Reply(body=b'{"access_token": "t"}')
    assert isinstance(fetch(connect(fake.host)), Content)
    params = httpx2.URL(f"http://x{fake.asked[1].path}").params
    assert dict(params) == {"a": "b", "service": "s t", "scope": "repository:p/q:pull"}


def test_a_token_that_has_run_out_is_replaced(fake: FakeRegistry, connect: Connect) -> None:
    tokens = iter(range(9))
    last = ["none"]

    def give(_: Asked) -> Reply:
        last[0] = f"t{next(tokens)}"
        return Reply(body=json.dumps({"token": last[0]}).encode())

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("authorization") == f"Bearer {last[0]}":
            last[0] = "none"
            return Reply(body=BYTES)
        return challenge(f'Bearer realm="http://{fake.host}/token"')

    fake.replies |= {MANIFEST: answer, "/token": give, f"{BLOB}{DIGEST}": answer}
    with connect(fake.host) as connection:
        assert isinstance(connection.manifest("1"), Content)
        assert isinstance(connection.blob(DIGEST), Content)
    assert len(fake.asked) == 3 + 3


def test_a_login_that_is_an_identity_token_is_no_password(fake: FakeRegistry, connect: Connect) -> None:
    fake.replies[MANIFEST] = challenge("Basic realm=x")
    assert "refuses the login" in refuse(connect(fake.host, {"identitytoken": "canary"})).brief
    assert len(fake.asked) == 1


def test_a_head_says_nothing_where_the_registry_says_nothing(fake: FakeRegistry, connect: Connect) -> None:
    told = {"Docker-Content-Digest": DIGEST}
    replies = [
        Reply(),
        Reply(headers={"Docker-Content-Digest": "x"}),
        Reply(status=404, headers=told),
        HTML,
        challenge("Basic realm=x"),
    ]
    for reply in replies:
        fake.replies[MANIFEST] = reply
        with connect(fake.host) as connection:
            assert connection.head("1") == ""
    fake.replies[MANIFEST] = Reply(headers=told)
    with connect(fake.host) as connection:
        assert connection.head("1") == DIGEST
    assert {asked.method for asked in fake.asked} == {"HEAD"}


def test_a_proxy_is_asked_for_others_and_not_for_this_machine(
    fake: FakeRegistry, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running_fake() as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://user:canary@{proxy.host}")
        fake.replies[MANIFEST] = Reply(body=BYTES)
        assert isinstance(fetch(connect(fake.host)), Content)
        assert proxy.asked == []
        failure = refuse(connect("registry.invalid", insecure=("registry.invalid",)))
        assert failure.detail == "registry.invalid answered 404."
        assert proxy.asked[0].path == "http://registry.invalid/v2/a/b/manifests/1"


@pytest.mark.parametrize("proxy", ["socks5://user:canary@127.0.0.1", "x://user:canary@h", "http://user:canary@[::"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_address(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    failure = refuse(connect("registry.invalid"))
    assert failure.brief.endswith("the proxy that is set cannot be used")


def test_dockers_own_registry_is_asked_under_its_other_name(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "canned")

    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    failure = refuse(connect("docker.io"))
    assert asked == ["registry-1.docker.io"]
    assert failure.brief.startswith("the image docker.io/a/b:1 cannot be looked up")


def guarded(reply: Reply, wanted: str = basic(), offer: str = 'Basic realm="x"') -> Callable[[Asked], Reply]:
    """Answer with `reply` to who shows what is `wanted`, with a challenge to others."""
    return lambda asked: reply if asked.headers.get("authorization") == wanted else challenge(offer)
