"""Text of users in Markdown: as code, in which nothing is a link, a mention, a reference, HTML or the end of a fence.

Sources: CommonMark 0.31 section 6.1 (code spans), GitHub Flavored Markdown section 4.10 (tables: a pipe in code needs a
backslash there) and GitHub's own filters for mentions and references, which leave code alone. Character references
would not do for those: they are looked for in what has been rendered.
"""

import re

from mcphub_gitops.compiler.source import printable

_RUN = re.compile("`+")
_PLAIN = re.compile(r"(?:[A-Za-z0-9 ,;'()\"+-]|[.:](?= |\Z))*")
"""What means nothing in Markdown, wherever it stands in a line: no URL, mention, reference or emphasis."""
_LIST = re.compile(r"(?:[+-]|\d+[.)])(?: |\Z)")


def code(text: str) -> str:
    """Return `text` as a code span in one line; empty for nothing."""
    shown = " ".join(printable(text.replace("\n", " ").replace("\t", " ")).split())
    if not shown:
        return ""
    longest = max((len(run) for run in _RUN.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    # The one space is taken away again; without it, the text's own backquotes would belong to the fence.
    inner = f" {shown} " if shown.startswith("`") or shown.endswith("`") else shown
    return f"{fence}{inner}{fence}"


def cell(markdown: str) -> str:
    """Return `markdown` as a cell of a table: a pipe does not end it, not in code either."""
    return markdown.replace("|", "\\|")


def said(text: str) -> str:
    """Return a sentence of ours with text of users in backquotes; all of it as code where that is unsure."""
    parts = text.split("`")
    plain, quoted = parts[::2], parts[1::2]
    if len(parts) % 2 == 0 or not all(_PLAIN.fullmatch(part) for part in plain) or _LIST.match(text):
        return code(text)
    shown = [code(part) for part in quoted]
    return "".join(one + other for one, other in zip(plain, [*shown, ""], strict=True))
