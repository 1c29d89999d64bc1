"""What is wrong with another version of a document, told so that nobody looks for it in this one."""

from collections.abc import Iterable
from dataclasses import replace

from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.source import Source, Span


def relocate(
    diagnostics: Iterable[Diagnostic], sources: Iterable[Source], where: str
) -> tuple[tuple[Diagnostic, ...], tuple[Source, ...]]:
    """Return both with each document named as the one of `where`, such as a commit: ``WHERE:FILE``.

    Fixes are left out: they are for documents that can be written.
    """
    moved = tuple(
        replace(
            each,
            span=_moved(each.span, where),
            notes=tuple(Note(message=note.message, span=_moved(note.span, where)) for note in each.notes),
            fix=None,
        )
        for each in diagnostics
    )
    texts = (Source(f"{where}:{each.name}", each.text, each.hidden) for each in sources)
    return moved, tuple(texts)


def _moved(span: Span, where: str) -> Span:
    return span._replace(source=f"{where}:{span.source}")
