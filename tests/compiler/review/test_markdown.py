"""The comment fits, whatever there is to say, and says what it leaves out."""

import re
from dataclasses import replace

import pytest

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.review.comparison import compare, servers_with_other_tools
from mcphub_gitops.compiler.review.markdown import MOST, render_markdown
from mcphub_gitops.compiler.review.model import Review
from mcphub_gitops.compiler.review.side import absent, side_of_desired
from mcphub_gitops.compiler.review.text import render_text
from tests.support.hubs import hub_of, lock_of
from tests.support.reviews import locked

WHOLE = "mcphub plan --against main"


def _new(servers: int, tools: list[object]) -> Review:
    entries = "".join(
        f"  s{number}: {{image: 'registry.example/s{number}@sha256:{number:064x}', run: container,"
        f" secrets: {{KEY: 'env://KEY'}}}}\n"
        for number in range(servers)
    )
    profiles = "".join(f"  p{number}: {{servers: [s{number}]}}\n" for number in range(servers))
    head = "apiVersion: mcphub/v1\nname: acme\ngateway: {onConflict: prefix}\nservers:\n"
    hub = hub_of(f"{head}{entries}profiles:\n{profiles}")
    lock, definitions = locked(lock_of(hub, {}), {f"s{number}": tools for number in range(servers)})
    desired, _ = build(hub, lock, definitions)
    before = absent("main", "hub", "", "there is no `mcp-hub.yaml`, so that everything is new")
    after = side_of_desired(desired, name="the working tree", kind="hub")
    _, now = servers_with_other_tools(before, after)
    return compare(before, after, ({}, {name: definitions[name] for name in now}))


@pytest.mark.parametrize("servers", [1, 40, 300])
def test_a_large_change_fits_and_says_what_is_left_out(servers: int) -> None:
    review = _new(servers, [{"name": "t", "description": "`" * 50 + "x" * 5000}])
    comment = render_markdown(review, whole=WHOLE)
    assert len(comment) <= MOST
    left = [int(each) for each in re.findall(r"^(\d+) more servers are left out here", comment, re.MULTILINE)]
    assert comment.count("<details>") + sum(left) == servers
    assert (f"left out here: `{WHOLE}` prints all of it." in comment) is (servers > 1)
    assert comment.endswith("does not come to this review digest.\n")
    assert "#### Not checked" in comment


def test_each_table_is_as_wide_as_its_head() -> None:
    comment = render_markdown(_new(3, ["a|b"]), whole=WHOLE)
    for table in re.findall(r"(?:^\|.*\n)+", comment, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1


def test_a_name_of_a_side_forges_nothing() -> None:
    review = _new(1, ["t"])
    forged = replace(review, before=replace(review.before, name="x`\n# forged @team", notes=("no `x`\n- y",)))
    for text in (render_markdown(forged, whole="mcphub `x`"), render_text(forged)):
        assert not [line for line in text.splitlines() if line.startswith(("# ", "- y"))]
    assert "- from ``x` # forged @team``\n" in render_markdown(forged, whole=WHOLE)


def test_what_a_server_has_too_much_of_is_counted() -> None:
    comment = render_markdown(_new(1, [{"name": f"t{number}", "inputSchema": {}} for number in range(30)]), whole=WHOLE)
    assert "\n- and 10 more tools\n" in comment
