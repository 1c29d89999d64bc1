"""Changes of a document in few words: paths are keys with dots between them."""

from mcphub_gitops.compiler.read.change import Append, Change, Remove, RemoveItem, SetValue


def put(path: str, value: object) -> Change:
    return SetValue(path=tuple(path.split(".")), value=value)


def cut(path: str, keep: int = 1) -> Change:
    return Remove(path=tuple(path.split(".")), keep=keep)


def more(path: str, *values: str) -> Change:
    return Append(path=tuple(path.split(".")), values=values)


def less(path: str, value: str, keep: int = 1) -> Change:
    return RemoveItem(path=tuple(path.split(".")), value=value, keep=keep)
