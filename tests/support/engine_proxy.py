"""A socket in front of an engine's, which writes down each request that passes."""

import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_REQUEST = re.compile(rb"(GET|HEAD|POST|PUT|DELETE|PATCH) (\S+) HTTP/1\.[01]\r\n")


@contextmanager
def recording(address: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield a DOCKER_HOST that leads to the engine at `address`, and the requests made there, ``METHOD PATH`` each."""
    seen: list[str] = []
    path = str(folder / "proxy.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        accepting = threading.Thread(target=_accept, args=(listener, address, seen), daemon=True)
        accepting.start()
        yield f"unix://{path}", seen
        # A thread that waits in accept is woken by this alone.
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, address: str, seen: list[str]) -> None:
    with suppress(OSError):
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_relay, args=(near, address, seen), daemon=True).start()


def _relay(near: socket.socket, address: str, seen: list[str]) -> None:
    with near, socket.socket(socket.AF_UNIX) as far, selectors.DefaultSelector() as selector, suppress(OSError):
        far.connect(address)
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while selector.get_map():
            for key, _ in selector.select():
                source = near if key.fd == near.fileno() else far
                data = source.recv(65536)
                if source is near:
                    seen.extend(f"{match[1].decode()} {match[2].decode()}" for match in _REQUEST.finditer(data))
                if not data:
                    selector.unregister(source)
                    key.data.shutdown(socket.SHUT_WR)
                    continue
                key.data.sendall(data)
