"""Problems as values: what is wrong with a document, where, why and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.codes import Code, Severity
from mcphub_gitops.compiler.source import Source, Span, excerpt, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A second place that belongs to a problem, such as the first of two duplicate keys."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A stretch of a document, and what is to stand there instead; an empty span inserts, an empty text deletes."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A change that mends a problem for certain, in words and to the letter.

    All of `replacements` belong together; they are in one source, do not overlap, and neither add nor remove a line.
    Neither they nor the title hold anything of the document that an excerpt would hide.
    """

    title: str
    replacements: tuple[Replacement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem: the code's constant summary, this case's detail, its place, and what to do about it."""

    code: Code
    detail: str
    span: Span
    help: str = ""
    notes: tuple[Note, ...] = ()
    fix: Fix | None = None

    @property
    def severity(self) -> Severity:
        """The severity of the diagnostic's code."""
        return self.code.severity


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any of `diagnostics` is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def sort(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Order by place, then code and text, so that the order of discovery never shows; repeats are dropped."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=lambda each: (each.span, each.code.name, each.detail)))


def render(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> str:
    """Return the diagnostic as people read it: place and summary, excerpt with carets, detail, notes, help, fix."""
    code = diagnostic.code
    head = f"{printable(str(diagnostic.span))}: {diagnostic.severity.value}[{code.name}]: {code.summary}"
    lines = [head, *_excerpt_lines(diagnostic.span, sources)]
    if diagnostic.detail:
        lines.append(f"  {printable(diagnostic.detail)}")
    for note in diagnostic.notes:
        lines.append(printable(f"  note: {note.span}: {note.message}"))
        lines.extend(_excerpt_lines(note.span, sources))
    if diagnostic.help:
        lines.append(f"  help: {printable(diagnostic.help)}")
    if diagnostic.fix is not None:
        lines.append(f"  fix: {printable(diagnostic.fix.title)}")
    return "\n".join(lines)


def _excerpt_lines(span: Span, sources: Mapping[str, Source]) -> list[str]:
    source = sources.get(span.source)
    if source is None or not source.line(span.start.line).strip():
        return []
    line, carets = excerpt(source, span)
    gutter = " " * len(str(span.start.line))
    return [f"  {span.start.line} | {line}", f"  {gutter} | {carets}"]
