"""What `docker login` keeps for registries: in Docker's configuration file, or behind its credential helpers."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.resolve.image import DEFAULT_HOST
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file

_LONGEST = 4 * 1024 * 1024

# Docker files its own registry under the address of a service that is long gone (docker/cli, `registry.IndexServer`).
_INDEX = "https://index.docker.io/v1/"
_INDEX_HOSTS = frozenset({DEFAULT_HOST, "index.docker.io"})

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# What every helper says for a registry that it knows nothing of (docker-credential-helpers, `credentials/error.go`).
_NOT_FOUND = b"credentials not found in native keychain"

# The user's name with which a helper gives out an identity token (same, `credentials/credentials.go`).
_TOKEN_USER = "<token>"  # noqa: S105  (a marker, not a secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a registry is shown: a user with a password, or an identity token; hidden from `repr`."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


class DockerLogins:
    """Reads the logins of Docker's command line as it does itself, each time that it is asked.

    The file is ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``. A helper that is set for a registry
    (`credHelpers`), or for all of them (`credsStore`), decides alone; without one, `auths` does. `environ` says where
    the file is and where helpers are found, and is what they get. `timeout` bounds each run of a helper, in seconds.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, *, timeout: float = 30.0) -> None:
        self._environ = environ
        self._timeout = timeout

    def find(self, host: str) -> Login | None:
        """Return the login for the registry ``HOST[:PORT]``, None when there is none.

        Raises RuntimeFailure when the file or the helper cannot be used; no part of it holds a secret.
        """
        path = self._path()
        data = read_file(path, limit=_LONGEST) if path else None
        if path is None or data is None:
            return None
        config = _parse(path, data)
        helper = _table(path, config, "credHelpers").get(_key(host)) or config.get("credsStore")
        if helper:
            return self._ask(helper, host, path)
        return _read_entry(path, host, _table(path, config, "auths"))

    def registry_auth(self, host: str) -> str:
        """Return the value of the Engine API's header ``X-Registry-Auth`` for ``HOST[:PORT]``: base64url of JSON.

        Empty when there is no login. It is a secret. Raises RuntimeFailure.
        """
        login = self.find(host)
        if login is None:
            return ""
        given = (
            {"identitytoken": login.identity_token}
            if login.identity_token
            else {"username": login.username, "password": login.password}
        )
        return base64.urlsafe_b64encode(json.dumps({**given, "serveraddress": _key(host)}).encode()).decode()

    def _path(self) -> Path | None:
        folder, home = self._environ.get("DOCKER_CONFIG", ""), self._environ.get("HOME", "")
        if folder:
            return Path(folder) / "config.json"
        return Path(home) / ".docker" / "config.json" if home else None

    def _ask(self, helper: object, host: str, path: Path) -> Login | None:
        """Return what a helper has for `host` (protocol: docker-credential-helpers, "Development")."""
        if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
            raise _unusable(path, f"the credential helper for {host} is not named by a word")
        name = f"docker-credential-{helper}"
        program = shutil.which(name, path=self._environ.get("PATH", ""))
        if program is None:
            raise RuntimeFailure(
                f"the login for {host} cannot be read",
                detail=f"{path} names {name}, which is not found.",
                resolution=f"install {name}, or take it out of that file and run `docker login {host}`",
            )
        status, said = self._run(program, name, host)
        if status == 0:
            return _read_helper(name, host, said)
        if said.strip() == _NOT_FOUND:
            return None
        # What it printed is not shown: nobody knows what a helper that failed has already said of the secret.
        raise _refused(name, host, f"{name} ended with status {status}.")

    def _run(self, program: str, name: str, host: str) -> tuple[int, bytes]:
        try:
            with subprocess.Popen(  # noqa: S603  (the user's own helper)
                [program, "get"],
                env=dict(self._environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    said, _ = process.communicate(_key(host).encode(), timeout=self._timeout)
                except subprocess.TimeoutExpired:
                    # Leaving waits for the helper alone, not for what it may have started. The exception is not
                    # chained: it holds what was said so far.
                    process.kill()
                    late = f"{name} did not answer within {self._timeout:g} seconds."
                    raise _refused(name, host, late) from None
                return process.returncode, said
        except OSError as error:
            raise _refused(name, host, f"{program}: {error.strerror}") from error


def _key(host: str) -> str:
    return _INDEX if host in _INDEX_HOSTS else host


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    if len(data) > _LONGEST:
        raise _unusable(path, f"it is larger than {_LONGEST // 1024**2} MiB")
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        # Raised here, and so not chained: the other exception carries the whole text, secrets and all.
        raise _unusable(path, "it is not a JSON object")
    return config


def _table(path: Path, config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = config.get(name) or {}
    if not isinstance(table, dict):
        raise _unusable(path, f"`{name}` is not an object")
    return table


def _read_entry(path: Path, host: str, auths: Mapping[str, Any]) -> Login | None:
    """Return the login of the entry for `host`; old ones are filed under an address (docker/cli, `file_store.go`)."""
    key = _key(host)
    hosts = _INDEX_HOSTS if key == _INDEX else {host}
    name = key if key in auths else next((each for each in auths if _host_of(each) in hosts), "")
    entry = auths.get(name) or {}
    fields = _texts(entry)
    if fields is None:
        raise _unusable(path, f"the entry for {host} in `auths` has the wrong shape")
    if fields["identitytoken"]:
        return Login(identity_token=fields["identitytoken"])
    if fields["auth"]:
        return _decode(path, host, fields["auth"])
    return Login(username=fields["username"], password=fields["password"]) if fields["username"] else None


def _texts(entry: object) -> dict[str, str] | None:
    if not isinstance(entry, dict):
        return None
    fields = {name: entry.get(name) or "" for name in ("auth", "username", "password", "identitytoken")}
    return fields if all(isinstance(value, str) for value in fields.values()) else None


def _host_of(address: str) -> str:
    return re.sub(r"^https?://", "", address).partition("/")[0]


def _decode(path: Path, host: str, auth: str) -> Login:
    try:
        # Docker's decoder passes over line breaks, which `base64` puts in when people write the file by hand.
        packed = auth.replace("\r", "").replace("\n", "")
        username, colon, password = base64.b64decode(packed, validate=True).decode().partition(":")
    except ValueError:
        username = colon = password = ""
    if not username or not colon:
        raise _unusable(path, f"the entry for {host} in `auths` is not base64 of a user and a password")
    return Login(username=username, password=password.rstrip("\0"))


def _read_helper(name: str, host: str, said: bytes) -> Login | None:
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    username, secret = (answer.get("Username"), answer.get("Secret")) if isinstance(answer, dict) else (None, None)
    if not isinstance(username, str) or not isinstance(secret, str):
        raise _refused(name, host, f"{name} answered with something else than a user and a secret.")
    if not secret:
        # Some say "not found" in this way.
        return None
    return Login(identity_token=secret) if username == _TOKEN_USER else Login(username=username, password=secret)


def _unusable(path: Path, detail: str) -> RuntimeFailure:
    return RuntimeFailure(
        "Docker's logins cannot be read",
        detail=f"{path}: {detail}.",
        resolution="correct the file, or move it away and run `docker login` again",
    )


def _refused(name: str, host: str, detail: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the login for {host} cannot be read",
        detail=detail,
        resolution=f"run `docker login {host}`; {name} must be able to answer without asking anyone",
    )
