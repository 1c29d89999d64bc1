"""Diagnostics as a report of GitLab's code quality (docs.gitlab.com, "Code Quality", "Code Quality report format")."""

import json
from typing import Any

from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.report.identity import Finding, Report, words
from mcphub_gitops.compiler.source import printable

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render_gitlab(report: Report) -> str:
    """Return the JSON list of all findings, the most important first; an empty list when there are none."""
    return json.dumps([_entry(report, each) for each in report.findings()], indent=2) + "\n"


def _entry(report: Report, finding: Finding) -> dict[str, Any]:
    diagnostic = finding.diagnostic
    text = " ".join((f"{diagnostic.code.summary}.", *words(diagnostic)))
    lines = {"begin": diagnostic.span.start.line, "end": diagnostic.span.last_line}
    return {
        "description": text[:1].upper() + text[1:],
        "check_name": diagnostic.code.name,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {"path": printable(report.path(diagnostic.span)), "lines": lines},
    }
