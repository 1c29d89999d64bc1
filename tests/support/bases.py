"""Base images with a real interpreter, made of this machine's own files: nothing can be pulled here.

The layer is what Debian's packages put there: the program, the libraries that it is linked with, its own modules.
"""

import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.engine import Engine, unavailable

_PYTHON = Path("/usr/bin/python3.11")
_MODULES = Path("/usr/lib/python3.11")
_LINKED = re.compile(r"(?:=> )?(/\S+) \(0x")
_LEFT_OUT = {"test", "dist-packages", "lib2to3", "idlelib", "tkinter", "ensurepip", "pydoc_data"}


def push_python_base(engine: Engine, name: str) -> str:
    """Push an image with Debian's Python 3.11, which names no user, and return its reference by tag."""
    if not _PYTHON.exists():
        unavailable("the Python base image needs Debian's python3.11")
    modules = [path for path in _MODULES.rglob("*") if path.is_file() and not _LEFT_OUT & set(path.parts)]
    layer = _layer([_PYTHON, *modules, *_libraries_of(modules)], {"usr/bin/python3": "python3.11"})
    return _by_tag(engine.push(name, layer, "ENV PATH=/usr/bin:/bin"))


def push_node_base(engine: Engine, name: str) -> str:
    """Push an image with this machine's Node.js, whose user is node, and return its reference by tag."""
    node = shutil.which("node")
    if node is None:
        unavailable("the Node.js base image needs node")
    program = Path(node).resolve()
    layer = _layer([*_linked(program)], {}, {"usr/bin/node": program})
    return _by_tag(engine.push(name, layer, "ENV PATH=/usr/bin:/bin", "USER 1000:1000"))


def push_python_server(engine: Engine, name: str, script: Path) -> str:
    """Push an image that runs `script` with Debian's Python, and return its reference by tag."""
    return _by_tag(push_pinned_server(engine, name, script))


def push_pinned_server(engine: Engine, name: str, script: Path) -> str:
    """Push an image that runs `script` with Debian's Python, and return its reference by digest."""
    modules = [path for path in _MODULES.rglob("*") if path.is_file() and not _LEFT_OUT & set(path.parts)]
    files = [_PYTHON, *modules, *_libraries_of(modules)]
    layer = _layer(files, {"usr/bin/python3": "python3.11"}, {"app/server.py": script})
    return engine.push(name, layer, 'ENTRYPOINT ["/usr/bin/python3", "-u", "/app/server.py"]', "ENV PATH=/usr/bin:/bin")


def _libraries_of(modules: list[Path]) -> set[Path]:
    # Compiled wheels are linked with parts of the C library, and with the compiler's own, that Debian's Python is not.
    names = ("libgcc_s.so.1", "libstdc++.so.6", "librt.so.1", "libpthread.so.0", "libdl.so.2", "libutil.so.1")
    own = (path for name in names for path in Path("/usr/lib").glob(f"*-linux-gnu/{name}"))
    return {*own, *_linked(_PYTHON, *(path for path in modules if path.suffix == ".so"))}


def _by_tag(reference: str) -> str:
    return f"{reference.partition('@')[0]}:1"


def _linked(*programs: Path) -> set[Path]:
    """Return the libraries that `programs` are linked with (ldd(1))."""
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    return {Path(match[1]) for match in _LINKED.finditer(done.stdout)}


def _layer(files: list[Path], links: dict[str, str], others: dict[str, Path] | None = None) -> bytes:
    """Return a tar of `files` at their own places, `links` and `others` by name; times are kept, for compiled files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("tmp", 0o1777), ("proc", 0o755), ("sys", 0o755), ("dev", 0o755), ("etc", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, path in _named(files, others or {}):
            entry = tar.gettarinfo(str(path.resolve()), name)
            entry.uid = entry.gid = 0
            entry.mode |= 0o555
            with path.open("rb") as content:
                tar.addfile(entry, content)
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def _named(files: list[Path], others: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    yield from ((str(path).lstrip("/"), path) for path in sorted(set(files)))
    yield from others.items()
