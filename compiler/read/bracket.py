"""Changes of mappings and lists that are written in brackets, on one line or on several."""

from collections.abc import Iterator

from mcphub_gitops.compiler.read.lines import Lines, Splice
from mcphub_gitops.compiler.read.roundtrip import Branch, Leaf, Limb, write_flow, write_scalar


def insert_entry(lines: Lines, branch: Branch, key: str, value: object) -> Iterator[Splice]:
    """Yield what makes ``key: value`` the last entry of a mapping."""
    yield from _insert(lines, branch, [f"{write_scalar(key, flow=True)}: {write_flow(value)}"])


def insert_items(lines: Lines, branch: Branch, values: tuple[object, ...]) -> Iterator[Splice]:
    """Yield what makes `values` the last items of a list."""
    yield from _insert(lines, branch, [write_flow(value) for value in values])


def replace_value(limb: Limb, value: object) -> Iterator[Splice]:
    """Yield what makes `value` the value of `limb`."""
    old = limb.value
    if value is None or isinstance(value, (bool, int, float, str)):
        written = write_scalar(value, flow=True, style=old.style if isinstance(old, Leaf) else "")
    else:
        written = write_flow(value)
    if old.start == old.end and limb.key:
        written = f" {written}" if limb.colon >= 0 else f": {written}"
    yield Splice(start=old.start, end=old.end, text=written)


def remove_limb(lines: Lines, branch: Branch, limb: Limb) -> Iterator[Splice]:
    """Yield what removes an entry or an item with its comma; comments stay, but for the one beside it on its line."""
    index = branch.limbs.index(limb)
    if len(branch.limbs) == 1:
        end = limb.comma + 1 if limb.comma >= 0 else limb.end
        inside = lines.text[branch.start + 1 : limb.start] + lines.text[end : branch.end - 1]
        if inside.strip():
            yield Splice(start=limb.start, end=end)
        else:
            yield Splice(start=branch.start + 1, end=branch.end - 1)
    elif index + 1 < len(branch.limbs):
        yield from _remove_before(lines, limb)
    else:
        yield from _remove_last(lines, branch.limbs[index - 1], limb)


def _insert(lines: Lines, branch: Branch, written: list[str]) -> Iterator[Splice]:
    if not branch.limbs:
        at = branch.start + 1
        yield Splice(start=at, end=at, text=", ".join(written))
        return
    last = branch.limbs[-1]
    if not _has_lines(lines, branch, last):
        yield Splice(start=last.end, end=last.end, text="".join(f", {each}" for each in written))
        return
    indent = lines.newline + " " * lines.column(last.start)
    at = lines.end(lines.number(max(last.end - 1, last.comma)))
    comma = "," if last.comma >= 0 else ""
    text = f",{indent}".join(written)
    if not comma and last.end == at:
        yield Splice(start=at, end=at, text=f",{indent}{text}")
        return
    if not comma:
        yield Splice(start=last.end, end=last.end, text=",")
    yield Splice(start=at, end=at, text=f"{indent}{text}{comma}")


def _has_lines(lines: Lines, branch: Branch, last: Limb) -> bool:
    """Whether each entry has a line of its own: the last one has, and the bracket is not on it."""
    return lines.begins(last.start) and lines.number(branch.end - 1) > lines.number(max(last.end - 1, last.comma))


def _remove_before(lines: Lines, limb: Limb) -> Iterator[Splice]:
    """Yield what removes an entry that another one follows."""
    last = lines.number(limb.comma)
    rest = lines.text[limb.comma + 1 : lines.end(last)].strip()
    if lines.begins(limb.start) and (not rest or rest.startswith("#")):
        yield Splice(start=lines.start(lines.number(limb.start)), end=lines.after(last))
        return
    end = limb.comma + 1
    while end < len(lines.text) and lines.text[end] == " ":
        end += 1
    yield Splice(start=limb.start, end=end)


def _remove_last(lines: Lines, before: Limb, limb: Limb) -> Iterator[Splice]:
    # A comma behind the last one stays behind the last one.
    end = max(limb.end, limb.comma + 1)
    first, last = lines.number(limb.start), lines.number(end - 1)
    rest = lines.text[end : lines.end(last)].strip()
    if lines.begins(limb.start) and (not rest or rest.startswith("#")):
        yield Splice(start=lines.start(first), end=lines.after(last))
    elif lines.text[before.comma + 1 : limb.start].strip():
        yield Splice(start=limb.start, end=end)
    else:
        yield Splice(start=before.comma + 1, end=end)
    if limb.comma < 0:
        yield Splice(start=before.comma, end=before.comma + 1)
