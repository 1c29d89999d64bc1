"""A secret that stands anywhere in a hub is in no report on it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import render
from mcphub_gitops.compiler.report.document import render_json, render_json_lines
from mcphub_gitops.compiler.report.github import render_github
from mcphub_gitops.compiler.report.gitlab import render_gitlab
from mcphub_gitops.compiler.report.identity import Report
from mcphub_gitops.compiler.report.sarif import render_sarif
from mcphub_gitops.compiler.sourcing import validate

HUB = """\
apiVersion: mcphub/v1
name: acme
vars: {place: home}
servers:
  time:
    package: "pypi:mcp-server-time@1"
    run: process
    args: [--local-timezone, "${vars.place}"]
    env: {LEVEL: info}
    secrets: {KEY: "env://KEY"}
    tools: {allow: [get_time]}
  there:
    remote: {url: "https://there.example/mcp", headers: {X-Key: "${secrets.KEY}"}}
    secrets: {KEY: "file://key"}
"""
TOKEN = "ghp_" + "Zq9" * 12
WORDS = sorted({word for word in HUB.replace('"', " ").replace(",", " ").split() if word[0].isalnum()})
REPORTS: dict[str, Callable[[Report], str]] = {
    "human": lambda report: "".join(render(each, report.sources) for each in report.diagnostics),
    "json": render_json,
    "jsonl": render_json_lines,
    "github": lambda report: str(render_github(report)),
    "gitlab": render_gitlab,
    "sarif": lambda report: render_sarif(report).text,
}


@pytest.mark.parametrize("word", WORDS)
def test_a_token_is_in_no_report(word: str) -> None:
    text = HUB.replace(word, word.replace(word.strip(":{}[]"), TOKEN))
    assert TOKEN in text
    check(text)


@given(st.sampled_from(WORDS), st.text(st.sampled_from("\"'{}[]:,&*!|>\n #"), max_size=3), st.integers(0, len(HUB)))
def test_a_token_in_a_broken_hub_is_in_no_report(word: str, damage: str, place: int) -> None:
    text = HUB.replace(word, word.replace(word.strip(":{}[]"), TOKEN), 1)
    check(text[:place] + damage + text[place:])


def check(text: str) -> None:
    validated = validate("mcp-hub.yaml", text.encode())
    sources = {"mcp-hub.yaml": validated.source}
    report = Report(diagnostics=validated.diagnostics, sources=sources, folder="", version="1")
    # Damage may cut the token in two; its parts are not one any more.
    assert [name for name, make in REPORTS.items() if TOKEN in make(report)] == []
