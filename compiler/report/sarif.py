"""Diagnostics as SARIF 2.1.0 (OASIS), within what GitHub's code scanning takes.

Limits: docs.github.com, "SARIF support for code scanning": 25,000 results a run, of which the 5,000 most severe are
shown, and 10 MB of the file when compressed.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.compiler.codes import CODES, Code, Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix
from mcphub_gitops.compiler.report.identity import Finding, Report, count_by_severity, words
from mcphub_gitops.compiler.source import Span, printable

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What a consumer takes: results of one run, how many it shows of them, and bytes of the compressed document."""

    results: int = 25_000
    shown: int = 5_000
    compressed: int = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sarif:
    """A SARIF document, and what its readers have to know of what is not in it or not shown; it says that as well."""

    text: str
    notices: tuple[str, ...]


def render_sarif(report: Report, caps: Caps | None = None) -> Sarif:
    """Return the report as one run, the most important results first; what is past the caps is left out, and told."""
    caps = caps or Caps()
    findings = tuple(report.findings())
    kept = findings[: caps.results]
    while True:
        notices = tuple(_notices(findings, len(kept), caps))
        text = json.dumps(_document(report, kept, notices), indent=1) + "\n"
        size = len(zlib.compress(text.encode()))
        if size <= caps.compressed or not kept:
            return Sarif(text=text, notices=notices)
        # A tenth less than the share that fits, so that few rounds are needed.
        kept = kept[: min(len(kept) - 1, len(kept) * caps.compressed * 9 // (size * 10))]


def _notices(findings: Sequence[Finding], kept: int, caps: Caps) -> Iterator[str]:
    if kept < len(findings):
        missing = count_by_severity(each.diagnostic for each in findings[kept:])
        yield f"Left out, being more than a code scanner takes: {missing}."
    if kept > caps.shown:
        yield f"GitHub shows the {caps.shown:,} most important of {kept:,} results."


def _document(report: Report, findings: Sequence[Finding], notices: tuple[str, ...]) -> dict[str, Any]:
    used = {each.diagnostic.code.name for each in findings}
    rules = [code for code in CODES.values() if code.name in used]
    index = {code.name: number for number, code in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "mcphub", "version": report.version, "rules": [_rule(code) for code in rules]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [_invocation(notices)],
        "results": [_result(report, each, index) for each in findings],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(notices: tuple[str, ...]) -> dict[str, Any]:
    told = [{"level": "warning", "message": {"text": each}} for each in notices]
    return {"executionSuccessful": True, "toolExecutionNotifications": told}


def _rule(code: Code) -> dict[str, Any]:
    help_ = f"{code.explanation} Run `mcphub explain {code.name}`."
    return {
        "id": code.name,
        "shortDescription": {"text": code.summary},
        "fullDescription": {"text": code.explanation},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
        "properties": {"precision": "very-high", "problem.severity": _problem_severity(code.severity)},
    }


def _problem_severity(severity: Severity) -> str:
    """Return GitHub's word for `severity`; it has none for notes but "recommendation"."""
    return "recommendation" if severity is Severity.NOTE else severity.value


def _result(report: Report, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    diagnostic = finding.diagnostic
    result: dict[str, Any] = {
        "ruleId": diagnostic.code.name,
        "ruleIndex": index[diagnostic.code.name],
        "level": _LEVELS[diagnostic.severity],
        "message": _message(_said(diagnostic)),
        "locations": [{"physicalLocation": _physical(report, diagnostic.span)}],
        "partialFingerprints": {"mcphub/v1": finding.fingerprint},
    }
    if diagnostic.notes:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _physical(report, note.span), "message": _message([note.message])}
            for number, note in enumerate(diagnostic.notes, 1)
        ]
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(report, diagnostic.fix)]
    return result


def _said(diagnostic: Diagnostic) -> Iterable[str]:
    # Notes have places of their own in SARIF.
    bare = Diagnostic(code=diagnostic.code, detail=diagnostic.detail, span=diagnostic.span, help=diagnostic.help)
    return list(words(bare)) or [diagnostic.code.summary]


def _message(lines: Iterable[str]) -> dict[str, str]:
    text = "\n".join(printable(line) for line in lines)
    # A user's text makes no link: section 3.11.6 escapes brackets by backslashes.
    return {"text": text.replace("[", r"\[").replace("]", r"\]") if "](" in text else text}


def _fix(report: Report, fix: Fix) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(each.span), **({"insertedContent": {"text": each.text}} if each.text else {})}
        for each in fix.replacements
    ]
    change = {"artifactLocation": _artifact(report, fix.replacements[0].span), "replacements": replacements}
    return {"description": _message([fix.title]), "artifactChanges": [change]}


def _physical(report: Report, span: Span) -> dict[str, Any]:
    return {"artifactLocation": _artifact(report, span), "region": _region(span)}


def _artifact(report: Report, span: Span) -> dict[str, Any]:
    return {"uri": _uri(report.path(span)), "uriBaseId": _ROOT}


def _uri(path: str) -> str:
    """Return a relative path as a URI reference (RFC 3986); it can neither begin a scheme nor another host."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in path.encode("utf-8", "surrogateescape")
    )


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }
