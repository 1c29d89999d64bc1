"""What a catalog says of a tool, nobody held the server to: a review takes it for the worse."""

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.review.comparison import Definitions, compare, servers_with_other_tools
from mcphub_gitops.compiler.review.markdown import render_markdown
from mcphub_gitops.compiler.review.phrase import traits
from mcphub_gitops.compiler.review.side import Held, Side, Written, side_of_desired, side_of_lock
from mcphub_gitops.compiler.review.text import render_text
from mcphub_gitops.compiler.validation import open_document
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
catalogs: {ours: {path: catalog.yaml}}
servers: {notes: {from: ours/notes, definitions: {from: catalog, reason: nobody may start it}}}
"""
CATALOG = "registry: {notes: {image: 'registry.example/notes@sha256:DIGEST', tools: [TOOLS]}}"
READING = "{name: read, arguments: [{name: title, type: string}], annotations: {readOnlyHint: true}}"
TOLD = "its catalog says this, and the server is not held to it: taken for one that may destroy"


def sides_of(tools: str) -> tuple[Side, Side, Definitions]:
    """Return the hub whose catalog names `tools`, and its lock."""
    hub = hub_of(HUB, {"catalog.yaml": CATALOG.replace("DIGEST", "0f" * 32).replace("TOOLS", tools).encode()})
    lock, definitions = lock_of(hub, {})
    root = open_document("mcp-hub.yaml", HUB.encode()).root
    assert root is not None
    written = Written(root=root, hub=hub)
    held = Held(lock=lock, policies=(), verdicts=())
    side = side_of_desired(
        build(hub, lock, definitions)[0], name="it", kind="hub", commit="", held=held, written=written
    )
    return side, side_of_lock(lock, name="it"), definitions


def test_in_hubs_and_in_locks() -> None:
    before, after = sides_of("{name: list}"), sides_of(f"{{name: list}}, {READING}")
    for one, other in ((before[0], after[0]), (before[1], after[1])):
        assert servers_with_other_tools(one, other) == (frozenset({"notes"}), frozenset({"notes"}))
        review = compare(one, other, (before[2], after[2]))
        (tool,) = review.tools
        assert (tool.change.tool, tool.by_catalog) == ("read", True)
        assert TOLD in render_text(review)
        assert TOLD in render_markdown(review, whole="mcphub diff a b")


def test_what_a_tool_says_itself_counts() -> None:
    definition = {"name": "read", "description": "Reads.", "annotations": {"readOnlyHint": True}}
    assert traits(definition).startswith("says that it only reads;")
    assert traits(definition, by_catalog=True).startswith(TOLD)
