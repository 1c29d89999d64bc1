"""Secrets in a server with the API of HashiCorp Vault, such as OpenBao.

Sources: the HTTP API of OpenBao 2 ("KV secrets engine", versions 1 and 2; "AppRole", "JWT/OIDC" and "Kubernetes auth
methods"; "HTTP status codes").
"""

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from mcphub_gitops.compiler.resolve.location import Location
from mcphub_gitops.compiler.resolve.store import Vault, why_no_address
from mcphub_gitops.runtime.adapters.secrets.value import Outcome, unreadable
from mcphub_gitops.runtime.failure import RuntimeFailure

TIMEOUT = 10.0
"""Seconds that each step of a request may take."""

_LONGEST_ANSWER = 4 * 1024 * 1024
_WIDTH = 8
_LOCAL = re.compile(r"http://|https://(?:localhost|127\.|\[::1\])")
_OK, _NO_CONTENT, _BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SEALED = 200, 204, 400, 401, 403, 404, 503
_STANDBY = frozenset({429, 472, 473})


def read_vault(
    vault: Vault, wanted: Mapping[str, Location], *, reveal: Callable[[str], str], root: Path
) -> Mapping[str, Outcome]:
    """Return the value, or the failure, of each of `wanted` by its reference; see `sources.ReadVault`.

    One logs in once, each key is asked for once, and the keys side by side. A token that was got by a login is given
    back at the end. Redirects are not followed: the token is for the address that was declared.
    """
    try:
        with _opened(vault, reveal, root) as session:
            return session.read(wanted)
    except RuntimeFailure as failure:
        return dict.fromkeys(wanted, failure)


@contextmanager
def _opened(vault: Vault, reveal: Callable[[str], str], root: Path) -> Iterator["_Session"]:
    problem = why_no_address(vault.address)
    if problem:
        raise _failure(vault, problem, "correct the address")
    with _client(vault, root) as client:
        session = _Session(vault, client)
        session.enter(reveal)
        try:
            yield session
        finally:
            session.leave()


def _client(vault: Vault, root: Path) -> httpx2.Client:
    headers = {"X-Vault-Request": "true", "User-Agent": "mcphub"}
    if vault.namespace:
        headers["X-Vault-Namespace"] = vault.namespace
    context = _trusted(vault, root)
    with suppress(ImportError, ValueError, httpx2.InvalidURL):
        return httpx2.Client(
            verify=context, trust_env=not _LOCAL.match(vault.address), timeout=TIMEOUT, headers=headers
        )
    # Not chained: the error holds the proxy's address, which may hold a password.
    raise _failure(vault, "HTTPS_PROXY or ALL_PROXY is no address of an HTTP proxy.", "set it to http://HOST:PORT")


def _trusted(vault: Vault, root: Path) -> ssl.SSLContext:
    if not vault.ca:
        return ssl.create_default_context()
    path = root / vault.ca
    try:
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ValueError) as error:
        detail = f"Its certificates cannot be read: {path}: {getattr(error, 'strerror', None) or 'no PEM'}"
        raise _failure(vault, detail, "correct `ca`") from error


class _Session:
    """One login at one store."""

    def __init__(self, vault: Vault, client: httpx2.Client) -> None:
        self._vault = vault
        self._client = client
        self._token = ""
        self._is_lent = False

    def enter(self, reveal: Callable[[str], str]) -> None:
        """Get hold of a token; raises RuntimeFailure."""
        credential = reveal(self._vault.credential)
        if self._vault.method == "token":
            self._token = self._plain(credential)
            return
        role = reveal(self._vault.role) if "://" in self._vault.role else self._vault.role
        body = (
            {"role_id": role, "secret_id": credential}
            if self._vault.method == "approle"
            else {"role": role, "jwt": credential}
        )
        status, answer = self._ask("POST", f"auth/{quote(self._vault.login)}/login", body)
        if status != _OK:
            raise self._denied_entry(status)
        auth = answer.get("auth")
        token = auth.get("client_token") if isinstance(auth, dict) else None
        if not isinstance(token, str):
            raise _failure(self._vault, "It answers a login without a token.", "look at what runs at this address")
        self._token = self._plain(token)
        self._is_lent = True

    def leave(self) -> None:
        """Give back what a login got, if the store takes it; it ends by itself soon."""
        if self._is_lent:
            with suppress(RuntimeFailure):
                self._ask("POST", "auth/token/revoke-self", {})

    def read(self, wanted: Mapping[str, Location]) -> Mapping[str, Outcome]:
        """Return the value, or the failure, of each of `wanted` by its reference."""
        paths = sorted({self._path(found) for found in wanted.values()})
        with ThreadPoolExecutor(_WIDTH) as pool:
            answers = dict(zip(paths, pool.map(self._key, paths), strict=True))
        told: dict[tuple[str, str], RuntimeFailure] = {}
        outcomes: dict[str, Outcome] = {}
        for reference, found in wanted.items():
            outcome = self._field(reference, found, answers[self._path(found)])
            if isinstance(outcome, RuntimeFailure):
                # What is wrong with the store itself is one failure, which is told once.
                outcome = told.setdefault((outcome.brief, outcome.detail), outcome)
            outcomes[reference] = outcome
        return outcomes

    def _path(self, found: Location) -> str:
        mount, key = (self._vault.mount, found.path) if self._vault.mount else tuple(found.path.split("/", 1))
        return quote(f"{mount}/data/{key}" if self._vault.version == "2" else f"{mount}/{key}")

    def _key(self, path: str) -> tuple[int, dict[str, Any]] | RuntimeFailure:
        try:
            return self._ask("GET", path)
        except RuntimeFailure as failure:
            return failure

    def _field(self, reference: str, found: Location, answer: tuple[int, dict[str, Any]] | RuntimeFailure) -> Outcome:
        if isinstance(answer, RuntimeFailure):
            return answer
        status, document = answer
        if status != _OK:
            return self._refused(reference, found, status)
        values = document.get("data")
        if self._vault.version == "2":
            values = values.get("data") if isinstance(values, dict) else None
        if not isinstance(values, dict):
            return unreadable(
                reference, f"{self._vault.address} answers otherwise than a key-value engine does.", self._hint
            )
        value = values.get(found.field)
        if isinstance(value, str):
            return value
        if value is None:
            detail = f"The key {found.path} of {self._vault.address} has no field {found.field}."
            return unreadable(reference, detail, f"add it there, or correct the field; {self._hint}")
        return unreadable(reference, f"The field {found.field} holds something else than text.", "make it a text")

    @property
    def _hint(self) -> str:
        return f"the engine is asked as version {self._vault.version}"

    def _refused(self, reference: str, found: Location, status: int) -> RuntimeFailure:
        address, shown = self._vault.address, f"{self._vault.mount}/{found.path}".lstrip("/")
        if status == _NOT_FOUND:
            return unreadable(
                reference, f"{address} has nothing at {shown}.", f"write it there, or correct the key; {self._hint}"
            )
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return unreadable(
                reference,
                f"{address} does not let mcphub read {shown}, or has no such engine.",
                f"give its policy `read` on it, or renew the token; {self._hint}",
            )
        return self._unwell(status)

    def _denied_entry(self, status: int) -> RuntimeFailure:
        if status in {_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND}:
            method, login = self._vault.method, self._vault.login
            return _failure(
                self._vault,
                f"It refuses the login by {method} at auth/{login} (status {status}).",
                f"look at the role and at {self._vault.credential}",
            )
        return self._unwell(status)

    def _unwell(self, status: int) -> RuntimeFailure:
        if status == _SEALED:
            return _failure(self._vault, "It is sealed, or not ready.", "unseal it", retryable=True)
        if status in _STANDBY:
            return _failure(
                self._vault, "It stands by for another one, or was asked too often.", "try again", retryable=True
            )
        if status // 100 == 3:  # noqa: PLR2004  (any redirect)
            return _failure(self._vault, "It redirects, which is not followed.", "write the address it leads to")
        return _failure(self._vault, f"It answers with the status {status}.", "look at its log", retryable=True)

    def _plain(self, token: str) -> str:
        if not token.isascii() or not token.isprintable() or " " in token:
            detail = f"What {self._vault.credential} holds is no token."
            raise _failure(self._vault, detail, "look for a line break or a space in it")
        return token

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        """Return status and document of the answer, empty where it has none; raises RuntimeFailure."""
        headers = {"X-Vault-Token": self._token} if self._token else {}
        problem: RuntimeFailure | None = None
        status, data = 0, bytearray()
        try:
            with self._client.stream(
                method, f"{self._vault.address}/v1/{path}", headers=headers, json=body
            ) as response:
                for part in response.iter_bytes():
                    data += part
                    if len(data) > _LONGEST_ANSWER:
                        problem = _failure(self._vault, "It answers without an end.", "look at what runs there")
                        break
                status = response.status_code
        except httpx2.HTTPError as error:
            detail = f"It cannot be reached: {_reason(error)}."
            problem = _failure(self._vault, detail, "see that it runs, and that the address is right", retryable=True)
        if problem is not None:
            # Not raised where the error is known: its request holds the token.
            raise problem
        try:
            document = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            document = {}
        return status, document if isinstance(document, dict) else {}


def _reason(error: httpx2.HTTPError) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {TIMEOUT:g} s"
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({found.verify_message})"
        found = found.__cause__ or found.__context__
    return "the connection fails" if isinstance(error, httpx2.ConnectError) else "it breaks off"


def _failure(vault: Vault, detail: str, resolution: str, *, retryable: bool = False) -> RuntimeFailure:
    return RuntimeFailure(
        f"the secret store at {vault.address} cannot be used",
        detail=detail,
        resolution=resolution,
        retryable=retryable,
    )
