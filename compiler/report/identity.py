"""Who a diagnostic is from run to run, and where its file is in a repository."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.source import Source, Span, printable, redacted

WEIGHTS = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
"""The severities from the most important to the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A diagnostic with its fingerprint: 64 hex digits, unique in one report, the same when lines move."""

    diagnostic: Diagnostic
    fingerprint: str


Verdicts = Sequence[Mapping[str, object]]
"""What policies say to a hub, as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a formatter is given: `diagnostics` in order of place, and the sources that they point into.

    `folder` is where the project lies in its repository, with slashes, empty at its root: in reports, files are named
    from there. `version` is mcphub's own. `verdicts` are None where nothing was held against policies.
    """

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]
    folder: str
    version: str
    verdicts: Verdicts | None = None

    def path(self, span: Span) -> str:
        """Return the file of `span` as seen from the repository's root."""
        return f"{self.folder}/{span.source}" if self.folder else span.source

    def by_weight(self) -> tuple[Diagnostic, ...]:
        """Return the diagnostics, the most important first, then in order of place."""
        return tuple(sorted(self.diagnostics, key=lambda each: WEIGHTS[each.severity]))

    def findings(self) -> Iterator[Finding]:
        """Yield the diagnostics with their fingerprints, the most important first.

        A fingerprint is made of the code, the file, the detail and the text of the line; of equal ones each has another
        number. What a source hides is in none.
        """
        seen: Counter[str] = Counter()
        for diagnostic in self.by_weight():
            span = diagnostic.span
            line = _line(self.sources.get(span.source), span)
            base = fingerprint([diagnostic.code.name, self.path(span), diagnostic.detail, line])
            seen[base] += 1
            whole = base if seen[base] == 1 else fingerprint([base, seen[base]])
            yield Finding(diagnostic=diagnostic, fingerprint=whole.removeprefix("sha256:"))


def words(diagnostic: Diagnostic) -> Iterator[str]:
    """Yield what a diagnostic says besides its summary and its fix, a line each; no user's text makes another line."""
    if diagnostic.detail:
        yield printable(diagnostic.detail)
    for note in diagnostic.notes:
        yield printable(f"note: {note.span}: {note.message}")
    if diagnostic.help:
        yield printable(f"help: {diagnostic.help}")


def count_by_severity(diagnostics: Iterable[Diagnostic]) -> str:
    """Return for example ``2 errors, 1 note``; empty for no diagnostics."""
    found = Counter(each.severity for each in diagnostics)
    return ", ".join(
        f"{found[severity]} {severity.value}{'' if found[severity] == 1 else 's'}"
        for severity in WEIGHTS
        if found[severity]
    )


def _line(source: Source | None, span: Span) -> str:
    return redacted(source, span.start.line).strip() if source is not None else ""
