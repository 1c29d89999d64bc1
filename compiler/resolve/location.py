"""Where a secret's value is: references as text, taken apart and written again.

``env://NAME``, ``file://PATH``, ``dotenv://FILE#NAME``, ``exec://PROGRAM?ARGUMENT&ARGUMENT``,
``store://STORE/KEY#FIELD`` and ``vault://MOUNT/KEY#FIELD``. In the last three a character that would be taken for a
separator is written as ``%XX``, as in URLs (RFC 3986, section 2.1).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath

from mcphub_gitops.compiler.resolve.path import RUNTIME_FOLDER, looks_like_path, why_not_granted

# Compiled where they are used, because most hubs use few of them and a start pays for each.
_REFERENCE = r"(?s:(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<location>.+))"
_COMPOSED = r"\$(?:\$|\{([^{}]*)\})"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTENV_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_STORE = r"[a-z][a-z0-9-]{0,62}"
_ESCAPED = rb"%([0-9A-Fa-f]{2})"
_SPECIAL = r"[%?&#${}\s]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A reference in its parts.

    `path` is the variable's name, the file, or the key in the store; `field` what is meant of a file or key with
    several values. `store` is the name of a declared store, and `argv` the program that writes the value.
    """

    scheme: str
    path: str = ""
    field: str = ""
    store: str = ""
    argv: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What follows ``SCHEME://``."""
        if self.scheme == "exec":
            words = [_escape(word) for word in self.argv]
            return "?".join([words[0], "&".join(words[1:])]) if len(words) > 1 else words[0]
        if self.scheme in {"store", "vault"}:
            path = f"{self.store}/{self.path}" if self.store else self.path
            return f"{_escape(path)}#{_escape(self.field)}"
        return f"{self.path}#{self.field}" if self.field else self.path

    def __str__(self) -> str:
        return f"{self.scheme}://{self.text}"


def split(reference: str) -> tuple[str, str] | None:
    """Return scheme and rest of `reference`; None where it is none."""
    match = re.fullmatch(_REFERENCE, reference)
    return (match["scheme"], match["location"]) if match is not None else None


def locate(reference: str) -> Location | str:
    """Return the parts of `reference`, or why it leads nowhere, as a sentence; its scheme may be unknown here."""
    scheme, text = split(reference) or ("", "")
    readers = {"env": _variable, "file": _file, "dotenv": _dotenv, "exec": _program, "store": _stored, "vault": _vault}
    if scheme not in readers:
        return "It is no reference that mcphub knows."
    if "{" in text or "}" in text:
        return "A reference has no braces; write them as %7B and %7D where it names a key or an argument."
    return readers[scheme](text)


def references_in(reference: str) -> list[str]:
    """Return the references in `reference`, which may be composed (`ports.read_secrets`)."""
    if "$" not in reference:
        return [reference]
    return [match[1] for match in re.finditer(_COMPOSED, reference) if match[1] is not None]


def locations_in(reference: str) -> Iterator[Location]:
    """Yield the parts of each usable reference in `reference`, which may be composed."""
    for found in map(locate, references_in(reference)):
        if isinstance(found, Location):
            yield found


def stores_of(reference: str) -> set[str]:
    """Return the names of the declared stores that `reference`, which may be composed, leads to."""
    return {found.store for found in locations_in(reference)} - {""}


def why_no_key(key: str) -> str:
    """Return why `key` is no key of a store, as a sentence: a store's path is a URL's, where dots would climb."""
    if any(part in {"", ".", ".."} for part in key.split("/")):
        return "A key is names with a slash between them."
    return ""


def why_no_words(argv: tuple[str, ...]) -> str:
    """Return why `argv` is not run, as a sentence."""
    if not argv or not argv[0] or argv[0].startswith("-"):
        return "It names no program."
    for word in argv:
        problem = why_not_granted(normpath(word), "read") if looks_like_path(word) else ""
        if problem:
            return f"`{word}` {problem}."
    return ""


def _variable(text: str) -> Location | str:
    if not re.fullmatch(_VARIABLE, text):
        return "What follows `env://` is no name of an environment variable."
    return Location(scheme="env", path=text)


def _file(text: str) -> Location | str:
    return _why_no_file(text) or Location(scheme="file", path=text)


def _dotenv(text: str) -> Location | str:
    path, _, name = text.rpartition("#")
    if not path or not re.fullmatch(_DOTENV_NAME, name):
        return "`dotenv://` takes a file and a name in it, as FILE#NAME."
    return _why_no_file(path) or Location(scheme="dotenv", path=path, field=name)


def _program(text: str) -> Location | str:
    program, mark, rest = text.partition("?")
    words = [_unescape(word) for word in (program, *(rest.split("&") if mark else ()))]
    argv = tuple(word for word in words if word is not None)
    if len(argv) != len(words):
        return "An escape in it is not UTF-8 text."
    return why_no_words(argv) or Location(scheme="exec", argv=argv)


def _stored(text: str) -> Location | str:
    path, field = _keyed(text)
    store, _, key = path.partition("/")
    if not re.fullmatch(_STORE, store) or not field:
        return "`store://` takes a store's name, a key and a field, as STORE/KEY#FIELD."
    return why_no_key(key) or Location(scheme="store", store=store, path=key, field=field)


def _vault(text: str) -> Location | str:
    path, field = _keyed(text)
    if "/" not in path or not field:
        return "`vault://` takes a mount, a key and a field, as MOUNT/KEY#FIELD."
    return why_no_key(path) or Location(scheme="vault", path=path, field=field)


def _keyed(text: str) -> tuple[str, str]:
    path, _, field = text.partition("#")
    return _unescape(path) or "", _unescape(field) or ""


def _why_no_file(path: str) -> str:
    first = normpath(path).split("/")[0]
    if first == RUNTIME_FOLDER:
        return "mcphub's own files are no secrets for servers."
    if first == "..":
        return f"`{path}` leads out of the hub's folder; write an absolute path."
    return ""


def _escape(text: str) -> str:
    return re.sub(_SPECIAL, lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _unescape(text: str) -> str | None:
    data = re.sub(_ESCAPED, lambda found: bytes([int(found[1], 16)]), text.encode("utf-8", "surrogatepass"))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
