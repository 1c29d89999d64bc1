"""Reports made of nothing but what a test is about."""

from mcphub_gitops.compiler.codes import Code, Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.identity import Report
from mcphub_gitops.compiler.source import Source

ERROR = Code(name="MH901", summary="it is wrong", explanation="Why it is.")
WARNING = Code(name="MH902", summary="it is odd", explanation="Why it is.", severity=Severity.WARNING)
NOTE = Code(name="MH903", summary="it is so", explanation="Why it is.", severity=Severity.NOTE)


def report_of(*diagnostics: Diagnostic, source: Source | None = None, folder: str = "") -> Report:
    """Return the report of `diagnostics`, version 1."""
    sources = {source.name: source} if source is not None else {}
    return Report(diagnostics=diagnostics, sources=sources, folder=folder, version="1")


def problems(number: int, code: Code = ERROR, detail: str = "It is.") -> list[Diagnostic]:
    """Return `number` diagnostics, one a line."""
    source = Source("f", "x\n" * number)
    return [Diagnostic(code=code, detail=detail, span=source.span(2 * line, 2 * line + 1)) for line in range(number)]
