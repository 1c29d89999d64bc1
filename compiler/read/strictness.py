"""What libyaml reads although YAML 1.2 forbids it: another reader would refuse it, or see something else.

Each of the rules is one that the invalid cases of the public YAML test suite break and libyaml lets pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

_LINE = re.compile(r"\n(?P<indent> *)(?P<first>[^ \r\n])")
_HEADER = re.compile(r"[|>](?P<marks>[-+0-9]*)(?P<rest>[^\n]*)\n")
_LEADING = re.compile(r"(?P<blank>(?: *\r?\n)*)(?P<indent> *)[^ \r\n]")
_DASH = re.compile(r"-(?:\s|\Z)")
_DIRECTIVE = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*%")

_COMMENT = "A comment begins after a space."
_INDENT = "A value of several lines stands deeper than the key or dash that it belongs to, and is indented by spaces."
_CLOSERS = "]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """What is wrong, and the code point where."""

    detail: str
    offset: int


def is_flow(node: yaml.Node) -> bool:
    """Tell whether `node` has brackets around what is in it."""
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def find_directive(text: str) -> int | None:
    """Return where `text` has a directive, None without one."""
    match = _DIRECTIVE.match(text)
    return match.end() - 1 if match else None


def find_breach(text: str, node: yaml.Node, indent: int, *, in_flow: bool) -> Breach | None:
    """Return what of `node` alone breaks the rules, without what is in it.

    `indent` is the column of the block mapping or list that it stands in, -1 at the top; `in_flow` whether brackets are
    around it.
    """
    if isinstance(node, yaml.ScalarNode):
        if not node.style:
            return _plain_breach(node) if in_flow else None
        if node.style in "|>":
            return _block_breach(text, node, indent)
    elif not is_flow(node):
        return None
    end = node.end_mark.index
    if text[end : end + 1] == "#":
        return Breach(detail=_COMMENT, offset=end)
    return next(_flow_breaches(text, node, indent, in_flow=in_flow), None)


def _plain_breach(node: yaml.ScalarNode) -> Breach | None:
    if _DASH.match(node.value) is None:
        return None
    return Breach(detail="A lone `-` within brackets is no value; put it in quotes.", offset=node.start_mark.index)


def _block_breach(text: str, node: yaml.ScalarNode, indent: int) -> Breach | None:
    header = _HEADER.match(text, node.start_mark.index)
    if header is None:
        return None
    if header["rest"].startswith("#"):
        return Breach(detail=_COMMENT, offset=header.start("rest"))
    leading = _LEADING.match(text, header.end())
    if leading is None or any(mark.isdigit() for mark in header["marks"]):
        return None
    deepest = max((len(line.rstrip("\r")) for line in leading["blank"].split("\n")), default=0)
    if indent < len(leading["indent"]) < deepest:
        detail = "An empty line before the text has more spaces than the text."
        return Breach(detail=detail, offset=leading.end("indent"))
    return None


def _flow_breaches(text: str, node: yaml.Node, indent: int, *, in_flow: bool) -> Iterator[Breach]:
    if not in_flow and node.start_mark.line != node.end_mark.line:
        yield from _shallow_lines(text, node, indent)
    if isinstance(node, yaml.MappingNode):
        for key, _ in node.value:
            before = key.start_mark.index - 1
            if text[before : before + 1] == "?":
                yield Breach(detail="Here readers take `?` for different things; put the key in quotes.", offset=before)
    if not isinstance(node, yaml.ScalarNode) and "#" in text[node.start_mark.index : node.end_mark.index]:
        yield from _joined_comments(text, node)


def _shallow_lines(text: str, node: yaml.Node, indent: int) -> Iterator[Breach]:
    has_comments = not isinstance(node, yaml.ScalarNode)
    for line in _LINE.finditer(text, node.start_mark.index, node.end_mark.index):
        depth, first = len(line["indent"]), line["first"]
        # A bracket that closes under the key hides nothing, and is what people write.
        closes = has_comments and first in _CLOSERS and depth >= indent
        if depth <= indent and not closes and not (has_comments and first == "#"):
            yield Breach(detail=_INDENT, offset=line.start("first"))


def _joined_comments(text: str, node: yaml.Node) -> Iterator[Breach]:
    children = [part for each in node.value for part in (each if isinstance(each, tuple) else (each,))]
    at = node.start_mark.index
    for start, end in (
        *((each.start_mark.index, each.end_mark.index) for each in children),
        (node.end_mark.index,) * 2,
    ):
        first, *others = text[at:start].split("\n")
        for line, begins in ((first, False), *((other, True) for other in others)):
            if _is_joined(line, line.find("#"), begins=begins):
                yield Breach(detail=_COMMENT, offset=text.index("#", at))
        at = end


def _is_joined(line: str, mark: int, *, begins: bool) -> bool:
    """Tell whether the comment at `mark` follows something without a space; -1 is none."""
    return not begins if mark == 0 else mark > 0 and line[mark - 1] not in " \t"
