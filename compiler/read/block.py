"""Changes of mappings and lists that are written by indentation: whole lines come and go."""

from collections.abc import Iterator, Mapping

from mcphub_gitops.compiler.read.lines import Lines, Splice
from mcphub_gitops.compiler.read.roundtrip import Branch, Leaf, Limb, Place, UnfitError, write_flow, write_scalar


def insert_entry(lines: Lines, branch: Branch, key: str, value: object, step: int) -> Iterator[Splice]:
    """Yield what makes ``key: value`` the last entry of a mapping, below all that belongs to the entry before."""
    column = lines.column(branch.limbs[0].start)
    written = entry_lines(key, value, column, step)
    above = _first_line(lines, branch.limbs[-1]) - 1
    stand_apart = len(branch.limbs) > 1 and above >= 0 and lines.is_blank(above)
    yield _insert_below(lines, branch, ["", *written] if stand_apart and len(written) > 1 else written)


def insert_items(lines: Lines, branch: Branch, values: tuple[object, ...]) -> Iterator[Splice]:
    """Yield what makes `values` the last items of a list."""
    indent = " " * lines.column(branch.limbs[0].start)
    yield _insert_below(lines, branch, [f"{indent}- {_short(value)}" for value in values])


def insert_first(lines: Lines, limb: Limb, key: str, value: object, step: int) -> Iterator[Splice]:
    """Yield what makes ``key: value`` the only entry of `limb`, whose value is empty, ``null`` or ``{}``."""
    if limb.value.start < limb.value.end:
        before = lines.text[: limb.value.start]
        yield Splice(start=len(before.rstrip(" ")), end=limb.value.end)
    column = lines.column(limb.start) + step
    yield _after_line(lines, lines.number(limb.colon), entry_lines(key, value, column, step))


def entry_lines(key: str, value: object, column: int, step: int) -> list[str]:
    """Return the lines of an entry at `column`: mappings by indentation, lists in brackets."""
    head = f"{' ' * column}{write_scalar(key)}:"
    if isinstance(value, Mapping) and value:
        inner = (entry_lines(name, each, column + step, step) for name, each in value.items())
        return [head, *(line for each in inner for line in each)]
    return [f"{head} {_short(value)}"]


def remove_limb(lines: Lines, branch: Branch, limb: Limb) -> Iterator[Splice]:
    """Yield what removes an entry or an item with its comments: those in it, and those right above it."""
    if not lines.begins(limb.start):
        raise UnfitError("it begins on the line of something else")
    first, last = _with_blank_lines(lines, branch, limb)
    if last + 1 == len(lines) and first > 0:
        # The text ends without a break, and goes on doing so.
        yield Splice(start=lines.end(first - 1), end=lines.end(last))
    else:
        yield Splice(start=lines.start(first), end=lines.after(last))


def _with_blank_lines(lines: Lines, branch: Branch, limb: Limb) -> tuple[int, int]:
    """Return the first and the last line of `limb`, with the blank ones that would be too many without it."""
    first, last = _first_line(lines, limb), last_line(lines, limb)
    is_last = limb is branch.limbs[-1]
    if first > 0 and lines.is_blank(first - 1) and (is_last or lines.is_blank(last + 1)):
        while first > 0 and lines.is_blank(first - 1):
            first -= 1
    elif limb is branch.limbs[0] and not is_last:
        while lines.is_blank(last + 1):
            last += 1
    return first, last


def replace_value(lines: Lines, limb: Limb, value: object) -> Iterator[Splice]:
    """Yield what makes `value` the value of `limb`, on the line of its key."""
    old = limb.value
    written = _short(value, old)
    if isinstance(old, Branch) and not old.flow:
        head = lines.number(limb.colon)
        yield Splice(start=limb.colon + 1, end=limb.colon + 1, text=f" {written}")
        yield Splice(start=lines.end(head), end=lines.end(last_line(lines, limb)))
    elif old.start == old.end:
        yield Splice(start=old.start, end=old.end, text=f" {written}")
    elif isinstance(old, Leaf) and old.style in {"|", ">"}:
        head = lines.number(old.start)
        _, mark, comment = lines.text[old.start : lines.end(head)].partition(" ")
        yield Splice(start=old.start, end=lines.end(_last_of_block(lines, old)), text=written + mark + comment)
    else:
        yield Splice(start=old.start, end=old.end, text=written)


def last_line(lines: Lines, limb: Limb) -> int:
    """Return the last line that belongs to `limb`: comments below it that are indented more than it is."""
    last = _last_of_content(lines, limb.value)
    column = lines.column(limb.start)
    number = last + 1
    while number < len(lines) and (lines.is_blank(number) or lines.is_comment(number)):
        if lines.is_comment(number) and lines.indent(number) > column:
            last = number
        elif lines.is_comment(number):
            break
        number += 1
    return last


def indent_step(lines: Lines, place: Place) -> int:
    """Return by how much the document indents a mapping in a mapping; 2 where it has none."""
    return next(_steps(lines, place), 2)


def _steps(lines: Lines, place: Place) -> Iterator[int]:
    if isinstance(place, Leaf) or place.flow:
        return
    for limb in place.limbs:
        inner = limb.value
        if limb.colon >= 0 and isinstance(inner, Branch) and inner.kind == "map" and not inner.flow:
            yield lines.column(inner.start) - lines.column(limb.start)
        yield from _steps(lines, inner)


def _short(value: object, old: Place | None = None) -> str:
    style = old.style if isinstance(old, Leaf) else ""
    if value is None or isinstance(value, (bool, int, float, str)):
        return write_scalar(value, style=style)
    return write_flow(value)


def _insert_below(lines: Lines, branch: Branch, inserted: list[str]) -> Splice:
    return _after_line(lines, last_line(lines, branch.limbs[-1]), inserted)


def _after_line(lines: Lines, number: int, inserted: list[str]) -> Splice:
    at = lines.end(number)
    return Splice(start=at, end=at, text="".join(lines.newline + line for line in inserted))


def _first_line(lines: Lines, limb: Limb) -> int:
    column = lines.column(limb.start)
    first = lines.number(limb.start)
    while first > 0 and lines.is_comment(first - 1) and lines.indent(first - 1) == column:
        first -= 1
    return first


def _last_of_content(lines: Lines, place: Place) -> int:
    while isinstance(place, Branch) and not place.flow:
        place = place.limbs[-1].value
    if isinstance(place, Leaf) and place.style in {"|", ">"}:
        return _last_of_block(lines, place)
    return lines.number(max(place.start, place.end - 1))


def _last_of_block(lines: Lines, leaf: Leaf) -> int:
    """Return the last line of a block scalar; the blank lines below it are its own where it keeps them."""
    head = lines.number(leaf.start)
    last = max(head, lines.number(leaf.end - 1))
    if "+" not in lines.text[leaf.start : lines.end(head)].partition("#")[0]:
        while last > head and lines.is_blank(last):
            last -= 1
    return last
