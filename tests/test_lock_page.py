"""docs/lock.md: its hubs are right, and its lock is one."""

import re
from pathlib import Path

from mcphub_gitops.compiler.lock.file import read_lock
from tests.support.hubs import hub_of

PAGE = (Path(__file__).parents[1] / "docs" / "lock.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(yaml|json)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
CATALOG = b"""\
version: 3
name: docker-mcp
displayName: Docker MCP Catalog
registry:
  grafana:
    title: Grafana
    description: Dashboards.
    type: server
    image: registry.example/grafana@sha256:%s
    tools: [{name: get_dashboard}]
""" % (b"a" * 64)


def test_its_hubs_declare_what_it_speaks_of() -> None:
    wiki, prompts, grafana = (
        hub_of(text, {"catalogs/docker.yaml": CATALOG}).servers[0] for kind, text in BLOCKS if kind == "yaml"
    )
    assert [glob.value for glob in wiki.prompts.deny] == ["draft_*"]
    assert [glob.value for glob in wiki.uris.allow] == ["wiki://pages/{title}", "wiki://about"]
    assert prompts.no_tools == "it is there for its prompts"
    assert grafana.definitions is not None
    assert grafana.definitions.tools == {"get_dashboard": {"name": "get_dashboard"}}


def test_its_lock_can_be_read() -> None:
    (text,) = (text for kind, text in BLOCKS if kind == "json")
    lock, _, problems = read_lock("mcp-hub.lock", text.encode())
    assert problems == ()
    assert lock is not None
    assert lock.servers["notes"].hidden == {"drop_all"}
    assert set(lock.servers["notes"].tools) == {"add_note", "drop_all"}


def test_it_has_no_other_blocks() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS)
