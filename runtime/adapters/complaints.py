"""What uv says when it gives up, told as a failure or as a sentence about a package. Pure text; measured with 0.13.9.

uv has no other form for it: its exit code is 1 for "no solution" and also for a file with the wrong hash, and 2 for
most of what the network, the disk or the configuration did.
"""

import re
from dataclasses import dataclass

from mcphub_gitops.runtime.failure import RuntimeFailure

OLDEST_PYTHON = "3.11"
"""What a lock holds for: this Python and later. Fixed, so that an answer never depends on the machine that asks."""

_LONGEST = 4000

# An address and, up to its end, whatever it carries: user, password, token in the path or the query.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>[^\s`'\"<>]*)")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d+)?")

# uv calls a package "not found" also when the index could not be asked about it, and says so in a hint.
_UNASKED = re.compile(r"could not be queried|403 Forbidden|network was disabled|lookups were disabled|in the cache")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a complaint amounts to when `pattern` is found in it; the other two are for a container's interpreter."""

    pattern: str
    reason: str
    resolution: str
    retryable: bool = False
    contained_reason: str = ""
    contained_resolution: str = ""


# The first that fits: what is certain comes before what uv also says in passing.
_KINDS = (
    _Kind(
        pattern=r"Hash mismatch",
        reason="a file is not the one that was locked",
        resolution="find out who replaced it on the index or in the lock; lock again only once that is clear",
    ),
    _Kind(
        pattern=r"(?:os error|Errno) (?:28|122)\b|No space left|Disk quota",
        reason="the disk is full",
        resolution="make room in the runtime folder and in uv's cache (`uv cache prune`), and try again",
        retryable=True,
    ),
    _Kind(
        pattern=r"(?:os error|Errno) (?:13|30|1)\b|Failed to initialize cache",
        reason="a file cannot be read or written",
        resolution="look at the permissions of the runtime folder and of uv's cache",
    ),
    _Kind(
        pattern=r"network was disabled|connectivity is disabled|lookups were disabled|argument `offline`",
        reason="uv is set to stay offline, and its cache does not hold what is needed",
        resolution="unset UV_OFFLINE and UV_NO_INDEX, or `offline` and `no-index` in uv's own configuration",
    ),
    _Kind(
        pattern=r"certificate|UnknownIssuer|corrupt message|[Hh]andshake",
        reason="no secure connection to the package index comes about",
        resolution="if a proxy or mirror has its own authority, name its certificate in SSL_CERT_FILE",
    ),
    _Kind(
        pattern=r"\(40[137] |40[13] (?:Forbidden|Unauthorized)|could not be queried",
        reason="the package index refuses the credentials",
        resolution="check the user and password, or the token, of the index in uv's own configuration",
    ),
    _Kind(
        pattern=r"No interpreter found|inspect Python interpreter|Querying Python|No virtual environment",
        reason="the base Python cannot be used",
        resolution=f"install Python {OLDEST_PYTHON} or later, and see that it starts",
    ),
    _Kind(
        pattern=r"Failed to parse: |TOML|invalid value|cannot be used with|relative URL without a base",
        reason="uv's own configuration is wrong",
        resolution="correct the uv.toml of this user or system, or the UV_ variable that is named",
    ),
    _Kind(
        pattern=r"Failed to fetch|error sending request|Request failed|Failed to download|timed out|HTTP status",
        reason="the package index does not answer as it should",
        resolution="check the network, the proxy settings and the address of the index, and try again",
        retryable=True,
    ),
    _Kind(
        pattern=r"matching platform tag|no usable wheels|matching Python (?:implementation|version|ABI) tag",
        reason="there is no wheel of it for this machine",
        resolution="run it on a machine that the package supports, or choose another version and lock again",
        contained_reason="there is no wheel of it for {target} on this machine's architecture",
        contained_resolution="choose a base image that the package supports, or another version, and lock again",
    ),
    _Kind(
        pattern=r"Python version \([^)]*\) does not satisfy",
        reason="it does not run on this Python",
        resolution="run mcphub with a Python that the package supports, or choose another version and lock again",
        contained_reason="it does not run on {target}",
        contained_resolution="choose a base image that the package supports, or another version, and lock again",
    ),
    _Kind(
        pattern=r"there is no version of|not found in|there are no versions",
        reason="the package index does not have what was locked",
        resolution="check that uv is set to the right index; if the version was withdrawn, lock again",
    ),
)


def mask(text: str) -> str:
    """Return `text` for people: of every address only scheme and host are left, and nothing that moves a cursor.

    uv masks passwords where it parsed them itself, but shows tokens in paths and queries, and passwords in an
    address that it could not parse.
    """
    shown = _ADDRESS.sub(lambda match: f"{match['scheme']}://{_host(match['rest'])}", text)
    clean = "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in shown)
    return clean.strip()[:_LONGEST]


def _host(rest: str) -> str:
    after_user = rest.rpartition("@")[2]
    host = re.split(r"[/?#)]", after_user, maxsplit=1)[0].rstrip(".,;:")
    return f"{host}/…" if _HOST.fullmatch(host) else "…"


def to_failure(subject: str, said: str, *, target: str = "") -> RuntimeFailure:
    """Return the failure of `subject` ("x cannot be installed"), for the masked text that uv `said`.

    `target` is the container's interpreter that it was for, if it was for one.
    """
    for kind in _KINDS:
        if re.search(kind.pattern, said):
            reason = (target and kind.contained_reason.replace("{target}", target)) or kind.reason
            resolution = (target and kind.contained_resolution) or kind.resolution
            return RuntimeFailure(f"{subject}: {reason}", detail=said, resolution=resolution, retryable=kind.retryable)
    return RuntimeFailure(f"{subject}: uv failed", detail=said or "it said nothing")


def is_final(status: int, said: str) -> bool:
    """Whether uv found that no pins exist, having asked the index about everything it needed to know."""
    return status == 1 and "No solution found" in said and not _UNASKED.search(said)


def explain(name: str, version: str, said: str, newest: str) -> str:
    """Return in a sentence why `name` (at `version`, if any) has no pins; `newest` is a version that has, if any.

    What fits none of the usual reasons, or more than one of them, is told in uv's own words.
    """
    instead = f"; the newest version that can be used is {newest}" if newest else ""
    package = f"`{name}` {version}" if version else f"`{name}`"
    words = _flat(said)
    it = rf"(?<![\w-]){re.escape(name)}" + (rf"=={re.escape(version)}" if version else r"(?:[<>=!~][^ ]*)?")
    unknown = re.search(rf"Because {re.escape(name)} was not found in", words)
    absent = re.search(rf"there (?:is no version|are no versions) of {it} ", words)
    source = re.search(rf"{it} ha(?:s|ve) no usable wheels", words)
    needed = re.search(rf"{it} (?:depends? on|requires?) Python ?(?P<bound>[<>=!~][<>=!~0-9.,* ]*[0-9*])", words)
    if unknown:
        return f"The package index has no package called `{name}`."
    if absent:
        return f"`{name}` has no version {version or 'in the package index'}{instead}."
    if source and not needed:
        return f"{package} is published as source only, and building it would run code that nobody locked{instead}."
    if needed and not source:
        return f"{package} needs Python {needed['bound']}, and a lock holds for {OLDEST_PYTHON} and later{instead}."
    return f"{package} cannot be resolved. {words}"


def _flat(said: str) -> str:
    """Return uv's explanation as running text, without the line that only says there is one, and without advice."""
    body = said.partition("\nhint:")[0].partition("\n")[2]
    return " ".join(body.replace("  cause: ", " ").split())
