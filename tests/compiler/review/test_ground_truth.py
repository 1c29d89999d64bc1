"""Two published catalogs, three months apart: a review of locks to them says what differs, to the tool."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bench.hubs import read_registry
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.review.comparison import compare, servers_with_other_tools
from mcphub_gitops.compiler.review.markdown import MOST, render_markdown
from mcphub_gitops.compiler.review.model import Review
from mcphub_gitops.compiler.review.phrase import counts
from mcphub_gitops.compiler.review.side import side_of_lock
from mcphub_gitops.compiler.review.text import render_text
from tests.support.shared import SHARED, needs_shared_data

BEFORE, AFTER = "catalog-2025-11-20.yaml", "catalog-2026-02-10.yaml"
NEW = 44


@needs_shared_data
def test_the_counts_are_those_of_the_catalogs() -> None:
    summary = _review().summary
    assert (len(summary.added), summary.removed) == (NEW, ("postgres", "root", "tembo"))
    assert (summary.other_image, summary.common) == (104, 268)
    assert (summary.other_tools, summary.other_tools_same_image) == (32, 3)
    assert (summary.tools_added, summary.tools_removed) == (146, 57)
    assert counts(summary) == (
        "servers +44, -3, 107 of 268 common ones changed: 104 with a new image, 32 with a changed tool set"
        " (3 of them without a new image); tools +146, -57, ~0"
    )


@needs_shared_data
def test_it_reads_well_and_fits_into_a_comment() -> None:
    review = _review()
    comment = render_markdown(review, whole="mcphub diff a b")
    assert len(comment) <= MOST
    assert comment.count("<details>") == comment.count("</details>") == NEW + 3 + 107
    assert "left out" not in comment
    assert counts(review.summary) in render_text(review)


def _review() -> Review:
    (before, one), (after, other) = _locked(BEFORE), _locked(AFTER)
    sides = side_of_lock(before, name="before"), side_of_lock(after, name="after")
    was, now = servers_with_other_tools(*sides)
    return compare(*sides, ({name: one[name] for name in was}, {name: other[name] for name in now}))


def _locked(catalog: str) -> tuple[Lock, Mapping[str, Mapping[str, Mapping[str, Any]]]]:
    registry = read_registry((SHARED / catalog).read_bytes())
    definitions = {
        server: {tool["name"]: {"name": tool["name"]} for tool in entry.get("tools") or ()}
        for server, entry in registry.items()
    }
    servers = {
        server: LockedServer(
            launch="sha256:1",
            era="modern",
            image=str(entry.get("image", "")),
            tools=MappingProxyType({name: fingerprint(tool) for name, tool in definitions[server].items()}),
        )
        for server, entry in sorted(registry.items())
    }
    return Lock(servers=MappingProxyType(servers)), definitions
