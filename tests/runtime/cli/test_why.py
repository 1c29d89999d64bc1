import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.policies import HEAD
from tests.support.projects import mcphub, write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
owner: platform
defaults: {run: process}
servers:
  notes:
    command: [python3, srv/notes.py]
    secrets: {NOTES_KEY: "env://NOTES_KEY"}
    paths: {read: [data], write: [out]}
    tools: {allow: ["get_*"], deny: [get_secret]}
    prefix: n
  time: {package: "pypi:mcp-server-time@1", owner: clocks}
"""
TOOLS = {"notes": ("get_note", "get_secret", "add"), "time": ("now",)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, HUB, TOOLS)
    return tmp_path


def ask(project: Path, *arguments: str) -> dict[str, Any]:
    done = mcphub(project, "why", *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["format"] == "mcphub.why/v1"
    return document


def test_a_server_is_told_line_by_line(project: Path) -> None:
    done = mcphub(project, "why", "notes")
    assert done.returncode == 0
    assert (
        done.stdout
        == """\
notes, of the hub acme

  declared  here  (mcp-hub.yaml:6:3)
  is        the command python3 srv/notes.py  (mcp-hub.yaml:7:15)
  owner     platform  (mcp-hub.yaml:3:8)
  may       reach whatever this machine reaches: a process has its network  (mcp-hub.yaml:6:3)
            read data  (mcp-hub.yaml:9:20)
            write out  (mcp-hub.yaml:9:35)
            read srv, which its command names  (mcp-hub.yaml:7:14)
  secret    NOTES_KEY: env://NOTES_KEY  (mcp-hub.yaml:8:26)
  serves    1 of 3 tools: n_get_note  (mcp-hub.yaml:10:12)
  locked    yes: mcp-hub.lock has it, with 3 tools
  applied   no: nothing is applied
"""
    )


def test_a_tool_by_the_name_that_clients_see_is_that_tool(project: Path) -> None:
    own = ask(project, "notes.get_note")
    assert (own["server"], own["tool"]) == ("notes", "get_note")
    assert ask(project, "n_get_note") == ask(project, "notes.n_get_note") == own
    found = {each["topic"]: each for each in own["statements"]}
    assert found["served"]["text"] == "yes, once the hub is applied as it is here"
    assert found["served"]["place"] is None
    assert found["name"]["place"] == {"file": "mcp-hub.yaml", "line": 11, "column": 13}
    assert found["definition"]["text"] == "whole, and as it was locked: The tool get_note."


@pytest.mark.parametrize(
    ("name", "message", "help_"),
    [
        ("note", "no server or tool is called note", "did you mean `notes`?"),
        ("n_get_not", "no server or tool is called n_get_not", "did you mean `n_get_note`?"),
        ("tme.now", "no server is called tme", "did you mean `time`?"),
        ("time.nwo", "the server time has no tool nwo that is known", "did you mean `now`?"),
    ],
)
def test_unknown_names_get_suggestions(project: Path, name: str, message: str, help_: str) -> None:
    done = mcphub(project, "why", name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"error: {message}\n  help: {help_}\n"


def test_a_server_with_mistakes_is_not_taken_for_an_unknown_one(project: Path) -> None:
    hub = project / "mcp-hub.yaml"
    hub.write_text(HUB + "  odd: {novelty: true}\n")
    done = mcphub(project, "why", "odd")
    assert done.returncode == 1
    assert "the server odd has mistakes" in done.stderr
    assert mcphub(project, "why", "time").returncode == 0
    hub.write_text("servers: [\n")
    done = mcphub(project, "why", "time")
    assert done.returncode == 1
    assert "MH104" in done.stderr


def test_what_is_not_locked_yet_has_no_known_tools(project: Path) -> None:
    (project / "mcp-hub.lock").unlink()
    assert "no: mcp-hub.lock does not have it" in mcphub(project, "why", "time").stdout
    done = mcphub(project, "why", "time.now")
    assert done.returncode == 1
    assert "its tools are known when it is locked: run `mcphub lock`" in done.stderr


def test_what_policies_say_is_told_with_rule_and_waiver(project: Path) -> None:
    hub = project / "mcp-hub.yaml"
    hub.write_text(HUB.replace("owner: platform", "policies: [rules.yaml]", 1))
    (project / "rules.yaml").write_text(
        f"{HEAD}rules:\n  - {{name: owned, level: deny-unless-approved, match: {{kind: server}}, "
        "deny: \"server.owner == ''\", message: Name one.}\n"
        "waivers:\n  - {rule: owned, subject: notes, owner: ann, reason: later, expires: 2030-06-15}\n"
    )
    before = mcphub(project, "why", "notes", "--as-of", "2030-06-15").stdout
    assert "policy    owned: waived (deny-unless-approved): Name one.  (rules.yaml:3:12)" in before
    assert "waiver    owned: ann answers for it through 2030-06-15: later  (rules.yaml:5:12)" in before
    after = ask(project, "notes.get_note", "--as-of", "2030-06-16")
    assert [each["text"] for each in after["statements"] if each["topic"] == "served"] == [
        "no: policies deny the hub as it is"
    ]


def test_a_damaged_record_is_told_and_not_taken_for_nothing(project: Path) -> None:
    (project / ".mcphub").mkdir(mode=0o700)
    (project / ".mcphub" / "current").write_text("")
    found = ask(project, "time")
    assert found["statements"][-1]["text"] == "unknown: the record of what is applied is damaged"
