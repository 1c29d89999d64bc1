"""An apply that found nothing to do, answered again from what it had asked: nothing is decided here, only compared.

Whatever it was told then is asked again. Where every answer is the same, `reconcile` would say the same, and so what
was said is said again. Anything else, an error too, is left to the ordinary way, which decides anew.

Loads next to nothing: this has a third of the time that compose takes, and click alone has more than half of it.
"""

import fcntl
import json
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence

from mcphub_gitops.runtime.engines.docker import replies
from mcphub_gitops.runtime.questions import ask, fingerprint

FORMAT = "mcphub.unchanged/v1"
FOLDER, RECORD, LOCK = ".mcphub", "unchanged", "writer.lock"

LARGEST = 16 * 1024 * 1024
"""Bytes of a record."""

_OTHERS = 0o077
_NO_ANSWER = (OSError, ValueError, TypeError, LookupError, RecursionError)
"""What is raised where something cannot be read, or is not what it was written or answered as."""

_VARIABLES = ("_MCPHUB_", "DOCKER_", "HOME", "LANG", "LC_", "PYTHON", "XDG_")
"""How variables begin that may decide what is found, or how it is shown."""


def repeat(arguments: Sequence[str]) -> bool:
    """Say again what an apply with `arguments` said, and return True; False where it is to be found out anew."""
    try:
        # Started with a closed standard output, the interpreter has none.
        subject = _subject_of(arguments) if sys.stdout is not None else None
        return subject is not None and _repeat(subject)
    except _NO_ANSWER:
        # The ordinary way meets it again, and tells of it.
        return False


def _subject_of(arguments: Sequence[str]) -> list[str] | None:
    """Return folder, hub document and environment of a plain apply; None for any other."""
    given = {"--auto-approve": "", "--file": "mcp-hub.yaml", "--env": ""}
    waiting, seen = "", set()
    for word in arguments:
        if waiting:
            given[waiting], waiting = word, ""
            if not word:
                return None
            continue
        name = "--file" if word == "-f" else word
        if name not in given or name in seen:
            return None
        seen.add(name)
        waiting = "" if name == "--auto-approve" else name
    folder, name = os.path.split(given["--file"])
    if waiting or name in {"", ".", ".."}:
        return None
    return [os.path.realpath(folder), name, given["--env"]]


def _repeat(subject: list[str]) -> bool:
    folder = os.path.join(subject[0], FOLDER)  # noqa: PTH118  (pathlib takes 7 ms to load)
    # Who changes something has this lock, and nothing may change while it is asked for.
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)  # noqa: PTH118
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, b"%d mcphub apply\n" % os.getpid())
        about, said, engine, questions = _read(os.path.join(folder, RECORD))  # noqa: PTH118
        if about != circumstances(subject, time.strftime("%Y-%m-%d", time.gmtime())):
            return False
        if not all(known == now for known, now in _answers(engine, questions)):
            return False
        sys.stdout.write(said)
        sys.stdout.flush()
        return True
    finally:
        os.close(lock)


def _answers(engine: str, questions: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Yield what was answered and what is answered now; the engine comes last, being asked takes longest."""
    of_engine = []
    for kind, subject, known in questions:
        if kind in replies.KINDS:
            of_engine.append((kind, subject, known))
        else:
            yield known, ask(kind, subject)
    answers = replies.ask_engine(engine, [(kind, subject) for kind, subject, _ in of_engine])
    for (_, _, known), now in zip(of_engine, answers, strict=True):
        yield known, now


def circumstances(subject: Sequence[str], day: str) -> list[str]:
    """Return what an answer is for beside what is asked: the project, the day, who asks, and the program that asks."""
    who = (os.geteuid(), os.getegid(), *sorted(os.getgroups()))
    variables = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith(_VARIABLES))
    # As a digest: an address may hold a password.
    about = fingerprint(os.fsencode(each) for each in (*variables, str(who), sys.version, *sys.path, *_program()))
    return [FORMAT, *subject, day, about]


def _program() -> Iterator[str]:
    """Yield what tells this program, and what it loads, from any other: facts of its files, and of where packages are.

    A package that is installed, updated or removed changes the folder that it is in.
    """
    for place in sys.path:
        status = os.stat(place) if os.path.isdir(place) else None  # noqa: PTH112, PTH116
        yield f"{place} {status.st_mtime_ns} {status.st_ino}" if status is not None else place
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    folders = [os.path.join(top, name) for name in ("compiler", "runtime", "schemas", "templates")]  # noqa: PTH118
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.extend([entry.path] if entry.name != "__pycache__" else [])
                    continue
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def encode(about: Sequence[str], said: str, engine: str, questions: Iterable[tuple[str, str, str]]) -> bytes:
    """Return a record as it is written: a line with the digest of what follows, and that.

    `about` are the `circumstances`, `said` is what the apply printed, `engine` the socket that it asked. A question is
    a kind, a subject and its answer.
    """
    body = json.dumps([about, said, engine, list(questions)]).encode()
    return fingerprint((body,)).encode() + b"\n" + body


def _read(path: str) -> tuple[list[str], str, str, list[tuple[str, str, str]]]:
    """Return the record at `path`, as `encode` takes it.

    Raises ValueError or OSError where it is not as it was written, by this user.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            raise ValueError("anybody may have written it")
        data = os.read(descriptor, min(status.st_size, LARGEST))
    finally:
        os.close(descriptor)
    known, _, body = data.partition(b"\n")
    if known != fingerprint((body,)).encode():
        raise ValueError("it is damaged")
    about, said, engine, questions = json.loads(body)
    return about, said, engine, questions
