"""The stores that a hub's secrets are kept in, as declared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from posixpath import normpath
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import Entry, MapNode, Node
from mcphub_gitops.compiler.resolve.entry import Fill
from mcphub_gitops.compiler.resolve.location import split, why_no_key
from mcphub_gitops.compiler.resolve.model import SecretRef, Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, value
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.resolve.references import programs_of
from mcphub_gitops.compiler.source import Span

# Compiled where they are used, because most hubs have no store and a start pays for each.
_ADDRESS = (
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?P<port>:[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
)
_LOOPBACK = r"localhost|127(?:\.[0-9]{1,3}){3}|\[::1\]"
_NAME = r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*"

_POD = "file:///var/run/secrets/kubernetes.io/serviceaccount/token"
"""Where Kubernetes puts the token of a pod's service account."""

_CREDENTIALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"token": ("", ""), "approle": ("secret", "env://VAULT_SECRET_ID"), "jwt": ("token", ""),
     "kubernetes": ("token", _POD)}
)  # fmt: skip
"""By the way to log in: the key that holds the credential's reference, and what it is where it is not given."""

Reader = Callable[[str, Node], SecretRef | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """A server with the API of HashiCorp Vault, such as OpenBao, and how one logs in there.

    `mount` and `version` (``1`` or ``2``) are those of the key-value engine that keys are looked up in. `credential` is
    a reference to the token, or to what a login takes beside the `role`, which may be one too; `login` is where the
    login method is mounted. `ca` is a file of certificates, trusted instead of the system's.
    """

    address: str
    method: str
    credential: str
    role: str = ""
    login: str = ""
    mount: str = "secret"
    version: str = "2"
    namespace: str = ""
    ca: str = ""

    def facts(self) -> Mapping[str, str]:
        """Return its settings as plain text by name; what is not set is left out."""
        return MappingProxyType({name: each for name, each in sorted(asdict(self).items()) if each})


def why_no_address(address: str) -> str:
    """Return why no store is asked at `address`, as a sentence: what comes from there is secret, so it takes TLS."""
    match = re.fullmatch(_ADDRESS, address)
    if match is None:
        return "An address is https://HOST, with :PORT and /PATH where wanted."
    if match["scheme"] == "http" and not re.fullmatch(_LOOPBACK, match["host"]):
        return "A store is asked over https; plain http is for this machine alone."
    return ""


def decode_stores(root: Node, fill: Fill, read: Reader, problems: list[Diagnostic]) -> Mapping[str, Mapping[str, str]]:
    """Return the facts of each usable store by name; `read` reads a reference, `problems` takes what is wrong."""
    decoder = _Stores(fill, read, problems)
    found = {entry.key: decoder.vault(entry) for entry in entries(root, "secretStores")}
    return MappingProxyType({name: vault.facts() for name, vault in sorted(found.items()) if vault is not None})


class _Stores:
    def __init__(self, fill: Fill, read: Reader, problems: list[Diagnostic]) -> None:
        self._fill = fill
        self._read = read
        self._problems = problems

    def vault(self, entry: Entry) -> Vault | None:
        node = child(entry.value, "vault")
        address, auth = self._text(node, "address"), child(node, "auth")
        if address is None or not isinstance(auth, MapNode) or len(auth.entries) != 1:
            return None
        self._check(address, why_no_address(address.value))
        method = auth.entries[0].key
        credential = self._credential(method, auth.entries[0])
        if credential is None:
            return None
        parts = {"role": self._role(auth.entries[0].value), "login": self._name(auth, method, "mount")}
        parts |= {"mount": self._name(node, "mount"), "namespace": self._name(node, "namespace"), "ca": self._ca(node)}
        if method != "token":
            parts["login"] = parts["login"] or method
        version = value(node, "version")
        parts["version"] = str(version) if version in {1, 2} else ""
        return Vault(
            address=address.value.rstrip("/"),
            method=method,
            credential=str(credential),
            **{name: each for name, each in parts.items() if each},
        )

    def _credential(self, method: str, entry: Entry) -> SecretRef | None:
        key, default = _CREDENTIALS.get(method, ("", ""))
        given = child(entry.value, key) if key else entry.value
        if given is not None:
            return self._own(f"{method}.{key}".rstrip("."), given)
        scheme, location = split(default) or ("", "")
        return SecretRef(variable="", scheme=scheme, location=location, span=entry.key_span) if scheme else None

    def _own(self, name: str, node: Node) -> SecretRef | None:
        """Return a reference with which one logs in; what is in a store cannot open one."""
        reference = self._read(name, node)
        if reference is not None and reference.scheme in {"store", "vault"}:
            self._tell("What opens a store is in no store; it comes from a variable, a file or a program.", node.span)
            return None
        if reference is not None and programs_of(reference):
            # The lock pins the programs of servers; a store is none's.
            self._tell("A program of the hub's folder opens no store; take one that is installed.", node.span)
            return None
        return reference

    def _role(self, node: Node) -> str:
        given = child(node, "role")
        found = text(given)
        if given is None or found is None:
            return ""
        if "://" in found.value:
            return str(self._own("role", given) or "")
        return self._fill(found).value

    def _name(self, node: Node | None, *keys: str) -> str:
        given = self._text(node, *keys)
        if given is None:
            return ""
        problem = (
            "" if re.fullmatch(_NAME, given.value) and not why_no_key(given.value) else "It is no path of a store."
        )
        self._check(given, problem)
        return given.value

    def _ca(self, node: Node | None) -> str:
        given = self._text(node, "ca")
        if given is None:
            return ""
        path = normpath(given.value)
        problem = why_not_granted(path, "read") if not path.startswith("/") else ""
        self._check(given, f"`{given.value}` {problem}." if problem else "")
        return path

    def _text(self, node: Node | None, *keys: str) -> Text | None:
        found = text(child(node, *keys))
        return self._fill(found) if found is not None else None

    def _check(self, given: Text, problem: str) -> None:
        if problem:
            self._tell(problem, given.span)

    def _tell(self, detail: str, span: Span) -> None:
        self._problems.append(Diagnostic(code=codes.SECRET_STORE, detail=detail, span=span))
