"""Where a hub document may hold a secret in clear, so that neither an excerpt nor a message ever shows one.

A literal where a reference belongs is an error; but the line that it stands on is also shown for other errors, and a
document that cannot be parsed has errors as well.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.randomness import irregular_words
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.source import Source, Span

SCHEMES = ("env", "file", "dotenv", "exec", "store", "vault")
"""The schemes of secret references."""

_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9]{30,}",
    r"github_pat_[A-Za-z0-9_]{30,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"sk-[A-Za-z0-9_-]{20,}",
    r"xox[abprs]-[A-Za-z0-9-]{10,}",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}",
    r"hv[bs]\.[A-Za-z0-9_-]{20,}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,}",
    r"glsa_[A-Za-z0-9]{32}",
    r"dckr_pat_[A-Za-z0-9_-]{20,}",
    r"rk_live_[A-Za-z0-9]{20,}",
    r"sk_live_[A-Za-z0-9]{20,}",
    r"SG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{30,}",
)
"""Each begins with two letters, and a word with them."""

TOKEN_SHAPE = re.compile(
    # That a word begins is looked at behind the two letters: before them, each place of a text would be looked at.
    "|".join([*(rf"{each[:2]}(?<!\w..){each[2:]}" for each in _TOKENS), r"-----BEGIN [A-Z ]*PRIVATE KEY-----"])
)

PASSWORD = re.compile(r"(?<=://)[^/\s:@\"']*:[^/\s@\"']+(?=@)")
"""User and password of a URL: no error by themselves, since both may be public, and nothing to show."""

_KEY = "secrets"
_OPENERS = frozenset({"headers", "auth"})
"""What a remote server is sent with each request, and what a secret store and the gateway are opened with."""

_GROUPS, _VALUE = "groups", "value"
"""Beside the value of a token stand the groups that it is for, which a reviewer must see."""

_PROGRAM = "exec"
_NAMES = frozenset({"store", _PROGRAM})
"""What stands beside a secret's key in a store and is a name of the hub's own, and what a program is named under: a
reviewer must see which, but not what it is told."""

_REFERENCE = re.compile(rf"(?:{'|'.join(SCHEMES)})://")
_NAMED = "${secrets."
_QUOTED = re.compile(r"`([^`]+)`")
"""How a message cites the document."""

_WORD = re.compile(r"[^\s,:\[\]{}\"']+")
"""A word of a document, as far as punctuation tells."""
_OF_SCHEMA = frozenset({codes.UNKNOWN_KEY, codes.WRONG_TYPE, codes.BAD_VALUE})

_MASK = "****"
_LIKENESS = 0.8
_LETTERS = frozenset(_KEY)
_FEWEST_LETTERS = 3
"""So many different letters of `_KEY` has any word that is as like it as that: five of its seven are in such a word."""

_LIKE_KEY = re.compile(r"\bsec", re.IGNORECASE)
"""How the key begins, rightly spelt or not, in text that has no tree."""


def hide_secrets(source: Source, root: Node | None) -> Source:
    """Return `source` with the places that may hold a secret hidden; `root` is its tree, None if it has none."""
    found = [source.span(*match.span()) for shape in (TOKEN_SHAPE, PASSWORD) for match in shape.finditer(source.text)]
    found.extend(source.span(*place) for place in irregular_words(source.text))
    if root is None:
        # Without a tree nobody knows where the secrets end, so everything after the first such word is hidden.
        first = _LIKE_KEY.search(source.text)
        found.extend([source.span(first.end(), len(source.text))] if first else ())
    else:
        found.extend(_literals(root))
    return source.hide(_merged(found)) if found else source


def _merged(spans: list[Span]) -> Iterator[Span]:
    """Yield `spans`, at least one, in order, those that overlap as one."""
    first, *others = sorted(spans)
    for span in others:
        if span.start < first.end:
            first = Span.between(first.source, first.start, max(first.end, span.end))
        else:
            yield first
            first = span
    yield first


def redact(diagnostics: Iterable[Diagnostic], sources: Iterable[Source]) -> tuple[Diagnostic, ...]:
    """Return `diagnostics` with nothing in their words that looks like a secret.

    Of what `sources` hide, those of the schema cite nothing: it does not know what a value is for. Others cite only
    what they have understood, such as the path of a program that writes a secret. What stands in a place that is shown
    as well, such as the name of a server, is no secret.
    """
    texts = tuple(sources)
    hidden = {word for source in texts for word in _hidden_words(source)}

    @cache
    def shown() -> frozenset[str]:
        return frozenset(word for source in texts for part in _shown_parts(source) for word in _WORD.findall(part))

    def is_secret(word: str) -> bool:
        return word in hidden and word not in shown()

    def uncite(text: str) -> str:
        return _QUOTED.sub(lambda found: f"`{_MASK}`" if is_secret(found[1]) else found[0], text)

    return tuple(
        replace(
            each,
            detail=mask(uncite(each.detail) if each.code in _OF_SCHEMA else each.detail),
            help=mask(each.help),
            notes=tuple(replace(note, message=mask(note.message)) for note in each.notes),
        )
        for each in diagnostics
    )


def _hidden_words(source: Source) -> Iterator[str]:
    for span in source.hidden:
        yield source.text[source.offset(span.start) : source.offset(span.end)].strip("\"'")


def _shown_parts(source: Source) -> Iterator[str]:
    end = 0
    for span in source.hidden:
        yield source.text[end : source.offset(span.start)]
        end = source.offset(span.end)
    yield source.text[end:]


def mask(text: str) -> str:
    """Return `text`, one value of a document, with what has the shape of a secret replaced."""
    for shape in (TOKEN_SHAPE, PASSWORD):
        text = shape.sub(_MASK, text)
    return text


def plain_without_secrets(node: Node, sources: Iterable[Source]) -> object:
    """Return `node` as plain JSON-like data, with ``****`` for what its `sources` hide."""
    return _shown(node, {source.name: source for source in sources})


def _shown(node: Node, sources: Mapping[str, Source]) -> object:
    if isinstance(node, ListNode):
        return [_shown(item, sources) for item in node.items]
    if isinstance(node, MapNode):
        return {mask(entry.key): _shown(entry.value, sources) for entry in node.entries}
    hidden = [each for each in sources[node.span.source].hidden_on(node.span.line) if _overlap(each, node.span)]
    return _masked(node, hidden) if hidden else node.value


def _masked(node: ScalarNode, hidden: list[Span]) -> str:
    # A URL is still told without its password; of anything else it is not known which part can be shown.
    masked = mask(str(node.value))
    whole = any(each.start <= node.span.start and node.span.end <= each.end for each in hidden)
    return _MASK if whole or masked == node.value else masked


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _literals(node: Node) -> Iterator[Span]:
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _literals(item)
    elif isinstance(node, MapNode):
        for entry in (*node.entries, *node.repeated):
            hides = _is_secrets(entry.key) or entry.key in _OPENERS
            yield from _scalars(entry.value) if hides else _literals(entry.value)


def _is_secrets(key: str) -> bool:
    """Whether `key` is the key of secrets, or might be meant for it."""
    word = key.casefold()
    if len(_LETTERS.intersection(word)) < _FEWEST_LETTERS:
        # Most keys are the names of servers, and what is close takes long to find out.
        return False
    return bool(get_close_matches(_KEY, (word,), cutoff=_LIKENESS))


def _scalars(node: Node) -> Iterator[Span]:
    if isinstance(node, ScalarNode):
        if not (isinstance(node.value, str) and (_REFERENCE.match(node.value) or _NAMED in node.value)):
            yield node.span
        return
    for child in node.items if isinstance(node, ListNode) else _values(node):
        yield from _scalars(child)


def _values(node: MapNode) -> Iterator[Node]:
    names = _NAMES if node.get(_VALUE) is None else {*_NAMES, _GROUPS}
    yield from (each.value for each in (*node.entries, *node.repeated) if each.key not in names)
    programs = (each.value for each in node.entries if each.key == _PROGRAM)
    yield from (item for program in programs if isinstance(program, ListNode) for item in program.items[1:])
