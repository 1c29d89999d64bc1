"""A hub with policies, a profile and a waiver, which tests of hubs are held against."""

from pathlib import Path

from mcphub_gitops.runtime.project import Project
from tests.support.projects import write_project

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
policies: [policies/*.yaml]
servers:
  notes: {command: [python3, srv/notes.py], secrets: {NOTES_KEY: "env://NOTES_KEY"}, tools: {deny: ["drop_*"]}}
  time: {package: "pypi:mcp-server-time@1"}
profiles:
  support: {servers: [time]}
"""
POLICY = """\
apiVersion: mcphub/policy/v1
rules:
  - name: no-python
    level: deny-unless-approved
    match: {kind: server, when: "server.kind == 'process'"}
    deny: "server.origin == 'command'"
    message: none
  - {name: pinned, level: warn, match: {kind: server}, deny: "server.name == 'time'", message: none}
  - {name: remote, level: deny, match: {kind: server}, deny: "server.kind == 'remote'", message: none}
  - {name: tiny, level: warn, match: {kind: tool}, deny: "size(tool.name) < 5", message: none}
waivers:
  - {rule: no-python, subject: notes, owner: ann, reason: old, expires: 2026-12-31}
"""


def write_tried(folder: Path) -> Project:
    """Write the hub with its policies and a lock that fits."""
    (folder / "policies").mkdir()
    (folder / "policies" / "base.yaml").write_text(POLICY)
    return write_project(folder, HUB, {"notes": ("add", "drop_all"), "time": ("now", "convert")})
