"""Characters that nobody sees: a name with one is not the name that a reviewer read.

Which they are: Default_Ignorable_Code_Point of Unicode 17 (UAX #44, DerivedCoreProperties), the marks and overrides of
the writing direction (UAX #9), and annotations. Zero-width characters, tags and variation selectors are among them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix, Replacement
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.source import Source, Span

MOST = 100
"""How many places are told."""

_SET = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_PICTURE = "\u2190-\u2bff\U0001f000-\U0001faff"
_HIDDEN = re.compile(f"[{_SET}]+")
_UNSEEN = re.compile(f"[{_CONTROL}{_SET}]+")
_ESCAPE = re.compile(r"\\[0abefvxuUN_LP]")
_EMOJI = re.compile(
    f"[{_PICTURE}\u00a9\u00ae\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299#*0-9][\ufe0e\ufe0f]"
    f"|(?<=[{_PICTURE}\ufe0f])\u200d(?=[{_PICTURE}])"
)
"""What makes one picture of several characters: a reader sees the picture (UTS #51, emoji ZWJ sequences)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Where a document may say what nobody sees; never in a key.

    `escapes`: in any value, by an escape, which a reviewer does see. `prose` are the keys of text that is read by
    people alone and decides nothing, except directly below `names`, whose keys are anybody's names.
    """

    escapes: bool = False
    prose: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


OWN = Manner(escapes=True)
"""A document of the reader's own; what is in its text is for `find_in_text`."""

CATALOG = Manner(
    prose=frozenset(
        {"category", "desc", "description", "displayName", "example", "examples", "license", "owner", "tags", "title"}
    ),
    names=frozenset({"headers", "properties", "registry"}),
)
"""A document of others: their prose is theirs, is shown with what is hidden in it, and decides nothing."""


def find_in_text(source: Source) -> tuple[Diagnostic, ...]:
    """Return what is hidden in the text of a document, its comments included; pictures are no secret."""
    found = islice(_HIDDEN.finditer(_without_pictures(source.text)), MOST)
    return tuple(_deletable(source.span(*match.span()), match[0]) for match in found)


def find_in_values(source: Source, root: Node, manner: Manner) -> tuple[Diagnostic, ...]:
    """Return the keys and values of `root` that hide something, raw or by an escape, where `manner` forbids it."""
    if not _ESCAPE.search(source.text) and (source.text.isascii() or not _HIDDEN.search(source.text)):
        return ()
    return tuple(islice(_walk(root, manner, prose=False), MOST))


def unseen_in(text: str) -> Iterator[str]:
    """Yield each run of `text` that a reader does not see, control characters included; pictures are no secret."""
    yield from (match[0] for match in _UNSEEN.finditer(_without_pictures(text)))


def _walk(node: Node, manner: Manner, *, prose: bool, names: bool = False) -> Iterator[Diagnostic]:
    if isinstance(node, ScalarNode):
        if isinstance(node.value, str) and not (prose or manner.escapes):
            yield from _unseen(_without_pictures(node.value), node.span)
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from _walk(item, manner, prose=prose)
    else:
        for entry in node.entries:
            yield from _unseen(entry.key, entry.key_span)
            # A mapping under such a key is no prose, whatever its name.
            is_prose = not names and entry.key in manner.prose and not isinstance(entry.value, MapNode)
            yield from _walk(entry.value, manner, prose=is_prose, names=entry.key in manner.names and not names)


def _unseen(text: str, span: Span) -> Iterator[Diagnostic]:
    match = _UNSEEN.search(text)
    if match is not None:
        yield _problem(span, match[0])


def _without_pictures(text: str) -> str:
    """Return `text` with each joining mark of a picture replaced, every other character where it was."""
    return text if text.isascii() else _EMOJI.sub(lambda match: "." * len(match[0]), text)


def _deletable(span: Span, chars: str) -> Diagnostic:
    fix = Fix(title=f"delete U+{ord(chars[0]):04X}", replacements=(Replacement(span=span, text=""),))
    return replace(_problem(span, chars), fix=fix)


def _problem(span: Span, char: str) -> Diagnostic:
    detail = f"U+{ord(char[0]):04X} stands here, which a reviewer cannot see."
    return Diagnostic(code=codes.HIDDEN, detail=detail, span=span, help="delete the character")
