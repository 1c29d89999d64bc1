"""YAML documents in every manner that people write them in."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from mcphub_gitops.compiler.read.roundtrip import write_flow, write_scalar

KEYS = st.sampled_from(["a", "b", "c", "d-e", "f.g", "no", "1", "x y"])
WORDS = st.sampled_from(["x", "no", "1", "", "a, b", "it's", 'say "hi"', "#1", "a: b", "two\nlines\n", "[", "é", " s"])
SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from([1.5, -2.0]) | WORDS
DATA: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(KEYS, DATA, min_size=1, max_size=4)

Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def documents(draw: Draw) -> str:
    """Return the text of a mapping."""
    writer = _Writer(draw)
    writer.mapping(draw(MAPPINGS), draw(st.sampled_from([0, 0, 0, 2])))
    text = draw(st.sampled_from(["", "", "# head\n\n", "---\n"])) + "\n".join(writer.lines)
    text += draw(st.sampled_from(["\n", "\n", "", "\n\n", "\n# tail\n"]))
    return str(text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"]))))


class _Writer:
    """Writes data line by line; each free choice is drawn."""

    def __init__(self, draw: Draw) -> None:
        self.lines: list[str] = []
        self._draw = draw
        self._step = draw(st.sampled_from([2, 2, 4, 3]))

    def mapping(self, data: dict[str, Any], column: int, head: str = "") -> None:
        for key, value in data.items():
            self._between(column, head)
            self._value(f"{head or ' ' * column}{write_scalar(key)}:", value, column)
            head = ""

    def items(self, data: list[Any], column: int, head: str = "") -> None:
        for value in data:
            self._between(column, head)
            self._value(f"{head or ' ' * column}-", value, column)
            head = ""

    def _value(self, head: str, value: Any, column: int) -> None:  # noqa: ANN401  (any JSON value)
        below = column + self._step
        if isinstance(value, (dict, list)) and value and self._chance(3):
            self._collection(head, value, column, below)
        elif isinstance(value, str) and value.endswith("\n") and value.strip() and self._chance(2):
            self.lines.append(f"{head} |{self._comment()}")
            self.lines += [" " * below + line for line in value.splitlines()]
        elif value is None and self._chance(1):
            self.lines.append(head + self._comment())
        elif isinstance(value, (dict, list)):
            self.lines.append(f"{head} {self._flow(value, below)}{self._comment()}")
        else:
            style = self._draw(st.sampled_from(["", "'", '"']))
            self.lines.append(f"{head}{self._space()}{write_scalar(value, style=style)}{self._comment()}")

    def _collection(self, head: str, value: Any, column: int, below: int) -> None:  # noqa: ANN401
        write = self.mapping if isinstance(value, dict) else self.items
        if head.endswith("-") and self._chance(2):
            write(value, len(head) + 1, head + " ")
            return
        self.lines.append(head + self._comment())
        is_flat = isinstance(value, list) and head.endswith(":") and self._chance(2)
        write(value, column if is_flat else below)

    def _flow(self, value: Any, column: int) -> str:  # noqa: ANN401
        if not value or not self._chance(1):
            return write_flow(value)
        indent = "\n" + " " * column
        if isinstance(value, dict):
            parts = [f"{write_scalar(key, flow=True)}: {write_flow(each)}" for key, each in value.items()]
        else:
            parts = [write_flow(each) for each in value]
        body = "".join(f"{indent}{part},{self._comment()}" for part in parts[:-1])
        comma = self._draw(st.sampled_from(["", ","]))
        left, right = "{}" if isinstance(value, dict) else "[]"
        return f"{left}{body}{indent}{parts[-1]}{comma}{self._comment()}{indent[: -self._step or None]}{right}"

    def _between(self, column: int, head: str) -> None:
        if head:
            return
        for _ in range(self._draw(st.sampled_from([0, 0, 0, 1, 2]))):
            at = self._draw(st.sampled_from([column, column, 0, column + 2]))
            self.lines.append(self._draw(st.sampled_from(["", " " * at + "# note", " " * at + "#note"])))

    def _comment(self) -> str:
        return str(self._draw(st.sampled_from(["", "", "", " # c", "   #c: [d", " "])))

    def _space(self) -> str:
        return str(self._draw(st.sampled_from([" ", " ", "   "])))

    def _chance(self, of_four: int) -> bool:
        return bool(self._draw(st.integers(0, 3)) < of_four)
