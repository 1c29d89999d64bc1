"""What of a URL is never shown: the values in its query that let somebody in."""

import re
from collections.abc import Callable

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s\"'<>`]+", re.IGNORECASE)
_PAIR = re.compile(r"(?<=[?&;])(?P<name>[^=&;#]+)=(?P<value>[^&;#]+)")
_ESCAPED = re.compile("%([0-9a-f]{2})", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|passphrase|pwd|auth|authorization|credentials?|signature|sig|jwt|bearer|sid)\]?",
    re.IGNORECASE,
)


def hide_query(text: str, *, shown: Callable[[str], str] = lambda _value: "…") -> str:
    """Return `text` with each value hidden that stands in the query of a URL under a name that looks like a secret's.

    What stands in its place is what `shown` returns of the value.
    """

    def hide(pair: re.Match[str]) -> str:
        name = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), pair["name"])
        ending = max((match.end() for match in _SECRET_NAME.finditer(name)), default=-1)
        return f"{pair['name']}={shown(pair['value'])}" if ending == len(name) else pair[0]

    return _URL.sub(lambda url: _PAIR.sub(hide, url[0]), text)
