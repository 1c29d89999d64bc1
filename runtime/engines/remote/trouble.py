"""What can go wrong with a remote server, in words that hold neither its text nor a secret."""

import re
from http import HTTPStatus
from typing import Final

UNAVAILABLE: Final = -32010
REFUSED: Final = -32015
"""JSON-RPC codes of the range that is left to implementations; the gateway uses the same two (`gateway.wire`)."""

UNKNOWN_METHOD: Final = -32601

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?=[/?#]|\Z)")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,80}")


class Trouble(Exception):  # noqa: N818  (it ends one request, as an answer to it)
    """One exchange failed: `words` go to the one who asked, with the JSON-RPC error `code`.

    `lasting` is true where the same request would fail again, `unknown` where the remote does not know who asks.
    """

    def __init__(self, words: str, *, code: int = UNAVAILABLE, lasting: bool = False, unknown: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.code = code
        self.lasting = lasting
        self.unknown = unknown


class SessionOverError(Exception):
    """The remote no longer knows the session: a new one has to be opened."""


class OverrunError(Exception):
    """A message is longer than any may be."""


def status_trouble(status: int, location: str = "") -> Trouble:
    """Return what an HTTP status other than success means; `location` is that of a redirect."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        wanted = "credentials" if status == HTTPStatus.UNAUTHORIZED else "other credentials"
        words = f"The remote server wants {wanted} (status {status}); look at the headers that are set for it"
        return Trouble(words, code=REFUSED, lasting=True, unknown=status == HTTPStatus.UNAUTHORIZED)
    if status // 100 == 3:  # noqa: PLR2004  (RFC 9110 section 15.4)
        where = origin_in(location)
        words = f"The remote server redirects to {where} (status {status}); redirects are not followed, correct its URL"
        return Trouble(words, lasting=True)
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return Trouble(f"The remote server answered with status {status}{_phrase(status)}", lasting=not passing)


def other_transport(trouble: Trouble, advice: str) -> Trouble:
    """Return `trouble` with `advice` for a server that may speak another transport than it is spoken to."""
    return Trouble(f"{trouble.words}; {advice}", code=trouble.code, lasting=trouble.lasting)


def kind_trouble(content_type: str) -> Trouble:
    """Return what it means that an answer has `content_type`, which no answer of the protocol has."""
    found = f"with {content_type}" if _MEDIA_TYPE.fullmatch(content_type) else "without a content type"
    return Trouble(f"The remote server answered {found}, which is no answer of an MCP endpoint", lasting=True)


def origin_in(url: str) -> str:
    """Return the scheme, host and port of `url`, which the remote wrote, where they can be shown."""
    found = _ORIGIN.match(url)
    return found.group() if found else "another place"


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""
