"""What npm says when it gives up, told as a failure or as a sentence about a package. Pure text; npm 9 to 11.

npm says its errors as data: a text, and a code, which is its own (``E404``, ``ETARGET``), the system's
(``ECONNREFUSED``) or that of Node.js.
"""

import re
from dataclasses import dataclass

from mcphub_gitops.runtime.adapters.npm_program import Said
from mcphub_gitops.runtime.failure import RuntimeFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What an error whose code `pattern` matches amounts to."""

    pattern: str
    reason: str
    resolution: str
    retryable: bool = False


_KINDS = (
    _Kind(
        pattern="EINTEGRITY",
        reason="a file is not the one that was locked",
        resolution="find out who replaced it in the registry or in the lock; lock again only once that is clear",
    ),
    _Kind(
        pattern="ENOSPC|EDQUOT",
        reason="the disk is full",
        resolution="make room in the runtime folder and in npm's cache there, and try again",
        retryable=True,
    ),
    _Kind(
        pattern="EACCES|EPERM|EROFS",
        reason="a file cannot be read or written",
        resolution="look at the permissions of the runtime folder and of npm's cache there",
    ),
    _Kind(
        pattern="ENOTCACHED",
        reason="npm is set to stay offline, and its cache does not hold what is needed",
        resolution="unset `offline` in npm's own configuration or environment",
    ),
    _Kind(
        pattern=r".*CERT.*|.*_SIGNATURE|EPROTO|ERR_SSL_.*|ERR_TLS_.*",
        reason="no secure connection to the package registry comes about",
        resolution="if a proxy or mirror has its own authority, name its certificate in NODE_EXTRA_CA_CERTS",
    ),
    _Kind(
        pattern="E401|E403|E407|ENEEDAUTH|EAUTH.*|EOTP",
        reason="the package registry refuses the credentials",
        resolution="check the token of the registry in npm's own configuration (~/.npmrc)",
    ),
    _Kind(
        pattern="EBADPLATFORM",
        reason="it is not for this machine",
        resolution="run it on a machine that the package supports, or choose another version and lock again",
    ),
    _Kind(
        pattern="EUSAGE|ELOCKVERIFY",
        reason="the locked lines do not fit together",
        resolution="lock the server again",
    ),
    _Kind(
        pattern="E404|ETARGET|ENOVERSIONS",
        reason="the package registry does not have what was locked",
        resolution="check that npm is set to the right registry; if the version was withdrawn, lock again",
    ),
    _Kind(
        pattern=r"E429|E5\d\d|ECONN.*|ENOTFOUND|EAI_AGAIN|E.*TIMEDOUT|ENET.*|EHOST.*|EPIPE|ERR_SOCKET.*|FETCH_ERROR"
        r"|E.*TIMEOUT|EINVALIDRESPONSE|Z_.*|TAR_.*|EJSONPARSE",
        reason="the package registry does not answer as it should",
        resolution="check the network, the proxy settings and the address of the registry, and try again",
        retryable=True,
    ),
)

_FINAL = re.compile(
    r"E404|ETARGET|ENOVERSIONS|ERESOLVE|EALLOW.*|EUNSUPPORTEDPROTOCOL|EINVALIDTAGNAME|EINVALIDPACKAGENAME"
)


def to_failure(subject: str, said: Said) -> RuntimeFailure:
    """Return the failure of `subject` ("x cannot be installed"), for what npm `said`."""
    for kind in _KINDS:
        if re.fullmatch(kind.pattern, said.code):
            return RuntimeFailure(
                f"{subject}: {kind.reason}", detail=said.words, resolution=kind.resolution, retryable=kind.retryable
            )
    return RuntimeFailure(f"{subject}: npm failed", detail=said.words or "it said nothing")


def is_final(said: Said) -> bool:
    """Whether npm found that the package cannot be locked, having asked the registry about all it needed to know."""
    return _FINAL.fullmatch(said.code) is not None or "unknown git error" in said.words


def explain(name: str, version: str, said: Said, newest: str) -> str:
    """Return in a sentence why `name` (at `version`, if any) cannot be locked; `newest` is a version that it has.

    What fits none of the usual reasons, or is about something that it needs, is told in npm's own words.
    """
    package = f"`{name}` {version}" if version else f"`{name}`"
    own = re.search(rf"(?:'|for ){re.escape(name)}(?:@|$)", said.words) is not None
    if said.code == "E404" and own:
        return f"The package registry has no package called `{name}`."
    if said.code in {"ETARGET", "ENOVERSIONS"} and own:
        instead = f"; the newest version is {newest}" if newest else ""
        return f"`{name}` has no version {version or 'in the package registry'}{instead}."
    other = re.search(r"'(?P<name>@?[^@'\s]+)@", said.words)
    if said.code == "E404" and other:
        return f"{package} needs `{other['name']}`, which the package registry does not have."
    if said.code.startswith("EALLOW") or "unknown git error" in said.words:
        return f"{package} needs something that does not come from a package registry. {_flat(said.words)}"
    return f"{package} cannot be locked. {_flat(said.words)}"


def _flat(words: str) -> str:
    return " ".join(words.split())
