"""One repository of an image registry over HTTP: who may read it, and whether the bytes are those that were asked for.

Sources: the OCI distribution specification 1.1, and for logins the distribution project's "Token Authentication" and
"OAuth2 Token Authentication".
"""

import base64
import hashlib
import re
import ssl
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from types import TracebackType
from typing import Self

import httpx2

from mcphub_gitops.compiler.resolve.image import DEFAULT_HOST, ImageReference
from mcphub_gitops.runtime.adapters.credentials import DockerLogins, Login
from mcphub_gitops.runtime.adapters.manifests import ACCEPT
from mcphub_gitops.runtime.adapters.registry_words import is_this_machine, read_challenges, read_codes, read_token
from mcphub_gitops.runtime.failure import RuntimeFailure

LONGEST = 4 * 1024 * 1024
"""Bytes of a manifest or a configuration: what the specification tells registries to accept at least."""

_LONGEST_COMPLAINT = 64 * 1024
_LONGEST_WAIT = 20.0
_MOST_REDIRECTS = 5

# Docker's own registry answers under another name than the one that its images have.
_SERVERS = {DEFAULT_HOST: "registry-1.docker.io"}

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 401, 403, 404, 429, 500


class Absence(Enum):
    """Why a registry has nothing to give, in its own words."""

    REPOSITORY = "it knows no such repository"
    PART = "the repository holds no such thing"
    DENIED = "nobody may read it without a login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes with their own digest (``sha256:<hex>``), and the media type that they were sent as."""

    data: bytes
    digest: str
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """An answer, read; `elsewhere` tells that it came from another origin, after a redirect."""

    host: str
    status: int
    headers: httpx2.Headers
    data: bytes
    elsewhere: bool = False


class RegistryConnection:
    """Asks the registry of `reference` about its repository; a context manager, for one thread, while `timeout` lasts.

    HTTPS everywhere, but for this machine (``localhost``, 127.0.0.0/8, ::1), which is always asked over plain HTTP, and
    the registries ``HOST[:PORT]`` in `insecure`. Over plain HTTP a login leaves only for this machine. Proxies and
    certificates are those of the process's environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE); this machine is asked
    directly. The login is read when the registry asks for one.
    """

    def __init__(
        self,
        reference: ImageReference,
        logins: DockerLogins,
        *,
        context: ssl.SSLContext,
        insecure: Collection[str],
        timeout: float,
    ) -> None:
        self._reference = reference
        self._logins = logins
        self._context = context
        self._insecure = insecure
        self._timeout = timeout
        self._deadline = monotonic() + timeout
        self._stack = ExitStack()
        self._clients: dict[bool, httpx2.Client] = {}
        self._authorization = ""
        self._login: Login | None = None
        server = _SERVERS.get(reference.host, reference.host)
        scheme = "http" if self._may_be_plain(server) else "https"
        self._base = f"{scheme}://{server}/v2/{reference.path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def manifest(self, name: str) -> Content | Absence:
        """Return the manifest or index that a tag or digest names; raises RuntimeFailure.

        What was asked for by digest has it. What a tag leads to has the digest that the registry says, where it does.
        """
        answer = self._authorised("GET", f"{self._base}/manifests/{name}")
        found = answer if isinstance(answer, Absence) else self._judge(answer)
        if isinstance(found, Absence):
            return found
        told = found.headers.get("docker-content-digest", "")
        return self._checked(found, name if _DIGEST.fullmatch(name) else told)

    def blob(self, digest: str) -> Content | Absence:
        """Return the blob that has `digest`; raises RuntimeFailure."""
        answer = self._authorised("GET", f"{self._base}/blobs/{digest}")
        found = answer if isinstance(answer, Absence) else self._judge(answer)
        return found if isinstance(found, Absence) else self._checked(found, digest)

    def head(self, name: str) -> str:
        """Return the digest that the registry says a tag leads to, unproven; empty when it does not say."""
        answer = self._authorised("HEAD", f"{self._base}/manifests/{name}")
        if isinstance(answer, Absence) or answer.status != _OK:
            return ""
        told = answer.headers.get("docker-content-digest", "")
        return told if _DIGEST.fullmatch(told) else ""

    def _checked(self, answer: _Answer, wanted: str) -> Content:
        digest = f"sha256:{hashlib.sha256(answer.data).hexdigest()}"
        if _DIGEST.fullmatch(wanted) and digest != wanted:
            raise self._failure(
                "what came is not what was asked for",
                f"{answer.host} was to send {wanted}, and sent {digest}.",
                "find out who changes it, the registry or a proxy on the way; do not lock until that is clear",
            )
        return Content(data=answer.data, digest=digest, media=answer.headers.get("content-type", ""))

    def _authorised(self, method: str, url: str) -> _Answer | Absence:
        """Ask, and once more with a login or token when the registry wants one, or no longer takes the last."""
        answer = self._follow(method, url)
        if answer.status != _UNAUTHORIZED or answer.elsewhere:
            return answer
        return self._follow(method, url) if self._authorise(answer) else Absence.DENIED

    def _judge(self, answer: _Answer) -> _Answer | Absence:
        """Return the answer if it holds what was asked for; raises RuntimeFailure for what is no answer."""
        codes = read_codes(answer.data)
        if answer.status == _OK:
            return answer
        if answer.status == _NOT_FOUND and (codes or "docker-distribution-api-version" in answer.headers):
            return Absence.REPOSITORY if "NAME_UNKNOWN" in codes else Absence.PART
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN} and not answer.elsewhere:
            if self._login is not None:
                raise self._refused(answer)
            if codes:
                return Absence.DENIED
        raise self._unhelpful(answer)

    def _follow(self, method: str, url: str) -> _Answer:
        headers = {"Accept": ACCEPT} | ({"Authorization": self._authorization} if self._authorization else {})
        request = self._request(method, httpx2.URL(url), headers)
        first = request.url.origin
        for _ in range(_MOST_REDIRECTS + 1):
            answer, onward = self._exchange(request, elsewhere=request.url.origin != first)
            if onward is None:
                return answer
            # The library takes the login out when it leads to another origin.
            if onward.url.scheme != "https" and not (
                request.url.scheme == "http" and self._may_be_plain(_place(onward))
            ):
                raise self._failure(
                    "the registry leads to a place without TLS",
                    f"{answer.host} redirects to {onward.url.scheme}://{_place(onward)}.",
                    "ask whoever runs the registry to serve everything over HTTPS",
                )
            request = onward
        raise self._failure("the registry only redirects", f"{answer.host} redirected {_MOST_REDIRECTS} times.", "")

    def _authorise(self, answer: _Answer) -> bool:
        """Get hold of what the challenge in `answer` asks for; False when nobody has a login. Raises RuntimeFailure."""
        self._login = login = self._logins.find(self._reference.host)
        challenges = read_challenges(answer.headers.get_list("www-authenticate"))
        if login is not None:
            self._check_open(httpx2.URL(self._base))
        if "bearer" in challenges:
            token = self._token(challenges["bearer"], login)
            self._authorization = f"Bearer {token}"
            return bool(token)
        if "basic" not in challenges:
            raise self._unhelpful(answer)
        if login is None:
            return False
        if not login.username:
            raise self._refused(answer)
        self._authorization = _basic(login)
        return True

    def _token(self, challenge: Mapping[str, str], login: Login | None) -> str:
        """Return a token to read the repository with; empty when nobody gets one without a login."""
        realm = self._realm(challenge.get("realm", ""))
        if login is not None:
            self._check_open(realm)
        scope = challenge.get("scope") or f"repository:{self._reference.path}:pull"
        query = {"service": challenge["service"], "scope": scope} if "service" in challenge else {"scope": scope}
        if login is not None and login.identity_token:
            form = {
                "grant_type": "refresh_token",
                "client_id": "mcphub",
                "refresh_token": login.identity_token,
                **query,
            }
            request = self._request("POST", realm, {}, form)
        else:
            headers = {"Authorization": _basic(login)} if login is not None else {}
            request = self._request("GET", realm.copy_merge_params(query), headers)
        answer, _ = self._exchange(request)
        if answer.status in {_UNAUTHORIZED, _FORBIDDEN}:
            if login is not None:
                raise self._refused(answer)
            return ""
        token = read_token(answer.data) if answer.status == _OK else ""
        if not token:
            raise self._unhelpful(answer)
        return token

    def _realm(self, text: str) -> httpx2.URL:
        """Return the address of a token service, if it may be asked; raises RuntimeFailure."""
        url = None
        with suppress(httpx2.InvalidURL, ValueError):
            given = httpx2.URL(text)
            # The library looks closer at an address when it is asked for its host.
            url = given if given.host else None
        shown = f"{url.scheme}://{_place(url)}" if url else "what is no address"
        plain = self._base.startswith("http://") and url is not None and self._may_be_plain(_place(url))
        if url is None or url.userinfo or url.scheme not in {"https", "http" if plain else "https"}:
            raise self._failure(
                "the registry names no place for a token that can be used",
                f"{_SERVERS.get(self._reference.host, self._reference.host)} sends to {shown}.",
                "ask whoever runs the registry to give out tokens over HTTPS",
            )
        return url

    def _check_open(self, url: httpx2.URL) -> None:
        if url.scheme == "http" and not is_this_machine(url.host):
            raise self._failure(
                "the login would travel in the open",
                f"{_place(url)} is asked over plain HTTP.",
                f"serve it over HTTPS, or run `docker logout {self._reference.host}` if it can be read without a login",
            )

    def _may_be_plain(self, place: str) -> bool:
        return place in self._insecure or is_this_machine(re.sub(r":\d+$", "", place).strip("[]"))

    def _request(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> httpx2.Request:
        return self._client(url).build_request(method, url, headers=headers, data=form)

    def _client(self, url: httpx2.URL) -> httpx2.Client:
        outside = not is_this_machine(url.host)
        if outside not in self._clients:
            try:
                client = httpx2.Client(
                    verify=self._context,
                    trust_env=outside,
                    timeout=min(_LONGEST_WAIT, self._timeout),
                    # Digests are of the bytes as they are stored: nothing on the way may pack them.
                    headers={"Accept-Encoding": "identity", "User-Agent": "mcphub"},
                )
            except (ImportError, ValueError, httpx2.InvalidURL):
                # Not chained or shown: it holds the proxy's address, which may hold a password.
                client = None
            if client is None:
                raise self._failure(
                    "the proxy that is set cannot be used",
                    "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is not the address of an HTTP proxy.",
                    "set it to http://HOST:PORT",
                )
            self._clients[outside] = self._stack.enter_context(client)
        return self._clients[outside]

    def _exchange(self, request: httpx2.Request, *, elsewhere: bool = False) -> tuple[_Answer, httpx2.Request | None]:
        """Return the answer, and where it sends to; raises RuntimeFailure when there is none."""
        place = _place(request.url)
        if monotonic() > self._deadline:
            raise self._late(place)
        client = self._client(request.url)
        try:
            response = client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            # What is no HTTPError is about the address that a redirect leads to.
            raise self._unreachable(place, error) from error
        with closing(response):
            data = self._read(response, place)
        answer = _Answer(
            host=place, status=response.status_code, headers=response.headers, data=data, elsewhere=elsewhere
        )
        return answer, response.next_request

    def _read(self, response: httpx2.Response, place: str) -> bytes:
        limit = LONGEST if response.status_code == _OK else _LONGEST_COMPLAINT
        data = bytearray()
        try:
            for chunk in response.iter_raw():
                data += chunk
                if monotonic() > self._deadline:
                    raise self._late(place)
                if len(data) > limit:
                    break
        except httpx2.HTTPError as error:
            raise self._unreachable(place, error) from error
        if len(data) <= limit:
            return bytes(data)
        if response.status_code != _OK:
            return b""
        raise self._failure(
            "what came is too large",
            f"{place} sent more than {LONGEST // 1024**2} MiB for a manifest or a configuration.",
            "see that the name is that of a container image",
        )

    def _unreachable(self, place: str, error: Exception) -> RuntimeFailure:
        if isinstance(error, httpx2.TimeoutException):
            return self._late(place)
        words = "".join(char if char.isprintable() else " " for char in str(error) or type(error).__name__)[:300]
        if _is_about_tls(error):
            return self._failure(
                "no secure connection to the registry comes about",
                f"{place}: {words}",
                "if the registry or a proxy has its own authority, name its certificate in SSL_CERT_FILE",
            )
        return self._failure(
            "the registry cannot be reached",
            f"{place}: {words}",
            "check the registry's name, the network and the proxy settings, and try again",
            retryable=True,
        )

    def _late(self, place: str) -> RuntimeFailure:
        return self._failure(
            "the registry is too slow", f"{place} did not answer in time.", "try again", retryable=True
        )

    def _refused(self, answer: _Answer) -> RuntimeFailure:
        return self._failure(
            "the registry refuses the login",
            f"{_said(answer)} to the login that Docker keeps for {self._reference.host}.",
            f"check the name, or run `docker login {self._reference.host}` as someone who may read it",
        )

    def _unhelpful(self, answer: _Answer) -> RuntimeFailure:
        if answer.status == _TOO_MANY:
            wait = answer.headers.get("retry-after", "")
            when = f" in {wait} seconds" if wait.isdecimal() and len(wait) < len("1000000") else " later"
            login = "" if self._login else f"; with a login (`docker login {self._reference.host}`) more is allowed"
            return self._failure(
                "the registry was asked too often", f"{_said(answer)}.", f"try again{when}{login}", retryable=True
            )
        if answer.status >= _SERVER_ERROR:
            return self._failure("the registry has a fault", f"{_said(answer)}.", "try again later", retryable=True)
        return self._failure(
            "it was not answered as a registry answers",
            f"{_said(answer)}.",
            "check the name: its first part is the registry, where it has a dot or a port",
        )

    def _failure(self, reason: str, detail: str, resolution: str, *, retryable: bool = False) -> RuntimeFailure:
        return RuntimeFailure(
            f"the image {self._reference} cannot be looked up: {reason}",
            detail=detail,
            resolution=resolution,
            retryable=retryable,
        )


def _place(of: httpx2.URL | httpx2.Request) -> str:
    url = of.url if isinstance(of, httpx2.Request) else of
    return url.netloc.decode("ascii", "replace")


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def _said(answer: _Answer) -> str:
    """Tell what was answered: of the text only the codes, since a registry may repeat what it was sent."""
    codes = ", ".join(sorted(read_codes(answer.data)))
    return f"{answer.host} answered {answer.status}{f' ({codes})' if codes else ''}"


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
