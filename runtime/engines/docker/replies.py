"""What the engine answers to questions that change nothing, as it is compared with what it answers later.

Imports next to nothing, as `runtime.questions`. Asked again in HTTP/1.0, where an answer is what comes until the end:
whatever is taken apart wrongly here is another answer, and no harm.
"""

import json
from _socket import AF_UNIX, socket  # what the module of that name stands on, and takes 2 ms less to load
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mcphub_gitops.runtime.questions import fingerprint

VERSION, CONTAINERS, REPLY = "version", "containers", "reply"
"""Which version of its API the engine has; which containers it lists, by their names; any other document.

Subjects are targets of requests. A list as it comes has how long ago each was started, in words.
"""

KINDS = frozenset({VERSION, CONTAINERS, REPLY})

_AT_ONCE = 8
_PATIENCE = 5.0
_READ_SIZE = 64 * 1024
_LARGEST = 64 * 1024 * 1024
_OK = 200
_MOUNTS, _NO_MOUNTS = b'"Mounts":[', b'"Mounts":[]'


def names_listed(listed: Iterable[Mapping[str, Iterable[str]]]) -> set[str]:
    """Return the names of the containers in a list, without those that links of others give to them."""
    return {str(name).removeprefix("/") for each in listed for name in each["Names"] if name.count("/") == 1}


def answer_of(kind: str, status: int, body: bytes) -> str:
    """Return the answer of a `kind`; for a refusal its status. Raises ValueError where `body` is none of that kind."""
    if status != _OK:
        return f"status {status}"
    if kind == CONTAINERS:
        return fingerprint(sorted(name.encode() for name in names_listed(json.loads(body))))
    if _NO_MOUNTS in body or _MOUNTS not in body:
        return fingerprint((body,))
    document = json.loads(body)
    # The engine keeps them without an order.
    document["Mounts"] = sorted(json.dumps(each, sort_keys=True) for each in document["Mounts"])
    return fingerprint((json.dumps(document, sort_keys=True).encode(),))


def ask_engine(address: str, questions: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield what the engine at the socket `address` answers to each kind and target.

    Raises OSError, ValueError, KeyError or TypeError where it does not, or in no way that is known.
    """
    for begin in range(0, len(questions), _AT_ONCE):
        yield from _ask_some(address, questions[begin : begin + _AT_ONCE])


def _ask_some(address: str, questions: Sequence[tuple[str, str]]) -> Iterator[str]:
    connections: list[socket] = []
    try:
        for _, target in questions:
            connection = socket(AF_UNIX)
            connections.append(connection)
            connection.settimeout(_PATIENCE)
            connection.connect(address)
            connection.sendall(f"GET {target} HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
        for (kind, _), connection in zip(questions, connections, strict=True):
            head, _, body = _read(connection).partition(b"\r\n\r\n")
            yield _version_in(head) if kind == VERSION else answer_of(kind, int(head.split(b" ", 2)[1]), body)
    finally:
        for connection in connections:
            connection.close()


def _read(connection: socket) -> bytes:
    chunks, size = [], 0
    while chunk := connection.recv(_READ_SIZE):
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST:
            raise ValueError("the answer is too large")
    return b"".join(chunks)


def _version_in(head: bytes) -> str:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"api-version":
            return value.strip().decode("ascii")
    return ""
