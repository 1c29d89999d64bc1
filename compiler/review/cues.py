"""What in the words of a definition speaks to the agent instead of about the tool: only what was not there before.

A list of cues finds what is written plainly. It proves nothing of a text without any: the words themselves are shown.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from mcphub_gitops.compiler.read.hidden import unseen_in
from mcphub_gitops.compiler.review.constraint import DIALECTS
from mcphub_gitops.compiler.review.finding import Finding, ToolClass, below, quoted

_MOST = 20
"""How many cues of one kind are told of one tool."""

_TOP = (
    "ai|app|biz|br|ch|cloud|cn|co|com|de|dev|edu|eu|example|fr|gov|icu|internal|invalid|io|ir|jp|mil|net|nl|online|onion"
    "|org|pw|ru|se|site|su|test|tk|tv|uk|us|xyz"
)
"""Names that end a host's; those that end names in programs as often (`page.click`, `script.pl`) are left out."""

_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,15}://[^\s<>\"'`\\^{}|]{1,2000}"
    r"|\b(?:data|javascript|mailto|vbscript):[^\s<>\"'`]{3,2000}"
    r"|(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}\b"
    rf"|(?<![\w.-])(?!asp\.net\b)(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{_TOP})\b(?![(\w])"
    r"|(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]{1,5})?(?![\w.])",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"<\s*/?\s*(?:admin|assistant|critical|developer|hidden|important|instructions?|override|secret|system|user)\b[^<>]{0,80}>"
    r"|\[/?(?:inst|system)\]|<\|[a-z_]{2,32}\|>|<<sys>>"
    r"|\b(?:important|critical|mandatory|attention)\s?[:!]"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}?"
    r"\b(?:above|all|any|earlier|everything|guidelines?|instructions?|messages?|other|polic(?:y|ies)|previous(?:ly)?|prior"
    r"|prompts?|rules?|user|warnings?)\b"
    r"|\b(?:always|must|first|never|only)\s+(?:be\s+)?(?:call(?:ed)?|invoked?|run|executed?|used?|prefer(?:red)?)\b"
    r"[^.\n]{0,60}?\b(?:first|before|instead|tools?|functions?)\b"
    r"|\b(?:call|invoke|run|execute|use)\s+(?:this|it|me)\b[^.\n]{0,30}?\b(?:first|before|instead|always|every)\b"
    r"|\bbefore\s+(?:you\s+)?(?:using|use|calling|call|invoking|invoke|running|run|answering|answer|responding|any)\b"
    r"[^.\n]{0,40}?\b(?:tools?|functions?|other|user|else|call|question|request)\b"
    r"|\b(?:instead\s+of|rather\s+than|do\s+not\s+use|don't\s+use|never\s+use)\b[^.\n]{0,40}?\btools?\b"
    r"|\byou\s+(?:must|should|shall|need\s+to|have\s+to|are\s+(?:required|instructed|to))\b"
    r"|\b(?:agents?|ai|assistants?|llms?|models?)\s+(?:must|should|shall|needs?\s+to|has\s+to|have\s+to|is\s+to)\b"
    r"|\b(?:system|developer|hidden)\s+(?:prompt|message|instructions?)\b|\bnew\s+instructions?\b"
    r"|\bjailbreak|\bas\s+an\s+ai\b"
    r"|\b(?:pass|send|include|put|append|copy|forward|attach|add|provide|place)\b[^.\n]{0,60}?"
    r"\b(?:as|in|into|to|via)\s+(?:the\s+)?[`'\"]?(?:side_?note|context|notes?|metadata|arguments?|parameters?|email)\b"
    r"|\bexfiltrat\w*|\bbcc\b|\bcurl\s+-?\w|\bwget\s+\w|\|\s*(?:ba)?sh\b",
    re.IGNORECASE,
)
_CONCEALMENT = re.compile(
    r"\b(?:do\s+not|don't|dont|never|must\s+not|mustn't|should\s+not|shouldn't|avoid|no\s+need\s+to|without)\s+"
    r"(?:ever\s+)?(?:tell|mention|inform|notify|alert|warn|reveal|disclos|show|display|expose|report|say|explain|let|ask"
    r"|repeat|log)\w*\b"
    r"|\bwithout\s+(?:the\s+)?(?:user|them|anyone|human)\w*(?:'s)?\s+(?:know|notic|aware|consent|approv|knowledge|see)\w*"
    r"|\b(?:hide|conceal|keep)\b[^.\n]{0,30}?"
    r"\b(?:from\s+(?:the\s+)?(?:user|human|reviewer|operator)s?|secret|hidden|confidential|to\s+yourself|between\s+us)\b"
    r"|\b(?:user|human)s?\s+(?:must|should|need|may|does|do|will|can|is)\s?(?:not|n't)\s+(?:to\s+)?(?:know|see|be|notice|aware)\w*"
    r"|\b(?:secretly|covertly|discreetly|surreptitiously)\b|\bsilently\s+(?!(?:ignor|fail|skip|drop|truncat|discard))\w+"
    r"|<!--|display\s*:\s*none|\n{12,}|[ \t]{60,}",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?:~|\$home|/root|/home/\w{1,32})?/?\.(?:ssh|aws|gnupg|kube|docker|netrc|npmrc|pypirc|git-credentials)\b[\w./-]{0,80}"
    r"|\bid_(?:rsa|ed25519|ecdsa)\b|/etc/(?:passwd|shadow|sudoers)\b|(?<![\w])\.env\b|\bmcp\.json\b|\bkeychain\b"
    r"|\b(?:conversation|chat|message)[\s_-]{0,2}(?:history|log|transcript)s?\b|\bsystem[\s_-]{0,2}prompts?\b",
    re.IGNORECASE,
)
_BLOB = re.compile(
    r"(?<![\w+/=-])(?=[\w+/=-]{0,80}?[0-9])(?=[\w+/=-]{0,80}?[A-Z])(?=[\w+/=-]{0,80}?[a-z])[A-Za-z0-9+/_-]{40,}={0,2}"
    r"|(?<!\w)(?i:(?:0x)?[0-9a-f]{32,})(?!\w)"
    r"|(?i:(?:%[0-9a-f]{2}){6,}|(?:\\x[0-9a-f]{2}){4,}|(?:\\u[0-9a-f]{4}){4,}|(?:&#x?[0-9a-f]{1,6};){4,})"
)
_CAMEL = re.compile(r"[a-z0-9][A-Z]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,126}[A-Za-z0-9]|[A-Za-z0-9]")
_MIXED = re.compile(r"[A-Za-z][\u0400-\u052f]\w{0,32}|[\u0400-\u052f][A-Za-z]\w{0,32}")
_PICTURE = re.compile(r"data:image/(?:gif|jpeg|png|webp)[;,]")
_EXCERPT = 60
"""Code points of a text that are quoted from where a cue begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of a definition at its place; `key` is the last key that leads to it, `is_value` whether it is no key."""

    where: str
    text: str
    key: str
    is_value: bool


class Cue(NamedTuple):
    """A thing that was found: `kind` begins the sentence about it, `match` are its own words."""

    kind: str
    match: str


@dataclass(frozen=True)
class Neighbours:
    """The tools of other servers: `names` by server."""

    names: Mapping[str, frozenset[str]]

    @cached_property
    def all(self) -> frozenset[str]:
        """Every name."""
        return frozenset().union(*self.names.values())

    def owner(self, tool: str) -> str:
        """Return the first server that has `tool`."""
        return next(server for server in sorted(self.names) if tool in self.names[server])


def find_introduced(
    before: Mapping[str, Any], after: Mapping[str, Any], own: frozenset[str], others: Neighbours
) -> Iterator[Finding]:
    """Yield what the texts of `after` have that those of `before` do not; `own` are the server's tools, old and new."""
    old = texts_in(before)
    read = {text.text for text in old}
    found = _first_cues([text for text in texts_in(after) if text.text not in read], own, others)
    if found:
        known = _first_cues(old, own, others)
        yield from _told({cue: place for cue, place in found.items() if cue not in known})


def _first_cues(texts: list[Text], own: frozenset[str], others: Neighbours) -> dict[Cue, tuple[str, str]]:
    """Return each cue in `texts`, with where it stands first and a quotation."""
    return {cue: place for text in reversed(texts) for cue, place in _placed(text, own, others)}


def _told(found: Mapping[Cue, tuple[str, str]]) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for cue, (where, quotation) in sorted(found.items(), key=lambda each: (each[1], each[0])):
        counts[cue.kind] = counts.get(cue.kind, 0) + 1
        if counts[cue.kind] <= _MOST:
            yield Finding(cls=ToolClass.SUSPICIOUS, where=where, said=f"{cue.kind}: {quotation}.")
    for kind, count in counts.items():
        if count > _MOST:
            said = f"{count - _MOST:,} more like this: {kind[0].lower()}{kind[1:]}."
            yield Finding(cls=ToolClass.SUSPICIOUS, where="", said=said)


def texts_in(definition: Mapping[str, Any]) -> list[Text]:
    """Return every text of `definition`, the keys of what is in it included, in no order."""
    found: list[Text] = []
    todo: list[tuple[str, str, Any]] = [("", "", definition)]
    while todo:
        where, key, value = todo.pop()
        if isinstance(value, str):
            found.append(Text(where=where, text=value, key=key, is_value=True))
        elif isinstance(value, Mapping):
            found += [Text(where=below(where, inner), text=inner, key=inner, is_value=False) for inner in value]
            todo += [(below(where, inner), inner, each) for inner, each in value.items()]
        elif isinstance(value, list):
            todo += [(below(where, str(place)), key, each) for place, each in enumerate(value)]
    return found


_KINDS: Final = (
    ("It tells the agent what to do", _INSTRUCTION),
    ("It asks for something to be kept from people", _CONCEALMENT),
    ("It speaks of what is nobody's business", _SECRET),
    ("It mixes letters that look alike", _MIXED),
)


def _placed(text: Text, own: frozenset[str], others: Neighbours) -> Iterator[tuple[Cue, tuple[str, str]]]:
    """Yield each cue of `text` with its place and what is quoted of it."""
    if not text.text.isascii() or not text.text.isprintable():
        for run in unseen_in(text.text):
            characters = ", ".join(f"U+{ord(char):04X}" for char in dict.fromkeys(run[:_EXCERPT]))
            yield Cue("It has characters that nobody sees", run), (text.where, characters)
    for cue, start in _cues(text, own, others):
        yield cue, (text.where, quoted(" ".join(text.text[start : start + max(_EXCERPT, len(cue.match))].split())))


def _cues(text: Text, own: frozenset[str], others: Neighbours) -> Iterator[tuple[Cue, int]]:
    if text.text in DIALECTS or (text.key == "src" and _PICTURE.match(text.text)):
        return
    for match in _ADDRESS.finditer(text.text):
        yield Cue("It names an address that it did not name before", match[0].rstrip(".,;:!?)]*")), match.start()
    for match in _BLOB.finditer(_ADDRESS.sub(lambda found: " " * len(found[0]), text.text)):
        yield Cue("It has something encoded", match[0]), match.start()
    for kind, pattern in _KINDS:
        yield from (
            (Cue(kind, " ".join(match[0].split()).lower()), match.start()) for match in pattern.finditer(text.text)
        )
    if text.is_value:
        yield from _mentions(text, own, others)


def _mentions(text: Text, own: frozenset[str], others: Neighbours) -> Iterator[tuple[Cue, int]]:
    """Yield the tools of other servers that `text`, where it is prose, names: a plain word only where it is marked."""
    if " " not in text.text and text.key not in {"description", "title"}:
        return
    for match in _NAME.finditer(text.text):
        name = match[0]
        if name in others.all and name not in own and (_is_distinct(name) or _is_marked(text.text, *match.span())):
            yield Cue(f"It mentions a tool of the server {quoted(others.owner(name))}", name), match.start()


def _is_distinct(name: str) -> bool:
    return any(char in "_-." or char.isdigit() for char in name) or _CAMEL.search(name) is not None


def _is_marked(text: str, start: int, end: int) -> bool:
    """Tell whether the word stands in marks of quotation, before a bracket, or beside the word "tool"."""
    before, after = text[max(0, start - 12) : start].lower(), text[end : end + 12].lower()
    is_called = before.rstrip().endswith(("tool", "the tool called", "function")) or after.lstrip().startswith(
        ("tool", "function")
    )
    is_marked = before[-1:] in {"`", "'", '"'} and after[:1] == before[-1:]
    return is_called or is_marked or after.startswith("(")
