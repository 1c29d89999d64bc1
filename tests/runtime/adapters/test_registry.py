"""Against the real registry of Debian, with plain HTTP, a password, tokens and TLS; and against its own tool."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion
from mcphub_gitops.runtime.adapters.credentials import DockerLogins
from mcphub_gitops.runtime.adapters.registry import ImageRegistries
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Registries
from tests.support.registry import (
    DOCKER,
    OCI,
    PASSWORD,
    USER,
    Kinds,
    Pusher,
    basic,
    describe,
    digest_of,
    encode,
    needs_registry,
    push_image,
    running_registry,
    split_platform,
)
from tests.support.registry_fakes import NAMED, Asked, Reply, lead_home, make_certificate, running_fake

pytestmark = needs_registry

PLATFORMS = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")

CREATED = 1767225600
"""When `push_image` says that its images were made."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_registry(tmp_path_factory.mktemp("registry")) as place:
        yield place


def registries(folder: Path, auths: dict[str, dict[str, str]] | None = None, *, timeout: float = 30) -> ImageRegistries:
    """Return the adapter with the logins of a Docker configuration in `folder`."""
    if auths is not None:
        (folder / "config.json").write_text(json.dumps({"auths": auths}))
    return ImageRegistries(DockerLogins({"DOCKER_CONFIG": str(folder)}), timeout=timeout)


def login(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"auth": basic(user, password).removeprefix("Basic ")}


def ask(asked: Registries, reference: str) -> ImageAnswer:
    return asked.resolve(ImageQuestion(reference=reference))


def failure_of(asked: Registries, reference: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        ask(asked, reference)
    return caught.value


@pytest.mark.parametrize("kinds", [OCI, DOCKER], ids=["oci", "docker"])
def test_an_index_is_told_with_all_its_platforms_and_their_user(host: str, tmp_path: Path, kinds: Kinds) -> None:
    digest = push_image(host, "acme/search", "3", user="1000:1000", platforms=PLATFORMS, kinds=kinds)
    answer = ask(registries(tmp_path), f"{host}/acme/search:3")
    assert answer.problem == ""
    assert answer.repository == f"{host}/acme/search"
    assert answer.digest == digest
    assert list(answer.platforms) == sorted(PLATFORMS)
    assert answer.user == "1000:1000"
    # What a platform leads to is an image of its own.
    one = ask(registries(tmp_path), f"{host}/acme/search@{answer.platforms['linux/arm64/v8']}")
    assert one.platforms == {"linux/arm64/v8": answer.platforms["linux/arm64/v8"]}
    assert one.digest == answer.platforms["linux/arm64/v8"]


@pytest.mark.parametrize("kinds", [OCI, DOCKER], ids=["oci", "docker"])
def test_the_platform_of_a_single_manifest_stands_in_its_configuration(host: str, tmp_path: Path, kinds: Kinds) -> None:
    digest = push_image(host, "single", user="app", platforms=["linux/arm64/v8"], kinds=kinds)
    answer = ask(registries(tmp_path), f"{host}/single")
    platforms = {"linux/arm64/v8": digest}
    expected = ImageAnswer(repository=f"{host}/single", digest=digest, platforms=platforms, user="app", created=CREATED)
    assert answer == expected


def test_attestations_are_no_platforms(host: str, tmp_path: Path) -> None:
    push_image(host, "attested", user="app", index=True, attested=True)
    answer = ask(registries(tmp_path), f"{host}/attested")
    assert list(answer.platforms) == ["linux/amd64"]
    assert answer.user == "app"


def test_users_that_differ_between_platforms_are_not_told(host: str, tmp_path: Path) -> None:
    push_image(
        host, "users", user={"linux/amd64": "app", "linux/arm64/v8": "1000", "linux/arm/v7": "app"}, platforms=PLATFORMS
    )
    assert ask(registries(tmp_path), f"{host}/users").user == ""
    push_image(host, "users", user={"linux/amd64": "app"}, platforms=PLATFORMS)
    assert ask(registries(tmp_path), f"{host}/users").user == ""


def test_other_systems_than_linux_have_no_say_in_the_user(host: str, tmp_path: Path) -> None:
    users = {"linux/amd64": "app", "windows/amd64": "ContainerUser"}
    push_image(host, "windows", user=users, platforms=list(users))
    answer = ask(registries(tmp_path), f"{host}/windows")
    assert list(answer.platforms) == ["linux/amd64", "windows/amd64"]
    assert answer.user == "app"
    push_image(host, "windows", "only", user=users, platforms=["windows/amd64"])
    assert ask(registries(tmp_path), f"{host}/windows:only").user == ""


def test_of_other_systems_nothing_is_fetched(tmp_path: Path) -> None:
    with running_fake() as fake:
        config = encode({"os": "linux", "architecture": "amd64", "config": {"User": "app"}})
        manifest = encode({"mediaType": OCI.manifest, "config": describe(config, OCI.config), "layers": []})
        entries = [
            describe(data, OCI.manifest) | {"platform": split_platform(platform)}
            for data, platform in ((manifest, "linux/amd64"), (b"other", "windows/amd64"))
        ]
        fake.replies |= {
            "/v2/a/manifests/1": Reply(body=encode({"mediaType": OCI.index, "manifests": entries})),
            f"/v2/a/manifests/{digest_of(manifest)}": Reply(body=manifest),
            f"/v2/a/blobs/{digest_of(config)}": Reply(body=config),
        }
        answer = ask(registries(tmp_path), f"{fake.host}/a:1")
    assert answer.platforms == {"linux/amd64": digest_of(manifest), "windows/amd64": digest_of(b"other")}
    assert len(fake.asked) == 3


def test_what_cannot_be_understood_is_a_failure(tmp_path: Path) -> None:
    with running_fake() as fake:
        fake.replies["/v2/a/manifests/1"] = Reply(body=b"<html>canary</html>", headers={"Content-Type": "text/html"})
        failure = failure_of(registries(tmp_path), f"{fake.host}/a:1")
    assert failure.brief == f"the image {fake.host}/a:1 cannot be understood"
    assert failure.detail == f"What {fake.host} sent is not a JSON object."
    assert failure.resolution


def test_an_entry_without_platform_is_asked_for_its_own(host: str, tmp_path: Path) -> None:
    pusher = Pusher(host, "bare")
    manifest = pusher.manifest("linux/riscv64", {"User": "app"}, [b""], OCI)
    digest = pusher.put_manifest(digest_of(encode(manifest)), manifest, OCI.manifest)
    index = {"schemaVersion": 2, "mediaType": OCI.index, "manifests": [describe(encode(manifest), OCI.manifest)]}
    pusher.put_manifest("latest", index, OCI.index)
    answer = ask(registries(tmp_path), f"{host}/bare")
    assert answer.platforms == {"linux/riscv64": digest}
    assert answer.user == "app"


def test_a_digest_is_looked_up_also_where_the_tag_leads_elsewhere(host: str, tmp_path: Path) -> None:
    before = push_image(host, "moving", "1", user="a")
    after = push_image(host, "moving", "1", user="b")
    assert ask(registries(tmp_path), f"{host}/moving:1").digest == after
    assert ask(registries(tmp_path), f"{host}/moving:1@{before}") == ImageAnswer(
        repository=f"{host}/moving", digest=before, platforms={"linux/amd64": before}, user="a", created=CREATED
    )


def test_a_head_tells_where_a_tag_leads_now(host: str, tmp_path: Path) -> None:
    asked = registries(tmp_path)
    for user in ("a", "b"):
        digest = push_image(host, "watched", "1", user=user)
        assert asked.head(ImageQuestion(reference=f"{host}/watched:1")) == digest
    assert asked.head(ImageQuestion(reference=f"{host}/watched:2")) == ""
    assert asked.head(ImageQuestion(reference=f"{host}/never")) == ""
    assert asked.head(ImageQuestion(reference="Never")) == ""


def test_what_is_not_there_is_a_problem_and_no_failure(host: str, tmp_path: Path) -> None:
    push_image(host, "there", "1")
    asked, absent = registries(tmp_path), f"sha256:{'0' * 64}"
    assert ask(asked, f"{host}/there:2") == ImageAnswer(problem=f"`{host}/there` has no tag `2`.")
    assert ask(asked, f"{host}/there@{absent}").problem == f"`{host}/there` has no image {absent}."
    assert "has no tag `latest`" in ask(asked, f"{host}/nowhere").problem
    assert ask(asked, "There").problem == "`There` has capital letters; an image's name is written in lower case."


def test_what_is_no_image_is_a_problem(host: str, tmp_path: Path) -> None:
    pusher = Pusher(host, "chart")
    config = pusher.put_blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": []}
    pusher.put_manifest("1", manifest, OCI.manifest)
    problem = ask(registries(tmp_path), f"{host}/chart:1").problem
    assert problem == f"`{host}/chart:1` is no container image but a `application/vnd.cncf.helm.config.v1+json`."
    pusher.put_manifest("empty", {"schemaVersion": 2, "mediaType": OCI.index, "manifests": []}, OCI.index)
    assert "lists no image" in ask(registries(tmp_path), f"{host}/chart:empty").problem


def test_a_platform_that_the_registry_does_not_hold_is_told_and_has_no_say_in_the_user(
    host: str, tmp_path: Path
) -> None:
    users = {"linux/amd64": "app", "linux/arm64": "other"}
    push_image(host, "sparse", user=users, platforms=list(users))
    whole = ask(registries(tmp_path), f"{host}/sparse")
    Pusher(host, "sparse").delete_manifest(whole.platforms["linux/arm64"])
    assert ask(registries(tmp_path), f"{host}/sparse") == replace(whole, user="app")
    Pusher(host, "sparse").delete_manifest(whole.platforms["linux/amd64"])
    assert "does not hold all of it" in failure_of(registries(tmp_path), f"{host}/sparse").brief


def test_a_password_comes_from_dockers_own_file(tmp_path: Path) -> None:
    with running_registry(tmp_path / "registry", password=True) as host:
        digest = push_image(host, "private", user="app", authorization=basic())
        assert ask(registries(tmp_path, {host: login()}), f"{host}/private").digest == digest
        assert registries(tmp_path).head(ImageQuestion(reference=f"{host}/private")) == digest
        # Without a login nobody can tell whether it is there.
        unknown = ask(registries(tmp_path, {}), f"{host}/private")
        assert unknown.problem == (
            f"{host} has no repository `private`, or shows it only to those who log in (`docker login {host}`)."
        )
        wrong = failure_of(registries(tmp_path, {host: login(USER, "canary-wrong")}), f"{host}/private")
    assert wrong.brief.endswith("the registry refuses the login")
    assert "answered 401 (UNAUTHORIZED)" in wrong.detail
    assert f"docker login {host}" in wrong.resolution
    assert "canary" not in f"{wrong.brief}{wrong.detail}{wrong.resolution}"
    assert not wrong.retryable


def test_tokens_are_fetched_where_the_registry_says_and_shown_to_it(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    with running_fake() as service:
        service.replies["/token"] = issuer.answer
        settings = {"auth": {"token": issuer.settings(f"http://{service.host}/token")}}
        with running_registry(tmp_path / "registry", settings=settings) as host:
            pushing = f"Bearer {issuer.token('tester', 'acme/private', ['pull', 'push'])}"
            digest = push_image(host, "acme/private", user="app", platforms=PLATFORMS, authorization=pushing)
            # The user's login goes to the service, what it gives to the registry.
            known = ask(registries(tmp_path, {host: login()}), f"{host}/acme/private")
            assert (known.digest, known.user) == (digest, "app")
            assert [asked.headers["authorization"] for asked in service.asked] == [basic()]
            query = parse_qs(urlsplit(service.asked[0].path).query)
            assert query == {"service": ["registry"], "scope": ["repository:acme/private:pull"]}
            # An identity token is exchanged for one.
            ask(registries(tmp_path, {host: {"identitytoken": "canary"}}), f"{host}/acme/private")
            form = parse_qs(service.asked[-1].body)
            assert form["refresh_token"] == ["canary"]
            assert form["grant_type"] == ["refresh_token"]
            assert "authorization" not in service.asked[-1].headers
            # Who has none gets a token that is good for nothing here.
            assert (
                "or shows it only to those who log in" in ask(registries(tmp_path, {}), f"{host}/acme/private").problem
            )
            assert "authorization" not in service.asked[-1].headers
            other = failure_of(registries(tmp_path, {host: login("other", "x")}), f"{host}/acme/private")
            assert "refuses the login" in other.brief


def test_https_is_spoken_to_everyone_else_and_certificates_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = make_certificate(tmp_path)
    with running_registry(tmp_path / "plain") as plain:
        digest = push_image(plain, "a/b")
    with running_registry(tmp_path / "plain", tls=(certificate, key)) as place:
        lead_home(monkeypatch)
        reference = f"{NAMED}:{place.rpartition(':')[2]}/a/b"
        untrusted = failure_of(registries(tmp_path), reference)
        assert untrusted.brief.endswith("no secure connection to the registry comes about")
        assert "certificate verify failed" in untrusted.detail
        assert "SSL_CERT_FILE" in untrusted.resolution
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask(registries(tmp_path), reference).digest == digest
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        broken = failure_of(registries(tmp_path), reference)
        assert broken.brief == "the certificates of authorities cannot be read"
        assert "SSL_CERT_FILE" in broken.resolution


def test_plain_http_is_never_spoken_to_others_unless_they_are_named(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(host, "a")
    lead_home(monkeypatch)
    place = f"{NAMED}:{host.rpartition(':')[2]}"
    assert "no secure connection" in failure_of(registries(tmp_path), f"{place}/a").brief
    insecure = ImageRegistries(DockerLogins({}), insecure=[place])
    assert ask(insecure, f"{place}/a").user == ""


def test_a_login_never_leaves_over_plain_http_for_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_registry(tmp_path / "registry", password=True) as host:
        push_image(host, "a", authorization=basic())
        lead_home(monkeypatch)
        place = f"{NAMED}:{host.rpartition(':')[2]}"
        (tmp_path / "config.json").write_text(json.dumps({"auths": {place: login()}}))
        asked = ImageRegistries(DockerLogins({"DOCKER_CONFIG": str(tmp_path)}), insecure=[place])
        failure = failure_of(asked, f"{place}/a")
    assert failure.brief.endswith("the login would travel in the open")
    assert f"docker logout {place}" in failure.resolution


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is absent")
@pytest.mark.parametrize("platforms", [PLATFORMS, PLATFORMS[:1]], ids=["index", "manifest"])
def test_another_tool_finds_the_same(host: str, tmp_path: Path, platforms: tuple[str, ...]) -> None:
    push_image(host, "compared", user="app", platforms=platforms)
    answer = ask(registries(tmp_path), f"{host}/compared")
    assert answer.digest == digest_of(inspect(f"{host}/compared", "--raw"))
    for platform, digest in answer.platforms.items():
        choice = [
            f"--override-{name.replace('architecture', 'arch')}={value}"
            for name, value in split_platform(platform).items()
        ]
        told = json.loads(inspect(f"{host}/compared", "--config", options=choice))
        assert told["config"]["User"] == answer.user
        assert digest_of(inspect(f"{host}/compared@{digest}", "--raw")) == digest


def inspect(reference: str, *arguments: str, options: list[str] | None = None) -> bytes:
    command = ["skopeo", *(options or []), "inspect", "--tls-verify=false", *arguments, f"docker://{reference}"]
    return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout


class Issuer:
    """A token service for the registry: signs for whoever shows the right login, or the identity token."""

    def __init__(self, folder: Path) -> None:
        self._certificate, key = make_certificate(folder)
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        self._key = loaded

    def settings(self, realm: str) -> dict[str, str]:
        return {"realm": realm, "service": "registry", "issuer": "test", "rootcertbundle": str(self._certificate)}

    def answer(self, asked: Asked) -> Reply:
        query = parse_qs(asked.body or urlsplit(asked.path).query)
        _, name, _ = query["scope"][0].split(":")
        known = asked.headers.get("authorization") == basic() or query.get("refresh_token") == ["canary"]
        if asked.headers.get("authorization") and not known:
            return Reply(status=401, body=b'{"details": "canary"}')
        token = self.token("tester", name, ["pull"] if known else [])
        return Reply(body=json.dumps({"token": token}).encode())

    def token(self, user: str, name: str, actions: list[str]) -> str:
        """Return a token as the distribution project's "Token Authentication Implementation" describes it."""
        der = x509.load_pem_x509_certificate(self._certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        access = [{"type": "repository", "name": name, "actions": actions}]
        claims = {
            "iss": "test",
            "sub": user,
            "aud": "registry",
            "exp": 4_000_000_000,
            "nbf": 0,
            "iat": 0,
            "jti": "1",
            "access": access,
        }
        signed = ".".join(_packed(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_packed(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
