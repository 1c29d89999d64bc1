"""Reviews of cases: ``before.yaml`` with ``tools-before.json`` against ``mcp-hub.yaml`` with ``tools.json``.

A tool is its name, or a whole definition. `offers-before.json` and `offers.json` are what servers offer beside tools.
Without `before.yaml` there was no hub. Policies are those that a side names, catalogs `catalog*.yaml`.
Expected: `review.txt`, the review in each format.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.review.comparison import compare, servers_with_other_tools
from mcphub_gitops.compiler.review.document import render_document
from mcphub_gitops.compiler.review.markdown import render_markdown
from mcphub_gitops.compiler.review.model import Review
from mcphub_gitops.compiler.review.side import Held, Side, Written, absent, side_of_desired
from mcphub_gitops.compiler.review.text import render_text
from mcphub_gitops.compiler.validation import open_document
from mcphub_gitops.runtime.cli.enforcing import enforce_project
from mcphub_gitops.runtime.tree import Folder
from tests.support.hubs import Definitions, hub_of, lock_of
from tests.support.offers import offers_in_case, with_offers

AS_OF = "2026-06-15"
WHOLE = "mcphub plan --against main"


def run_reviews(case: Path) -> str:
    """Return the case's review in each format."""
    review = review_of(case)
    shown = {
        "human": render_text(review),
        "markdown": render_markdown(review, whole=WHOLE),
        "json": render_document(review),
    }
    return "".join(f"== {name} ==\n{text}" for name, text in shown.items())


def review_of(case: Path) -> Review:
    """Return the case's review."""
    before = absent("main", "hub", "1" * 40, "there is no `mcp-hub.yaml`, so that everything is new")
    definitions: Definitions = {}
    if (case / "before.yaml").exists():
        before, definitions = side_of(case, "before.yaml", "tools-before.json", "main", "1" * 40)
    after, others = side_of(case, "mcp-hub.yaml", "tools.json", "the working tree", "")
    was, now = servers_with_other_tools(before, after)
    return compare(before, after, (_of(definitions, was), _of(others, now)))


def side_of(case: Path, hub_file: str, tools_file: str, name: str, commit: str) -> tuple[Side, Definitions]:
    """Return the side that a hub of the case is, and all its definitions."""
    text = (case / hub_file).read_text("utf-8")
    hub = hub_of(text, {path.name: path.read_bytes() for path in case.glob("catalog*.yaml")})
    lock, definitions = locked(lock_of(hub, {}), json.loads((case / tools_file).read_bytes()))
    lock, others = with_offers(hub, lock, offers_in_case(case, tools_file.replace("tools", "offers")))
    desired, problems = build(hub, lock, definitions, others)
    assert problems == ()
    root = open_document("mcp-hub.yaml", text.encode()).root
    assert root is not None
    compiled = Compiled(sources=(), hub=hub, desired=desired, stale=(), diagnostics=(), bound=desired)
    enforced = enforce_project(compiled, case, Folder(case), AS_OF) if hub.has_policies else compiled
    assert {each.code for each in enforced.diagnostics} <= {codes.DENIED, codes.WAIVED, codes.WAIVER_UNUSED}
    side = side_of_desired(
        desired,
        name=name,
        kind="hub",
        commit=commit,
        held=Held(
            lock=lock,
            policies=enforced.policies if isinstance(enforced, Enforced) else (),
            verdicts=enforced.verdicts if isinstance(enforced, Enforced) else (),
        ),
        written=Written(root=root, hub=hub),
    )
    return side, definitions


def locked(found: tuple[Lock, Definitions], tools: Mapping[str, list[Any]]) -> tuple[Lock, Definitions]:
    """Return a lock with the tools that are given, each as a name or as a definition."""
    given = {server: {each["name"]: each for each in map(defined, names)} for server, names in tools.items()}
    # Tools that are containers have the definitions of their catalog.
    definitions = {**found[1], **given}
    servers = {
        name: replace(each, tools={tool: fingerprint(one) for tool, one in sorted(definitions[name].items())})
        for name, each in found[0].servers.items()
    }
    return replace(found[0], servers=MappingProxyType(servers)), definitions


def defined(tool: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a definition as it stands, or one that is made of a name."""
    if not isinstance(tool, str):
        return tool
    return {"name": tool, "description": f"The tool {tool}.", "inputSchema": {"type": "object"}}


def _of(definitions: Definitions, servers: frozenset[str]) -> Definitions:
    return {name: definitions[name] for name in servers}
