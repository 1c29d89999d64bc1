"""Remembers what the world was asked and what it answered, while a command decides.

A decision is a function of the answers that it was made from. Where all of them are still the same it is the same, and
need not be made again. So whoever asks the world tells the witness, if one listens: the files room, the folders of the
runtime, the engine's client. What cannot be asked again makes the witness useless, which is the safe side.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mcphub_gitops.runtime.questions import (
    ABSENT,
    FILE,
    FOLDER,
    LARGEST,
    NAMES,
    PLACE,
    file_answer,
    folder_answer,
    names_answer,
    place_answer,
)

_LISTENING: ContextVar["Witness | None"] = ContextVar("_LISTENING", default=None)


class Witness:
    """What was asked and answered while it listened, by kind and subject; `engine` is the socket that was asked.

    `doubt` says why it is of no use: something was asked that cannot be asked again, was answered in two ways, or was
    changed. Empty where all is well.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], str] = {}
        self.engine = ""
        self.doubt = ""

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Hear whatever is asked in the block, also by tasks and threads that it starts."""
        token = _LISTENING.set(self)
        try:
            yield
        finally:
            _LISTENING.reset(token)

    def hear(self, kind: str, subject: str, answer: str) -> None:
        """Take an answer."""
        if self.answers.setdefault((kind, subject), answer) != answer:
            self.doubt = f"{subject} changed"

    def hear_engine(self, address: str) -> None:
        """Take which engine it is that answers."""
        if self.engine not in {"", address}:
            self.doubt = "several engines were asked"
        self.engine = address

    def joined(self, other: "Witness") -> "Witness":
        """Return what both heard."""
        both = Witness()
        both.doubt = self.doubt or other.doubt
        for each in (self, other):
            for (kind, subject), answer in each.answers.items():
                both.hear(kind, subject, answer)
            if each.engine:
                both.hear_engine(each.engine)
        return both


def doubt(why: str) -> None:
    """Tell that something was asked that cannot be asked again, or changed."""
    witness = _LISTENING.get()
    if witness is not None:
        witness.doubt = why


def note_file(path: str | os.PathLike[str], data: bytes | None, links: int = 1) -> None:
    """Tell what is in a file that has `links` names; None where there is none."""
    witness = _LISTENING.get()
    if witness is None:
        return
    if data is not None and len(data) > LARGEST:
        witness.doubt = f"{path} is large"
        return
    where = os.fspath(path)
    witness.hear(FILE, where, ABSENT if data is None else file_answer(where, data, links))


def note_names(folder: str | os.PathLike[str], names: Iterable[str] | None) -> None:
    """Tell which names are in `folder`, None where there is none."""
    witness = _LISTENING.get()
    if witness is not None:
        where = os.fspath(folder)
        witness.hear(NAMES, where, ABSENT if names is None else names_answer(where, names))


def note_folder(folder: str | os.PathLike[str], status: os.stat_result | None) -> None:
    """Tell what `folder` itself is, links not followed; None where there is none."""
    witness = _LISTENING.get()
    if witness is not None:
        witness.hear(FOLDER, os.fspath(folder), ABSENT if status is None else folder_answer(status))


def note_place(path: str | os.PathLike[str], real: str | os.PathLike[str]) -> None:
    """Tell that `path` leads to `real`, without links."""
    witness = _LISTENING.get()
    if witness is None:
        return
    try:
        witness.hear(PLACE, os.fspath(path), place_answer(os.fspath(real), os.stat(real)))  # noqa: PTH116
    except OSError:
        witness.doubt = f"{path} is gone"


def note_reply(address: str, kind: str, target: str, answer: str) -> None:
    """Tell what the engine at the socket `address` answered."""
    witness = _LISTENING.get()
    if witness is not None:
        witness.hear_engine(address)
        witness.hear(kind, target, answer)


def is_listening() -> bool:
    """Tell whether somebody listens, for what costs something to say."""
    return _LISTENING.get() is not None
